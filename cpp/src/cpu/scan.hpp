#pragma once
// What the kernels of `nearest` work on: a batch of queries, packed once, against block after block of the gallery.
//
// They compare keys, which are the lower the nearer a row is: squared distances, or negated similarities. All metrics
// are one formula,
//   key = (query's bias + row's bias) - product * (query's scale * row's scale),
// which is the same to the bit if query and row change places. Places without a row have an infinite bias.

#include <cstdint>

#include "cpu/tally.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

// The queries of a batch. Those that exact keys need, and those that keys or bounds by codes need.
struct Batch {
  std::ptrdiff_t count, depth;
  const float* tiles;  // [tile][depth][queries of the tile]
  const float *bias, *scale;
  const float* limits;  // of each query: only keys below are of use; collectors lower them

  std::ptrdiff_t groups;
  const std::int8_t* code_tiles;  // [tile][groups][queries of the tile][4]
  const std::int32_t* code_sums;  // of each query's codes
  const float *code_bias, *code_scale;
  const float* code_error;  // what a row's error counts in the bound
};

// Neighbouring panels of the gallery.
struct Block {
  std::int64_t first_row;
  std::ptrdiff_t panels;
  const void* values;  // floats or halves; of int8 storage, none
  const float *bias, *scale;

  const std::uint8_t* codes;  // bytes or nibbles
  const float *code_bias, *code_scale, *code_error;

  const float* limits;  // of each row, where rows collect too
};

// Takes what the kernels found: keys below the limits, which are rare.
class Collector {
 public:
  Collector() = default;
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  virtual ~Collector() = default;

  // `keys` of rows from `row` of the block on; those count whose bit is set in `found`.
  virtual void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) = 0;
};

using ScanKernel = void (*)(const Batch&, const Block&, Collector&);

// One instruction set's. Those that scan offer keys; `bound_codes` offers what its bounds do not exclude, without keys.
struct ScanKernels {
  std::ptrdiff_t tile_queries, lanes;
  void (*pack)(Matrix<const float> queries, float* tiles, float* norms);  // norms: room for whole panels
  ScanKernel scan_floats, scan_halves, scan_codes, bound_codes;
  ScanKernel join_floats, join_halves;  // offer what is at or below the limit of the query or of the row
  void (*count_floats)(const Batch&, const Block&, Tally&);
  // The least bound of each panel for one or two queries, [queries][panels of the block].
  void (*bound_nibbles)(const Batch&, const Block&, float* bounds, std::ptrdiff_t stride);
  // The keys of `lanes` rows from `row` of the block on, a multiple of that.
  void (*keys_of_floats)(const Batch&, std::ptrdiff_t query, const Block&, std::ptrdiff_t row, float* keys);
};

}  // namespace faceprint
