#include "faceprint/chip.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>

#include "backend.hpp"
#include "check.hpp"
#include "half.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t max_chip = 4096;
constexpr double max_coordinate = 1 << 30;  // 31 bits before the point and 32 behind it fit an int64

struct Centred {
  Point centre;
  std::array<Point, 5> points;
  double extent;  // the sum of squared lengths
};

Centred centre(const char* name, std::span<const Point, 5> points) {
  Centred result{};
  for (const Point& point : points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) {
      throw std::invalid_argument(std::string(name) + " must be finite");
    }
    result.centre.x += point.x / 5;
    result.centre.y += point.y / 5;
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point point = {points[i].x - result.centre.x, points[i].y - result.centre.y};
    result.points[i] = point;
    result.extent += point.x * point.x + point.y * point.y;
  }
  return result;
}

bool within_reach(const Affine& affine, const ChipFormat& format) {
  const auto width = static_cast<double>(format.width), height = static_cast<double>(format.height);
  const double x = std::abs(affine.xx) * width + std::abs(affine.xy) * height + std::abs(affine.x0);
  const double y = std::abs(affine.yx) * width + std::abs(affine.yy) * height + std::abs(affine.y0);
  return x < max_coordinate && y < max_coordinate;  // false for NaN
}

void check_size(const char* name, std::ptrdiff_t size) {
  if (size >= 1 && size <= max_chip) return;
  throw std::invalid_argument(std::string(name) + " must be in [1, " + std::to_string(max_chip) + "], not " +
                              std::to_string(size));
}

void check_finite(const char* name, const std::array<float, 3>& values) {
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    throw std::invalid_argument(std::string(name) + " must be finite");
  }
}

// Whitened values lie no more than sqrt(n) deviations from their mean.
void check_halves(const ChipFormat& format) {
  const float far = std::sqrt(static_cast<float>(3 * format.height * format.width));
  const float low = format.whitening ? -far : 0, high = format.whitening ? far : 255;
  for (std::size_t c = 0; c < 3; ++c) {
    const float most = std::max(std::abs(low - format.mean[c]), std::abs(high - format.mean[c]));
    if (!(most * std::abs(format.scale[c]) <= largest_half)) {
      throw std::invalid_argument("mean and scale must keep values within 65504 for float16");
    }
  }
}

}  // namespace

Affine align(std::span<const Point, 5> landmarks, std::span<const Point, 5> chip_template) {
  const Centred to = centre("landmarks", landmarks);
  const Centred from = centre("template", chip_template);
  double cosine = 0, sine = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    cosine += from.points[i].x * to.points[i].x + from.points[i].y * to.points[i].y;
    sine += from.points[i].x * to.points[i].y - from.points[i].y * to.points[i].x;
  }
  // By Cauchy-Schwarz the left side is at most the product on the right; far below it, no turn fits the points at all.
  if (!(cosine * cosine + sine * sine > 1e-12 * from.extent * to.extent)) {
    throw std::invalid_argument("landmarks and template must be five points with an extent and a common orientation");
  }
  cosine /= from.extent;
  sine /= from.extent;
  return {cosine, -sine,  to.centre.x - cosine * from.centre.x + sine * from.centre.y,
          sine,   cosine, to.centre.y - sine * from.centre.x - cosine * from.centre.y};
}

Affine align(const Box& box, double margin, std::ptrdiff_t height, std::ptrdiff_t width) {
  check_size("height", height);
  check_size("width", width);
  if (!(margin >= 0) || !(margin < 1)) {
    throw std::invalid_argument("margin must be in [0, 1), not " + std::to_string(margin));
  }
  const double across = box.right - box.left, down = box.bottom - box.top;
  if (!(across > 0) || !(down > 0) || !std::isfinite(across) || !std::isfinite(down)) {
    throw std::invalid_argument("boxes must be finite, left < right and top < bottom");
  }
  const double xx = across / (1 - margin) / static_cast<double>(width);
  const double yy = down / (1 - margin) / static_cast<double>(height);
  return {xx, 0,  box.left + across / 2 - xx * static_cast<double>(width - 1) / 2,
          0,  yy, box.top + down / 2 - yy * static_cast<double>(height - 1) / 2};
}

void check_chips(std::span<const Crop> crops, const ChipFormat& format, bool half) {
  check_size("height", format.height);
  check_size("width", format.width);
  check_finite("mean", format.mean);
  check_finite("scale", format.scale);
  if (half) check_halves(format);
  for (std::size_t i = 0; i < crops.size(); ++i) {
    const Image& image = crops[i].image;
    if (image.height < 1 || image.width < 1) {
      throw std::invalid_argument("image must have at least 1 x 1 pixels, not " + std::to_string(image.height) + " x " +
                                  std::to_string(image.width));
    }
    if (within_reach(crops[i].affine, format)) continue;
    throw std::invalid_argument("affines must be finite and reach less than 2^30 pixels: affine " + std::to_string(i) +
                                " does not");
  }
}

void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<float> out, int threads) {
  check_chips(crops, format, false);
  check_shape("out", out, std::ssize(crops), values_per_chip(format));
  active().chips(crops, format, out, resolve_threads(threads));
}

void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<std::uint16_t> out, int threads) {
  check_chips(crops, format, true);
  check_shape("out", out, std::ssize(crops), values_per_chip(format));
  active().chips(crops, format, out, resolve_threads(threads));
}

}  // namespace faceprint
