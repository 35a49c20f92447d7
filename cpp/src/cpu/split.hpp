#pragma once
// How each operation is divided into slices, one thread each at a time. Backends differ only in the kernels that work
// on a slice; which slices there are changes no bit of the result. All scratch memory is allocated here.

#include <cstdint>
#include <span>

#include "backend.hpp"
#include "cpu/sample_grid.hpp"

namespace faceprint {

// A multiple of the number of queries that any backend works on at once.
inline constexpr std::ptrdiff_t tile_multiple = 12;

inline constexpr std::ptrdiff_t nobody = PTRDIFF_MIN / 2;

struct DistanceSlice {
  Matrix<const float> queries, gallery;
  Matrix<float> out;
  float* packed_queries;  // room for queries.rows * depth
  float* query_norms;     // room for queries.rows, rounded up to whole panels
  float* panels;          // room for block_panels of the gallery
  float* panel_norms;
  std::ptrdiff_t block_panels;
};

struct NearestSlice {
  Matrix<const float> queries;
  const float* panels;
  const float* norms;
  std::ptrdiff_t first_panel, last_panel;  // the last one excluded
  std::ptrdiff_t block_panels;             // as many as stay in the cache while all queries pass over them
  std::ptrdiff_t own_row;                  // the row of the first query in the gallery, or `nobody`
  Matrix<float> distances;                 // heaps of the nearest so far: see heap.hpp
  Matrix<std::int64_t> indices;
  float* packed_queries;
  float* query_norms;
};

struct ChipSlice {
  const Image& image;
  const Grid& grid;
  const ChipFormat& format;
  std::ptrdiff_t first_row, last_row;  // of the chip, the last one excluded
  float* out;                          // the whole chip
};

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     void (*kernel)(const DistanceSlice&));
void split_nearest(Matrix<const float> queries, const Gallery& gallery, bool skip_own, Matrix<float> distances,
                   Matrix<std::int64_t> indices, int threads, void (*kernel)(const NearestSlice&));
void split_chips(const Image& image, std::span<const Affine> affines, const ChipFormat& format, Matrix<float> out,
                 int threads, void (*kernel)(const ChipSlice&));

}  // namespace faceprint
