#pragma once
// How each operation is divided into slices, one thread each at a time. Backends differ only in the kernels that work
// on a slice; which slices there are changes no bit of the result. All scratch memory is allocated here.

#include <cstdint>
#include <span>

#include "backend.hpp"
#include "cpu/sample_grid.hpp"
#include "cpu/window.hpp"
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

template <class T>
struct ChipSlice {
  const Grid& grid;
  const Window& window;
  const ChipFormat& format;
  std::ptrdiff_t first_row, last_row;  // of the chip, the last one excluded
  float* pixels;                       // room for 4 numbers a pixel: of a row, or of all rows where they are whitened
  T* out;                              // the whole chip, its twin behind it
};

struct ChipKernels {
  void (*floats)(const ChipSlice<float>&);
  void (*halves)(const ChipSlice<std::uint16_t>&);
  Halve halve;
};

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     Watch* watch, void (*kernel)(const DistanceSlice&));
template <class T>
void split_chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<T> out, int threads,
                 void (*kernel)(const ChipSlice<T>&), Halve halve);

}  // namespace faceprint
