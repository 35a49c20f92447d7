#pragma once
// Where a chip's samples lie in the image, in fixed point: exact integer steps are the same on every machine.

#include <cstdint>

#include "faceprint/chip.hpp"

namespace faceprint {

inline constexpr int fraction_bits = 32;
inline constexpr int max_samples = 64;  // along one axis of a chip pixel

// The part after the point, to 24 bits, which float32 holds exactly.
inline float fraction(std::int64_t position) {
  return static_cast<float>((position & 0xffffffff) >> 8) * (1.0f / (1 << 24));
}

// One axis of the chip: the image vector of one step, and where around a pixel's centre the samples lie.
struct SampleAxis {
  std::int64_t step_x, step_y;
  int count;
  std::int64_t x[max_samples], y[max_samples];
};

struct Grid {
  std::int64_t x0, y0;     // the centre of the chip's first pixel
  SampleAxis along, down;  // the chip's columns and rows
  std::ptrdiff_t width;    // of the chip
  float share;             // of each sample in the average
};

Grid sample_grid(const Affine& affine, std::ptrdiff_t width);

}  // namespace faceprint
