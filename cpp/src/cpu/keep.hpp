#pragma once
// The rare and scalar ends of the kernels: shared by all instruction sets, compiled for the baseline once.

#include "cpu/split.hpp"

namespace faceprint {

// Offers the distances [queries][rows] between queries and gallery rows that begin at first_query and first_row to the
// heaps of a slice.
void keep_nearest(const NearestSlice& slice, const float* found, std::ptrdiff_t first_query, std::ptrdiff_t queries,
                  std::ptrdiff_t first_row, std::ptrdiff_t rows);

// Writes `count` values of one channel, the pixels that begin at column u of row v, to where the format wants them.
void write_pixels(const ChipSlice& slice, std::ptrdiff_t channel, std::ptrdiff_t v, std::ptrdiff_t u,
                  std::ptrdiff_t count, const float* values);

}  // namespace faceprint
