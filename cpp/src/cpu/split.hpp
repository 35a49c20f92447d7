#pragma once
// How each operation is divided into slices, one thread each at a time. Backends differ only in the kernels that work
// on a slice; which slices there are changes no bit of the result. All scratch memory is allocated here.

#include <cstdint>
#include <span>

#include "backend.hpp"
#include "cpu/sample_grid.hpp"
#include "threads.hpp"

namespace faceprint {

struct DistanceSlice {
  Matrix<const float> queries, gallery;
  Matrix<float> out;
  float* packed_queries;  // room for queries.rows * depth
  float* query_norms;     // room for queries.rows, rounded up to whole panels
  float* panels;          // room for block_panels of the gallery
  float* panel_norms;
  std::ptrdiff_t block_panels;
  Progress* progress;  // told after every block
};

struct ChipSlice {
  const Image& image;
  const Grid& grid;
  const ChipFormat& format;
  std::ptrdiff_t first_row, last_row;  // of the chip, the last one excluded
  float* out;                          // the whole chip
};

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     Watch* watch, void (*kernel)(const DistanceSlice&));
void split_chips(const Image& image, std::span<const Affine> affines, const ChipFormat& format, Matrix<float> out,
                 int threads, void (*kernel)(const ChipSlice&));

}  // namespace faceprint
