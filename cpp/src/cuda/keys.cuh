#pragma once
// Keys, which are the lower the nearer a row is, as cpu/scan.hpp describes them: all metrics are one formula.

#include <cmath>
#include <cstdint>

#include "cuda/tile.cuh"
#include "entry.hpp"
#include "faceprint/nearest.hpp"

namespace faceprint::cuda {

using Count = unsigned long long;  // NOLINT(google-runtime-int): as atomicAdd takes it

// Keys beyond these are rounding.
struct KeyRange {
  float lowest, highest;

  constexpr float clamp(float key) const { return key < lowest ? lowest : key > highest ? highest : key; }
};

__device__ inline float to_number(float sum) { return sum; }
__device__ inline float to_number(int sum) { return static_cast<float>(sum); }

// Queries, rows of the gallery, and the terms of both.
template <class Value>
struct Pairs {
  Panels<Number<Value>> queries;
  Panels<Value> rows;
  Terms query_terms, row_terms;
};

// The terms of a tile, in shared memory.
template <class Shape>
struct SharedTerms {
  float query_bias[Shape::queries], query_scale[Shape::queries];
  float row_bias[Shape::rows], row_scale[Shape::rows];

  // By a whole block, which must meet before and after.
  __device__ void load_queries(const Terms& terms, int first, int count) {
    for (int i = static_cast<int>(threadIdx.x); i < Shape::queries; i += Shape::threads) {
      query_bias[i] = first + i < count ? terms.bias[first + i] : INFINITY;
      query_scale[i] = first + i < count ? terms.scale[first + i] : 0;
    }
  }
  __device__ void load_rows(const Terms& terms, int first, int count) {
    for (int i = static_cast<int>(threadIdx.x); i < Shape::rows; i += Shape::threads) {
      row_bias[i] = first + i < count ? terms.bias[first + i] : INFINITY;
      row_scale[i] = first + i < count ? terms.scale[first + i] : 0;
    }
  }

  // Of a place in the tile for a query and one for a row; infinite where one is missing.
  template <class Number>
  __device__ float key(Number sum, int query, int row) const {
    return (query_bias[query] + row_bias[row]) - to_number(sum) * (query_scale[query] * row_scale[row]);
  }
};

}  // namespace faceprint::cuda
