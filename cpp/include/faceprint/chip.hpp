#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "faceprint/export.h"
#include "faceprint/matrix.hpp"

namespace FACEPRINT_API faceprint {

// Coordinates in pixels; the centre of the first pixel is (0, 0).
struct Point {
  double x, y;
};

// Its edges, in the same coordinates.
struct Box {
  double left, top, right, bottom;
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

// The map without rotation that puts a box into the middle of a chip, stretched to fill all but `margin` of its height
// and width: the way of FaceNet's re-implementations, whose chips of 160 pixels have a margin of 32, a fifth.
// Throws std::invalid_argument unless the box is finite and left < right, top < bottom, the margin is in [0, 1), and
// height and width are in [1, 4096].
Affine align(const Box& box, double margin, std::ptrdiff_t height, std::ptrdiff_t width);

enum class Layout { nchw, nhwc };
enum class Channels { rgb, bgr };

struct ChipFormat {
  std::ptrdiff_t height, width;
  Layout layout = Layout::nchw;
  Channels channels = Channels::rgb;
  std::array<float, 3> mean = {0, 0, 0};   // in the order of the output's channels
  std::array<float, 3> scale = {1, 1, 1};  // likewise
  bool whitening = false;                  // each chip is brought to mean 0 and deviation 1 first
  bool twin = false;                       // each chip is followed by its mirror image
};

// One chip to cut: where from, and the map from the chip to there.
struct Crop {
  Image image;
  Affine affine;
};

// Cuts chips out of images, ready for a network.
//
//   crops  one per chip
//   out    [crops, 3 * height * width], twice as wide with twins: (pixel - mean) * scale, pixels in [0, 255], laid out
//          as the format says; float32, or the bits of IEEE half precision, rounded to nearest
//
// A pixel of the chip is the mean of the image over an upright square around its centre, whose side is the length of a
// step in the chip, at least 1: of a box `hypot(xx, xy)` wide and `hypot(yx, yy)` high, where the two differ. The image
// is constant over each of its pixels, and black (0) beyond its edges. Where the chip does not shrink the image this is
// bilinear interpolation; where it does, nothing aliases. An image that is shrunk more than 6 times along an axis is
// first halved as often as it takes: means of blocks of 2 x 2 pixels from its first pixel on, rounded half up to whole
// numbers, take the place of its pixels. Positions are rounded to 2^-13 of such a pixel, lengths within 1e-6 of a limit
// count as it.
//
// Whitening takes (pixel - m) / max(d, 1 / sqrt(n)) for a pixel, m and d being the mean and standard deviation of the
// n = 3 * height * width values of the chip: "per image standardization", as older FaceNet networks want it.
//
// Weights are whole numbers or computed in float32 by the same operations on every backend, so no backend or number of
// threads changes a bit. Pixels are within 0.1 of exact arithmetic.
//
// Throws std::invalid_argument if the shapes do not agree, unless height and width are in [1, 4096] and every image is
// at least 1 x 1, if mean or scale is not finite, if an affine is not finite or leads 2^30 pixels or more away, or if
// values beyond 65504 could not be told in half precision.
void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<float> out, int threads = 0);
void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<std::uint16_t> out, int threads = 0);

// Throws as `chips` would for these, of float32 or half precision, before any memory for the output is taken.
void check_chips(std::span<const Crop> crops, const ChipFormat& format, bool half);

// How many values of the output a chip takes, its twin included.
constexpr std::ptrdiff_t values_per_chip(const ChipFormat& format) {
  return 3 * format.height * format.width * (format.twin ? 2 : 1);
}

}  // namespace faceprint
