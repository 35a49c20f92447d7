// x86-64 with AVX-512: 32 registers of 16 floats.

#include "absent.hpp"
#include "cpu/cpu_backend.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

FACEPRINT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl")
namespace faceprint::avx512 {
namespace {

struct Lanes {
  static constexpr std::ptrdiff_t count = 16, accumulators = 24, tile_queries = 12;
  __m512 values;

  static Lanes broadcast(float value) { return {_mm512_set1_ps(value)}; }
  static Lanes load(const float* from) { return {_mm512_loadu_ps(from)}; }
  void store(float* to) const { _mm512_storeu_ps(to, values); }
};
using Mask = __mmask16;

inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.values, b.values)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.values, b.values)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.values, b.values)}; }
// With a full mask: GCC 12 warns of the undefined register inside its own _mm512_max_ps.
inline Lanes max(Lanes a, Lanes b) { return {_mm512_maskz_max_ps(0xffff, a.values, b.values)}; }
inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.values, b.values, c.values)}; }
inline Mask none() { return 0; }
inline Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
inline bool any(Mask mask) { return mask != 0; }
inline Mask less(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.values, b.values, _CMP_LT_OQ); }

#include "cpu/kernels-inl.hpp"

}  // namespace
}  // namespace faceprint::avx512
FACEPRINT_TARGET_END

namespace faceprint {
namespace {

struct Kernels {
  static constexpr std::string_view name = "avx512", otherwise = "the CPU lacks AVX-512";
  static bool runs_here() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
  static constexpr auto norms = avx512::panel_squares;
  static constexpr auto distances = avx512::distances;
  static constexpr auto nearest = avx512::nearest;
  static constexpr auto chip = avx512::chip;
};

}  // namespace

const Backend& avx512_backend() {
  static const CpuBackend<Kernels> backend;
  return backend;
}

}  // namespace faceprint

#else

const faceprint::Backend& faceprint::avx512_backend() {
  static const AbsentBackend backend("avx512", "this build is not for x86-64");
  return backend;
}

#endif
