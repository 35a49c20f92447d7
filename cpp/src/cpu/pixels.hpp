#pragma once
// Where a chip's pixels go: shared by all instruction sets, compiled for the baseline once.

#include "cpu/split.hpp"

namespace faceprint {

// Writes `count` values of one channel, the pixels that begin at column u of row v, to where the format wants them.
void write_pixels(const ChipSlice& slice, std::ptrdiff_t channel, std::ptrdiff_t v, std::ptrdiff_t u,
                  std::ptrdiff_t count, const float* values);

}  // namespace faceprint
