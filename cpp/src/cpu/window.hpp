#pragma once
// The part of an image under a chip, where no pixel that is asked for lies outside: the image itself if that is so
// already, else a copy with black around it, halved where the chip is much smaller.

#include <cstdint>

#include "cpu/ranges.hpp"
#include "faceprint/buffer.hpp"

namespace faceprint {

inline constexpr std::ptrdiff_t taps_per_strip = 4;    // pixels that kernels weigh at once
inline constexpr std::ptrdiff_t bytes_per_strip = 16;  // that they read for it

struct Window {
  const std::uint8_t* data;  // the pixel of the first row and column
  std::ptrdiff_t stride;     // bytes
  Range rows, columns;       // a box that begins before or behind these is black
};

// The means of blocks of two rows and two columns, rounded half up: of 2 `blocks` pixels a row.
using Halve = void (*)(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t blocks, std::uint8_t* out);

// For the rows `first_row` up to `last_row` of a chip, the last one excluded. A copy is made in `copy`.
Window open_window(const Image& image, const Grid& grid, std::ptrdiff_t width, std::ptrdiff_t first_row,
                   std::ptrdiff_t last_row, Halve halve, Buffer<std::uint8_t>& copy);

}  // namespace faceprint
