#pragma once
// What triplets need of an instruction set. Distances come by blocks of anchors; no bit of a result depends on how
// large the blocks are.

#include <cstdint>

#include "cpu/split.hpp"
#include "faceprint/triplets.hpp"
#include "groups.hpp"

namespace faceprint {

// Adds to `out`, [rows, columns], the products of `weights` with factors, over a chain of the factors' rows.
struct ProductSlice {
  Matrix<const float> weights;  // [rows, chain], or [chain, rows] where `transposed`
  bool transposed;
  const float* factors;  // [columns / panel_rows][panel_length][panel_rows], of which the chain takes the first rows
  std::ptrdiff_t panel_length;
  std::ptrdiff_t columns;  // a multiple of Gallery::panel_rows
  Matrix<double> out;
  float* packed;  // room for chain * out.rows
};

struct TripletKernels {
  void (*distances)(const DistanceSlice&);

  // The first of the least of `count` values, a multiple of Gallery::panel_rows.
  std::ptrdiff_t (*nearest)(const float* values, std::ptrdiff_t count);

  // Of each Gallery::panel_rows values, bit i becomes whether the i-th is below the limit. Of those that have such a
  // value, bins[i] becomes how many of `size` sorted thresholds are at most the i-th; behind the thresholds stand NaNs,
  // up to 2^n - 1 numbers.
  void (*rank)(const float* values, std::ptrdiff_t count, float limit, const float* thresholds, std::ptrdiff_t size,
               std::uint16_t* below, std::int32_t* bins);

  void (*add_products)(const ProductSlice& slice);
};

}  // namespace faceprint
