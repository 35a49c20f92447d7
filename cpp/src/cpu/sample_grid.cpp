#include "cpu/sample_grid.hpp"

#include <algorithm>
#include <cmath>

namespace faceprint {

namespace {

constexpr double tolerance = 1e-6;  // keeps the rounding of a scale of 6 from halving the image

std::int64_t fixed(double position) { return std::llround(std::ldexp(position, fraction_bits)); }

double side(double along, double down) { return std::max(std::sqrt(along * along + down * down), 1.0); }

SampleAxis sample_axis(double along, double down, double origin, int halvings) {
  const double length = std::max(std::ldexp(side(along, down), -halvings), 1.0);
  const double rounded = std::round(std::ldexp(length, share_bits));
  const std::int32_t shares = std::min(static_cast<std::int32_t>(rounded), max_side);
  // Half a share more, for positions are cut off to whole shares.
  const double half = std::ldexp(1 - shares, -share_bits - 1);
  return {.begin = fixed(std::ldexp(origin + 0.5, -halvings) + half),
          .along = fixed(std::ldexp(along, -halvings)),
          .down = fixed(std::ldexp(down, -halvings)),
          .side = shares};
}

}  // namespace

Grid sample_grid(const Affine& affine) {
  const double longer = std::max(side(affine.xx, affine.xy), side(affine.yx, affine.yy));
  int halvings = 0;
  while (std::ldexp(longer, -halvings) > max_taps - 1 + tolerance) ++halvings;
  const SampleAxis x = sample_axis(affine.xx, affine.xy, affine.x0, halvings);
  const SampleAxis y = sample_axis(affine.yx, affine.yy, affine.y0, halvings);
  return {
      .halvings = halvings, .x = x, .y = y, .share = static_cast<float>(1 / (static_cast<double>(x.side) * y.side))};
}

}  // namespace faceprint
