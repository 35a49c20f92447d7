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
  static Lanes load(const Half* from) {
    Lanes lanes;
    for (std::ptrdiff_t i = 0; i < count; ++i) lanes.values[i] = to_float(from[i]);
    return lanes;
  }
  void store(float* to) const {
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = values[i];
  }
};
using Mask = std::uint32_t;  // a bit a lane

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
float least(const Lanes& a) { return *std::min_element(a.values, a.values + Lanes::count); }
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
Mask none() { return 0; }
Mask either(Mask a, Mask b) { return a | b; }
bool any(Mask mask) { return mask != 0; }
std::uint32_t bits(Mask mask) { return mask; }
Mask less(const Lanes& a, const Lanes& b) {
  Mask found = 0;
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) found |= Mask{a.values[i] < b.values[i]} << i;
  return found;
}
Mask not_above(const Lanes& a, const Lanes& b) {
  Mask found = 0;
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) found |= Mask{a.values[i] <= b.values[i]} << i;
  return found;
}

struct Bytes {
  static constexpr std::int32_t offset = 0;
  std::int16_t values[4 * Lanes::count];  // the codes; of nibbles, 8 more

  static Bytes load(const std::uint8_t* from) {
    Bytes bytes;
    for (std::ptrdiff_t i = 0; i < 4 * Lanes::count; ++i) bytes.values[i] = static_cast<std::int16_t>(from[i] - 128);
    return bytes;
  }
  static Bytes load_low(const std::uint8_t* from) {
    Bytes bytes;
    for (std::ptrdiff_t i = 0; i < 4 * Lanes::count; ++i) bytes.values[i] = static_cast<std::int16_t>(from[i] & 15);
    return bytes;
  }
  static Bytes load_high(const std::uint8_t* from) {
    Bytes bytes;
    for (std::ptrdiff_t i = 0; i < 4 * Lanes::count; ++i) bytes.values[i] = static_cast<std::int16_t>(from[i] >> 4);
    return bytes;
  }
  static Bytes broadcast(const std::int8_t* four) {
    Bytes bytes;
    for (std::ptrdiff_t i = 0; i < 4 * Lanes::count; ++i) bytes.values[i] = std::int16_t{four[i % 4]};
    return bytes;
  }
};

struct Counts {
  std::int32_t values[Lanes::count];

  static Counts begin(std::int32_t sum) {
    Counts counts;
    for (std::int32_t& count : counts.values) count = sum;
    return counts;
  }
  void store(std::int32_t* to) const {
    for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) to[i] = values[i];
  }
};

Counts count_up(Counts counts, Mask where) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) counts.values[i] += static_cast<std::int32_t>(where >> i & 1);
  return counts;
}

Counts add_products(Counts sum, const Bytes& rows, const Bytes& query) {
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) {
    for (std::ptrdiff_t j = 4 * i; j < 4 * i + 4; ++j) sum.values[i] += rows.values[j] * query.values[j];
  }
  return sum;
}
Lanes to_floats(const Counts& sum) {
  Lanes lanes;
  for (std::ptrdiff_t i = 0; i < Lanes::count; ++i) lanes.values[i] = static_cast<float>(sum.values[i]);
  return lanes;
}

struct Shares {
  std::int32_t values[taps_per_strip];

  static Shares of(std::int32_t begin, std::int32_t side, std::int32_t strip) {
    Shares shares;
    for (std::int32_t i = 0; i < 4; ++i) shares.values[i] = tap_share(begin, side, 4 * strip + i);
    return shares;
  }
};

struct Sums {
  std::int32_t values[8];
};

Sums operator+(Sums a, const Sums& b) {
  for (std::ptrdiff_t i = 0; i < 8; ++i) a.values[i] += b.values[i];
  return a;
}

struct Strip {
  float values[8];

  void store_sum(float* to) const {
    for (std::ptrdiff_t i = 0; i < 4; ++i) to[i] = values[i] + values[i + 4];
  }
};

Strip operator+(Strip a, const Strip& b) {
  for (std::ptrdiff_t i = 0; i < 8; ++i) a.values[i] += b.values[i];
  return a;
}
Strip operator*(const Sums& sums, float share) {
  Strip strip;
  for (std::ptrdiff_t i = 0; i < 8; ++i) strip.values[i] = static_cast<float>(sums.values[i]) * share;
  return strip;
}
Sums weigh(const std::uint8_t* pixels, const Shares& shares) {
  Sums sums = {};
  for (std::ptrdiff_t pair = 0; pair < 2; ++pair) {
    for (std::ptrdiff_t c = 0; c < 3; ++c) {
      const std::uint8_t* two = pixels + 6 * pair + c;
      sums.values[4 * pair + c] = two[0] * shares.values[2 * pair] + two[3] * shares.values[2 * pair + 1];
    }
  }
  return sums;
}

std::ptrdiff_t halve_some(const std::uint8_t*, const std::uint8_t*, std::ptrdiff_t, std::uint8_t*) { return 0; }

#include "cpu/kernels-inl.hpp"

struct Kernels {
  static constexpr std::string_view name = "portable", otherwise = "";
  static bool runs_here() { return true; }
  static constexpr auto norms = panel_squares;
  static constexpr auto distances = portable::distances;
  static constexpr auto& scan = portable::scan_kernels;
  static constexpr auto& chips = portable::chip_kernels;
  static constexpr auto& triplets = portable::triplet_kernels;
};

}  // namespace
}  // namespace faceprint::portable

namespace faceprint {

const Backend& portable_backend() {
  static const CpuBackend<portable::Kernels> backend;
  return backend;
}

}  // namespace faceprint
