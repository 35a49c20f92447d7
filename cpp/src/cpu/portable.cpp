// Any CPU. As wide as AVX-512, so that the same control flow runs on every machine.

#include <cmath>

#include "cpu/cpu_backend.hpp"
#include "cpu/fused.hpp"

// Sums of this width are in memory, not in registers, so unrolled loops over them would only be long.
#undef FACEPRINT_UNROLL
#define FACEPRINT_UNROLL

namespace faceprint::portable {
namespace {

struct Lanes {
  static constexpr std::ptrdiff_t count = 16, accumulators = 8, tile_queries = 4;
  float values[count];

  static Lanes broadcast(float value) {
    Lanes lanes;
    for (float& lane : lanes.values) lane = value;
    return lanes;
  }
  static Lanes load(const float* from) {
    Lanes lanes;
    for (std::ptrdiff_t i = 0; i < count; ++i) lanes.values[i] = from[i];
    return lanes;
  }
  void store(float* to) const {
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = values[i];
  }
};
using Mask = bool;

Lanes operator+(Lanes a, const Lanes& b) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) a.values[i] += b.values[i];
  return a;
}
Lanes operator-(Lanes a, const Lanes& b) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) a.values[i] -= b.values[i];
  return a;
}
Lanes operator*(Lanes a, const Lanes& b) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) a.values[i] *= b.values[i];
  return a;
}
Lanes max(Lanes a, const Lanes& b) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) a.values[i] = std::max(a.values[i], b.values[i]);
  return a;
}
Lanes multiply_add(const Lanes& a, const Lanes& b, Lanes c) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) {
#if defined(__FMA__) || defined(__aarch64__)
    c.values[i] = std::fma(a.values[i], b.values[i], c.values[i]);
#else
    c.values[i] = fused_multiply_add(a.values[i], b.values[i], c.values[i]);
#endif
  }
  return c;
}
Mask none() { return false; }
Mask either(Mask a, Mask b) { return a || b; }
bool any(Mask mask) { return mask; }
Mask less(const Lanes& a, const Lanes& b) {
  Mask found = false;
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) found |= a.values[i] < b.values[i];
  return found;
}

#include "cpu/kernels-inl.hpp"

struct Kernels {
  static constexpr std::string_view name = "portable", otherwise = "";
  static bool runs_here() { return true; }
  static constexpr auto norms = panel_squares;
  static constexpr auto distances = portable::distances;
  static constexpr auto nearest = portable::nearest;
  static constexpr auto chip = portable::chip;
};

}  // namespace
}  // namespace faceprint::portable

namespace faceprint {

const Backend& portable_backend() {
  static const CpuBackend<portable::Kernels> backend;
  return backend;
}

}  // namespace faceprint
