#include "cpu/sample_grid.hpp"

#include <algorithm>
#include <cmath>

namespace faceprint {

namespace {

std::int64_t fixed(double position) {
  return std::llround(position * static_cast<double>(std::int64_t{1} << fraction_bits));
}

SampleAxis axis(double x, double y) {
  SampleAxis result{};
  result.step_x = fixed(x);
  result.step_y = fixed(y);
  // The tolerance keeps the rounding of a scale of 1 from blurring the chip.
  const double samples = std::ceil(std::sqrt(x * x + y * y) - 1e-6);
  result.count = static_cast<int>(std::clamp(samples, 1.0, static_cast<double>(max_samples)));
  for (int i = 0; i < result.count; ++i) {
    const double offset = (i + 0.5) / result.count - 0.5;
    result.x[i] = fixed(x * offset);
    result.y[i] = fixed(y * offset);
  }
  return result;
}

}  // namespace

Grid sample_grid(const Affine& affine, std::ptrdiff_t width) {
  const SampleAxis along = axis(affine.xx, affine.yx), down = axis(affine.xy, affine.yy);
  return {.x0 = fixed(affine.x0),
          .y0 = fixed(affine.y0),
          .along = along,
          .down = down,
          .width = width,
          .share = 1.0f / static_cast<float>(along.count * down.count)};
}

}  // namespace faceprint
