#pragma once

#include <array>
#include <span>

#include "faceprint/matrix.hpp"

namespace faceprint {

// Coordinates in pixels; the centre of the first pixel is (0, 0).
struct Point {
  double x, y;
};

// Maps column u and row v of a chip to x = xx u + xy v + x0, y = yx u + yy v + y0 of an image.
struct Affine {
  double xx, xy, x0, yx, yy, y0;
};

// The similarity (rotation, uniform scale, translation; no reflection) that maps the points of a template nearest to
// the landmarks of a face, by least squares: Umeyama, "Least-squares estimation of transformation parameters between
// two point patterns", PAMI 1991, in closed form for the plane.
// Throws std::invalid_argument if a coordinate is not finite, or if the points have no extent to align by.
Affine align(std::span<const Point, 5> landmarks, std::span<const Point, 5> chip_template);

enum class Layout { nchw, nhwc };
enum class Channels { rgb, bgr };

struct ChipFormat {
  std::ptrdiff_t height, width;
  Layout layout = Layout::nchw;
  Channels channels = Channels::rgb;
  std::array<float, 3> mean = {0, 0, 0};   // in the order of the output's channels
  std::array<float, 3> scale = {1, 1, 1};  // likewise
  bool mirror = false;                     // the chip flipped left to right
};

// Cuts chips out of an image, ready for a network.
//
//   affines  one per chip
//   out      [chips, 3 * height * width] float32: (pixel - mean) * scale, pixels in [0, 255], laid out as the format
//   says
//
// Pixels are interpolated bilinearly; beyond the image everything is black (0). Where one step in the chip is longer
// than one pixel of the image, each chip pixel is the average of an evenly spaced grid of samples: ceil(step) of them
// along the chip's columns and rows (steps within 1e-6 above a whole number count as it), at most 64 each way.
//
// Positions are computed in fixed point with 32 fractional bits, then interpolated in float32 by the same operations
// on every backend, so no backend or number of threads changes a bit. Pixels are within 0.01 of exact arithmetic.
//
// Throws std::invalid_argument if the shapes do not agree, unless height and width are in [1, 4096] and the image is
// at least 1 x 1, if mean or scale is not finite, or if an affine is not finite or leads 2^30 pixels or more away.
void chips(const Image& image, std::span<const Affine> affines, const ChipFormat& format, Matrix<float> out,
           int threads = 0);

// Throws as `chips` would for these, before any memory for the output is taken.
void check_chips(const Image& image, std::span<const Affine> affines, const ChipFormat& format);

}  // namespace faceprint
