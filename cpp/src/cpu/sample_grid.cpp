#include "cpu/sample_grid.hpp"

#include <algorithm>
#include <cmath>

namespace faceprint {

namespace {

constexpr double tolerance = 1e-6;  // keeps the rounding of a scale of 1 from blurring the chip

std::int64_t fixed(double position) { return std::llround(std::ldexp(position, fraction_bits)); }

SampleAxis sample_axis(double along, double down, double origin) {
  const double length = std::max(std::sqrt(along * along + down * down), 1.0);
  const double reduction = std::min<double>(std::ceil(length / (max_taps - 1) - tolerance), max_reduction);
  const double shares = std::round(std::ldexp(length / reduction, share_bits));
  const auto side = static_cast<std::int32_t>(std::clamp<double>(shares, full_share, max_side));
  // Half a share more, for positions are cut off to whole shares.
  const double half = std::ldexp(1 - side, -share_bits - 1);
  return {.begin = fixed((origin + 0.5) / reduction + half),
          .along = fixed(along / reduction),
          .down = fixed(down / reduction),
          .reduction = static_cast<std::int64_t>(reduction),
          .side = side};
}

}  // namespace

Grid sample_grid(const Affine& affine) {
  const SampleAxis x = sample_axis(affine.xx, affine.xy, affine.x0);
  const SampleAxis y = sample_axis(affine.yx, affine.yy, affine.y0);
  return {.x = x, .y = y, .share = static_cast<float>(1 / (static_cast<double>(x.side) * y.side))};
}

}  // namespace faceprint
