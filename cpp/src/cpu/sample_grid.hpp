#pragma once
// Where in the image a chip's pixels come from, in fixed point: exact integer steps are the same on every machine.

#include <algorithm>
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

// Pixels along an axis of the image, the last one included.
struct Range {
  std::int64_t first, last;
};

// What follows is constexpr so that kernels of every kind may call it.

// By value: loops with std::min, which takes references, are not vectorised.
constexpr std::int32_t smaller(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
constexpr std::int32_t larger(std::int32_t a, std::int32_t b) { return a > b ? a : b; }

// The share of pixel `tap` behind the first in a box that begins at `begin` in the first.
constexpr std::int32_t tap_share(std::int32_t begin, std::int32_t side, std::int32_t tap) {
  const std::int32_t from = larger(begin, tap * full_share), to = smaller(begin + side, (tap + 1) * full_share);
  return larger(to - from, 0);
}

constexpr std::int64_t first_tap(std::int64_t position) { return position >> fraction_bits; }

inline constexpr std::int32_t places_at_once = 64;
inline constexpr int near_bits = 22;  // of a fraction: `places_at_once` steps of 6 pixels fit into the rest of 32

// The boxes of up to `places_at_once` neighbouring pixels of a chip along an axis of the image, counted from the pixel
// that the first of them begins in, in 32 bits.
struct Near {
  std::int32_t pixel, last;  // that pixel, and the last one, counted from the range's first
  std::int32_t begin, step;

  static constexpr Near from(std::int64_t position, std::int64_t step, const Range& range) {
    constexpr std::int64_t far = 1 << 30;  // an affine leads no farther
    return {static_cast<std::int32_t>(std::clamp(first_tap(position) - range.first, -far, far)),
            static_cast<std::int32_t>(range.last - range.first),
            static_cast<std::int32_t>(position >> (fraction_bits - near_bits)) & ((1 << near_bits) - 1),
            static_cast<std::int32_t>(step >> (fraction_bits - near_bits))};
  }
  constexpr std::int32_t at(std::int32_t i) const { return begin + i * step; }
  constexpr std::int32_t tap(std::int32_t position) const {
    return smaller(larger(pixel + (position >> near_bits), 0), last);
  }
  static constexpr std::int32_t begin_in_tap(std::int32_t position) {
    return position >> (near_bits - share_bits) & (full_share - 1);
  }
};

}  // namespace faceprint
