#pragma once
// Rows on the card, as kernels read them.

#include <cuda_runtime.h>

#include <cstdint>

#include "faceprint/gallery.hpp"

namespace faceprint::cuda {

inline constexpr int panel_rows = Gallery::panel_rows;

// How galleries hold four codes of a row: each 128 more than the code.
struct Codes {
  std::uint32_t bits;
};

// Rows in panels of 16, [length][16] each.
template <class Value>
struct Panels {
  const Value* data;
  int rows, length;

  __host__ __device__ int padded_rows() const { return (rows + panel_rows - 1) / panel_rows * panel_rows; }
  __host__ __device__ std::int64_t place(int row, int column) const {
    return (std::int64_t{row / panel_rows} * length + column) * panel_rows + row % panel_rows;
  }
  // Some rows from one that begins a panel.
  Panels slice(int first, int count) const { return {data + std::int64_t{first} * length, count, length}; }
  __device__ Value at(int row, int column) const { return data[place(row, column)]; }
};

// What turns products into keys, of each row, see cpu/scan.hpp; and its squared norm.
struct Terms {
  const float *bias, *scale, *norms;

  Terms from(int first) const { return {bias + first, scale + first, norms + first}; }
};

}  // namespace faceprint::cuda
