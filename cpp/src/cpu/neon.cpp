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
  static Lanes load(const Half* from) {
    return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(from))))};
  }
  void store(float* to) const { vst1q_f32(to, values); }
};
using Mask = uint32x4_t;

inline Lanes operator+(Lanes a, Lanes b) { return {vaddq_f32(a.values, b.values)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {vsubq_f32(a.values, b.values)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {vmulq_f32(a.values, b.values)}; }
inline Lanes max(Lanes a, Lanes b) { return {vmaxq_f32(a.values, b.values)}; }
inline float least(Lanes a) { return vminvq_f32(a.values); }
inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return {vfmaq_f32(c.values, a.values, b.values)}; }
inline Mask none() { return vdupq_n_u32(0); }
inline Mask either(Mask a, Mask b) { return vorrq_u32(a, b); }
inline bool any(Mask mask) { return vmaxvq_u32(mask) != 0; }
inline Mask less(Lanes a, Lanes b) { return vcltq_f32(a.values, b.values); }
inline Mask not_above(Lanes a, Lanes b) { return vcleq_f32(a.values, b.values); }
inline std::uint32_t bits(Mask mask) {
  constexpr std::uint32_t weights[] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(mask, vld1q_u32(weights)));
}

// As signed codes, for there is no product of signed with unsigned bytes.
struct Bytes {
  static constexpr std::int32_t offset = 0;
  int8x16_t values;

  static Bytes load(const std::uint8_t* from) {
    return {vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(128)))};
  }
  static Bytes load_low(const std::uint8_t* from) {
    return {vreinterpretq_s8_u8(vandq_u8(vld1q_u8(from), vdupq_n_u8(15)))};
  }
  static Bytes load_high(const std::uint8_t* from) { return {vreinterpretq_s8_u8(vshrq_n_u8(vld1q_u8(from), 4))}; }
  static Bytes broadcast(const std::int8_t* four) {
    std::int32_t word;
    std::memcpy(&word, four, sizeof word);
    return {vreinterpretq_s8_s32(vdupq_n_s32(word))};
  }
};

struct Counts {
  int32x4_t values;

  static Counts begin(std::int32_t sum) { return {vdupq_n_s32(sum)}; }
  void store(std::int32_t* to) const { vst1q_s32(to, values); }
};

inline Counts count_up(Counts counts, Mask where) {
  return {vsubq_s32(counts.values, vreinterpretq_s32_u32(where))};  // true is -1
}

inline Counts add_products(Counts sum, Bytes rows, Bytes query) {
  const int16x8_t low = vmull_s8(vget_low_s8(rows.values), vget_low_s8(query.values));
  const int16x8_t high = vmull_high_s8(rows.values, query.values);
  return {vaddq_s32(sum.values, vpaddlq_s16(vpaddq_s16(low, high)))};
}
inline Lanes to_floats(Counts sum) { return {vcvtq_f32_s32(sum.values)}; }

struct Shares {
  uint16x4_t values;

  static Shares of(std::int32_t begin, std::int32_t side, int strip) {
    constexpr std::uint16_t starts[] = {0, full_share, 2 * full_share, 3 * full_share};
    const uint16x4_t start = vadd_u16(vld1_u16(starts), vdup_n_u16(static_cast<std::uint16_t>(strip * 4 * full_share)));
    const uint16x4_t from = vmax_u16(vdup_n_u16(static_cast<std::uint16_t>(begin)), start);
    // The end of the last pixel would not fit 16 bits; no box ends there.
    const uint16x4_t end = vqadd_u16(start, vdup_n_u16(full_share));
    return {vqsub_u16(vmin_u16(vdup_n_u16(static_cast<std::uint16_t>(begin + side)), end), from)};
  }
};

struct Sums {
  uint32x4_t low, high;
};
inline Sums operator+(Sums a, Sums b) { return {vaddq_u32(a.low, b.low), vaddq_u32(a.high, b.high)}; }

struct Strip {
  float32x4_t low, high;

  void store_sum(float* to) const { vst1q_f32(to, vaddq_f32(low, high)); }
};
inline Strip operator+(Strip a, Strip b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
inline Strip operator*(Sums sums, float share) {
  return {vmulq_n_f32(vcvtq_f32_u32(sums.low), share), vmulq_n_f32(vcvtq_f32_u32(sums.high), share)};
}

// The pixels' bytes are spread to 16 bits: pixels 0 and 1, then 2 and 3, four numbers each.
inline Sums weigh(const std::uint8_t* pixels, Shares shares) {
  constexpr std::uint8_t order[] = {0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255};
  const uint8x16_t bytes = vqtbl1q_u8(vld1q_u8(pixels), vld1q_u8(order));
  const uint16x8_t left = vmovl_u8(vget_low_u8(bytes)), right = vmovl_high_u8(bytes);
  const uint32x4_t low = vmull_lane_u16(vget_low_u16(left), shares.values, 0);
  const uint32x4_t high = vmull_lane_u16(vget_low_u16(right), shares.values, 2);
  return {vmlal_lane_u16(low, vget_high_u16(left), shares.values, 1),
          vmlal_lane_u16(high, vget_high_u16(right), shares.values, 3)};
}

inline uint8x8_t halve_channel(uint8x16_t upper, uint8x16_t lower) {
  return vrshrn_n_u16(vpadalq_u8(vpaddlq_u8(upper), lower), 2);
}

// 8 blocks at a time.
inline std::ptrdiff_t halve_some(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t blocks,
                                 std::uint8_t* out) {
  std::ptrdiff_t i = 0;
  for (; i + 8 <= blocks; i += 8) {
    const uint8x16x3_t above = vld3q_u8(upper + 6 * i), below = vld3q_u8(lower + 6 * i);
    const uint8x8x3_t means = {{halve_channel(above.val[0], below.val[0]), halve_channel(above.val[1], below.val[1]),
                                halve_channel(above.val[2], below.val[2])}};
    vst3_u8(out + 3 * i, means);
  }
  return i;
}

#include "cpu/kernels-inl.hpp"

struct Kernels {
  static constexpr std::string_view name = "neon", otherwise = "";
  static bool runs_here() { return true; }
  static constexpr auto norms = panel_squares;
  static constexpr auto distances = neon::distances;
  static constexpr auto& scan = neon::scan_kernels;
  static constexpr auto& chips = neon::chip_kernels;
  static constexpr auto& triplets = neon::triplet_kernels;
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
