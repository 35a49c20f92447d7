#pragma once
// IEEE 754 half precision, in plain integer arithmetic; constexpr, so that kernels of every kind may call it.

#include <bit>
#include <cstdint>

namespace faceprint {

struct Half {
  std::uint16_t bits;
};

inline constexpr float largest_half = 65504;

// The nearest half of a number within 65504 of 0, the even one of two.
constexpr Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude < 0x38800000) {  // below 2^-14: as a multiple of 2^-24, which the addition rounds
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000))};
  }
  const std::uint32_t odd = magnitude >> 13 & 1;
  return {static_cast<std::uint16_t>(sign | ((magnitude + 0xfff + odd - 0x38000000) >> 13))};
}

constexpr float to_float(Half half) {
  const std::uint32_t sign = (half.bits & 0x8000u) << 16, magnitude = half.bits & 0x7fffu;
  if (magnitude < 0x400) {  // multiples of 2^-24
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000));
}

}  // namespace faceprint
