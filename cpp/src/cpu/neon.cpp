// AArch64, where NEON is part of the baseline: 32 registers of 4 floats.

#include "absent.hpp"
#include "cpu/cpu_backend.hpp"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace faceprint::neon {
namespace {

struct Lanes {
  static constexpr std::ptrdiff_t count = 4, accumulators = 24, tile_queries = 6;
  float32x4_t values;

  static Lanes broadcast(float value) { return {vdupq_n_f32(value)}; }
  static Lanes load(const float* from) { return {vld1q_f32(from)}; }
  void store(float* to) const { vst1q_f32(to, values); }
};
using Mask = uint32x4_t;

inline Lanes operator+(Lanes a, Lanes b) { return {vaddq_f32(a.values, b.values)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {vsubq_f32(a.values, b.values)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {vmulq_f32(a.values, b.values)}; }
inline Lanes max(Lanes a, Lanes b) { return {vmaxq_f32(a.values, b.values)}; }
inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return {vfmaq_f32(c.values, a.values, b.values)}; }
inline Mask none() { return vdupq_n_u32(0); }
inline Mask either(Mask a, Mask b) { return vorrq_u32(a, b); }
inline bool any(Mask mask) { return vmaxvq_u32(mask) != 0; }
inline Mask less(Lanes a, Lanes b) { return vcltq_f32(a.values, b.values); }

#include "cpu/kernels-inl.hpp"

struct Kernels {
  static constexpr std::string_view name = "neon", otherwise = "";
  static bool runs_here() { return true; }
  static constexpr auto norms = panel_squares;
  static constexpr auto distances = neon::distances;
  static constexpr auto nearest = neon::nearest;
  static constexpr auto chip = neon::chip;
};

}  // namespace
}  // namespace faceprint::neon

namespace faceprint {

const Backend& neon_backend() {
  static const CpuBackend<neon::Kernels> backend;
  return backend;
}

}  // namespace faceprint

#else

const faceprint::Backend& faceprint::neon_backend() {
  static const AbsentBackend backend("neon", "this build is not for AArch64");
  return backend;
}

#endif
