#include "codes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace faceprint {

namespace {

constexpr double safety = 1 + 1e-9;  // what the sums of squares below may have lost

float round_up(double value) {
  return std::nextafter(static_cast<float>(value * safety), std::numeric_limits<float>::infinity());
}

float largest_magnitude(const float* row, const float* centre, std::ptrdiff_t columns) {
  float largest = 0;
  for (std::ptrdiff_t d = 0; d < columns; ++d) largest = std::max(largest, std::abs(row[d] - centre[d]));
  return largest;
}

}  // namespace

Coded encode(const float* row, const float* centre, std::ptrdiff_t columns, int largest, std::int8_t* codes) {
  const float magnitude = largest_magnitude(row, centre, columns);
  const bool vanishes = magnitude < smallest_coded;
  const float scale = vanishes ? 0 : magnitude / static_cast<float>(largest);
  const float inverse = vanishes ? 0 : static_cast<float>(largest) / magnitude;
  double missed = 0, squares = 0;
  for (std::ptrdiff_t d = 0; d < columns; ++d) {
    const float code = rounded((row[d] - centre[d]) * inverse);
    const double difference = static_cast<double>(row[d]) - static_cast<double>(centre[d]);
    const double miss = difference - static_cast<double>(scale) * static_cast<double>(code);
    missed += miss * miss;
    squares += difference * difference;
    codes[d] = static_cast<std::int8_t>(code);
  }
  return {scale, missed > 0 ? round_up(std::sqrt(missed)) : 0, squares > 0 ? round_up(std::sqrt(squares)) : 0};
}

double product_with_difference(const float* a, const float* b, const float* c, std::ptrdiff_t columns) {
  double sum = 0;
  for (std::ptrdiff_t d = 0; d < columns; ++d) {
    sum += static_cast<double>(a[d]) * (static_cast<double>(b[d]) - static_cast<double>(c[d]));
  }
  return sum;
}

}  // namespace faceprint
