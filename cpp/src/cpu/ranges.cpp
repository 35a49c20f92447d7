#include "cpu/ranges.hpp"

#include <algorithm>

namespace faceprint {

// By how much `Near` cuts positions off at most, in all steps.
constexpr std::int64_t cut_off = std::int64_t{places_at_once} << (fraction_bits - near_bits);

// Extremes of a linear function are at the corners.
Range first_pixels(const SampleAxis& axis, std::ptrdiff_t width, std::ptrdiff_t first_row, std::ptrdiff_t last_row) {
  const std::int64_t from = axis.begin + first_row * axis.down, to = axis.begin + (last_row - 1) * axis.down;
  const std::int64_t across = (width - 1) * axis.along;
  const auto [first, last] = std::minmax({from, from + across, to, to + across});
  return {first_tap(first - cut_off), first_tap(last)};
}

Range touching(Range range, std::int64_t size) {
  return {std::clamp<std::int64_t>(range.first, -max_taps, size),
          std::clamp<std::int64_t>(range.last, -max_taps, size)};
}

Range clip(Range range, std::int64_t size) {
  return {std::max<std::int64_t>(range.first, 0), std::min(range.last, size - 1)};
}

std::int64_t length(Range range) { return std::max<std::int64_t>(range.last - range.first + 1, 0); }

Range unhalved(Range range, int halvings) { return {range.first << halvings, ((range.last + 1) << halvings) - 1}; }

}  // namespace faceprint
