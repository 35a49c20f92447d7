#pragma once

#include <bit>
#include <cstdint>

namespace faceprint {

// a * b + c with a single rounding, without the instruction for it and without a call, so that compilers vectorise it.
//
// The product is exact in float64. The sum is rounded to odd: its error is known from TwoSum (Knuth), and an inexact
// sum with an even last bit moves one step towards the error. Rounding that to float32 gives the correctly rounded
// result: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Trans. Computers 2008.
inline float fused_multiply_add(float a, float b, float c) {
  const double product = static_cast<double>(a) * b;
  const double sum = product + c;
  const double part = sum - product;
  const double error = (product - (sum - part)) + (c - part);
  const auto bits = std::bit_cast<std::int64_t>(sum);
  const bool inexact = (error < 0) | (error > 0);  // false where the sum is not finite
  const std::int64_t step = (error > 0) == (sum > 0) ? 1 : -1;
  return static_cast<float>(std::bit_cast<double>(bits + (inexact & ((bits & 1) == 0) ? step : 0)));
}

}  // namespace faceprint
