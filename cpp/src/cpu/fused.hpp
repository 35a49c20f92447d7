#pragma once

#include <bit>
#include <cstdint>

namespace faceprint {

// a * b + c of finite numbers with a single rounding, without the instruction for it and without a call, so that
// compilers vectorise it.
//
// The product is exact in float64. The sum is rounded to odd: its error is known from TwoSum (Knuth), and an inexact
// sum with an even last bit moves one step towards the error. Rounding that to float32 gives the correctly rounded
// result: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Trans. Computers 2008.
inline float fused_multiply_add(float a, float b, float c) {
  const double product = static_cast<double>(a) * b;
  const double sum = product + c;
  const double part = sum - product;
  const double error = (product - (sum - part)) + (c - part);
  // As integers, bits are sign and magnitude: one more is one step away from zero, one less a step towards it. All in
  // 64-bit integers without comparisons, which SSE2 lacks. The product of error and sum cannot underflow.
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  const std::uint64_t magnitude = std::bit_cast<std::uint64_t>(error) << 1;
  const std::uint64_t inexact = (magnitude | (0 - magnitude)) >> 63;
  const std::uint64_t towards_zero = std::bit_cast<std::uint64_t>(error * sum) >> 63;
  const std::uint64_t step = inexact & ~bits;
  return static_cast<float>(std::bit_cast<double>(bits + step - ((step & towards_zero) << 1)));
}

}  // namespace faceprint
