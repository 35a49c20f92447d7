#pragma once
// Where in the image a chip's pixels come from, in fixed point: exact integer steps are the same on every machine.

#include <cstdint>

#include "faceprint/chip.hpp"

namespace faceprint {

inline constexpr int fraction_bits = 32;  // of a position
inline constexpr int share_bits = 13;     // of a share: how much of a pixel lies in a box
inline constexpr std::int32_t full_share = 1 << share_bits;
inline constexpr std::int32_t max_taps = 7;  // pixels along one axis that a box may touch
inline constexpr std::int32_t max_side = full_share * (max_taps - 1);

// One axis of the image. The box of the chip's pixel (u, v) begins at begin + u along + v down, where pixel i takes
// [i, i + 1), and ends `side` shares after that.
struct SampleAxis {
  std::int64_t begin, along, down;
  std::int32_t side;
};

// On the image after so many halvings.
struct Grid {
  int halvings;
  SampleAxis x, y;
  float share;  // of the product of two shares in the mean
};

Grid sample_grid(const Affine& affine);

// By value: loops with std::min, which takes references, are not vectorised.
inline std::int32_t smaller(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
inline std::int32_t larger(std::int32_t a, std::int32_t b) { return a > b ? a : b; }

// The share of pixel `tap` behind the first in a box that begins at `begin` in the first.
inline std::int32_t tap_share(std::int32_t begin, std::int32_t side, std::int32_t tap) {
  const std::int32_t from = larger(begin, tap * full_share), to = smaller(begin + side, (tap + 1) * full_share);
  return larger(to - from, 0);
}

inline std::int64_t first_tap(std::int64_t position) { return position >> fraction_bits; }

}  // namespace faceprint
