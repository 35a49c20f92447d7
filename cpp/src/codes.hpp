#pragma once
// Rows as codes: small whole numbers times one scale a row, and how far that is from the row.

#include <cstdint>

#include "faceprint/matrix.hpp"

namespace faceprint {

// The largest codes of rows and of queries. A byte of a row, which is stored as 128 more, times a query's, twice, must
// fit the 16 bits in which AVX2 adds two such products: 255 * 64 * 2 < 2^15.
inline constexpr int largest_row_code = 127;
inline constexpr int largest_query_code = 64;
inline constexpr int largest_nibble_code = 7;

inline constexpr float smallest_coded =
    1e-30f;  // numbers of this size have no codes: their scale would lose its digits

// The nearest whole number, for numbers within 2^22 of 0.
constexpr float rounded(float number) {
  constexpr float rounder = 12582912.0f;  // 1.5 * 2^23
  return (number + rounder) - rounder;
}

struct Coded {
  float scale;   // of the codes
  float error;   // at least |row - centre - scale * codes|
  float length;  // at least |row - centre|
};

// Finds the codes of what a row differs from the centre, at most `largest` in magnitude. The same on every machine.
Coded encode(const float* row, const float* centre, std::ptrdiff_t columns, int largest, std::int8_t* codes);

// <a, b - c>, to within its rounding in float64.
double product_with_difference(const float* a, const float* b, const float* c, std::ptrdiff_t columns);

}  // namespace faceprint
