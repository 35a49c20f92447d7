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

template <class T>
__device__ T number_of(T number) {
  return number;
}
__device__ inline float number_of(Half half) { return to_float(half); }
__device__ inline int number_of(Codes codes) {
  std::uint32_t four = 0;
  for (int shift = 0; shift < 32; shift += 8) four |= (((codes.bits >> shift) - 128) & 0xff) << shift;
  return static_cast<int>(four);
}

// The key of one pair, by one thread.
template <class Value>
__device__ float key_of_pair(const Pairs<Value>& pairs, int query, int row) {
  Number<Value> sum = 0;
  for (int d = 0; d < pairs.rows.length; ++d) {
    sum = add_product(pairs.queries.at(query, d), number_of(pairs.rows.at(row, d)), sum);
  }
  return (pairs.query_terms.bias[query] + pairs.row_terms.bias[row]) -
         to_number(sum) * (pairs.query_terms.scale[query] * pairs.row_terms.scale[row]);
}

// The terms of a tile, in shared memory.
template <class Shape>
struct SharedTerms {
  float query_bias[Shape::queries], query_scale[Shape::queries];
  float row_bias[Shape::rows], row_scale[Shape::rows];

  // By a whole block, which must meet before and after.
  template <class Value>
  __device__ void load_queries(const Pairs<Value>& pairs, int first) {
    for (int i = static_cast<int>(threadIdx.x); i < Shape::queries; i += Shape::threads) {
      query_bias[i] = first + i < pairs.queries.rows ? pairs.query_terms.bias[first + i] : INFINITY;
      query_scale[i] = first + i < pairs.queries.rows ? pairs.query_terms.scale[first + i] : 0;
    }
  }
  template <class Value>
  __device__ void load_rows(const Pairs<Value>& pairs, int first) {
    for (int i = static_cast<int>(threadIdx.x); i < Shape::rows; i += Shape::threads) {
      row_bias[i] = first + i < pairs.rows.rows ? pairs.row_terms.bias[first + i] : INFINITY;
      row_scale[i] = first + i < pairs.rows.rows ? pairs.row_terms.scale[first + i] : 0;
    }
  }

  // Of a place in the tile for a query and one for a row; infinite where one is missing.
  template <class Number>
  __device__ float key(Number sum, int query, int row) const {
    return (query_bias[query] + row_bias[row]) - to_number(sum) * (query_scale[query] * row_scale[row]);
  }
};

// The same for sums of tensor cores, which it raises to what a chain's sum is at most: then keys are what they are at
// least, for what makes them keeps the order.
template <class Shape>
struct SharedBounds : SharedTerms<Shape> {
  float query_error[Shape::queries], row_length[Shape::rows];

  template <class Value>
  __device__ void load_queries(const Pairs<Value>& pairs, int first) {
    SharedTerms<Shape>::load_queries(pairs, first);
    for (int i = static_cast<int>(threadIdx.x); i < Shape::queries; i += Shape::threads) {
      const bool exists = first + i < pairs.queries.rows;
      query_error[i] =
          exists ? tensor_error(pairs.rows.length) * floored_length(pairs.query_terms.norms[first + i]) : 0;
    }
  }
  template <class Value>
  __device__ void load_rows(const Pairs<Value>& pairs, int first) {
    SharedTerms<Shape>::load_rows(pairs, first);
    for (int i = static_cast<int>(threadIdx.x); i < Shape::rows; i += Shape::threads) {
      row_length[i] = first + i < pairs.rows.rows ? floored_length(pairs.row_terms.norms[first + i]) : 0;
    }
  }
  __device__ void raise(Sums<Shape, float>& sums) const {
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; ++i) {
#pragma unroll
      for (int j = 0; j < Shape::thread_rows; ++j) {
        sums[i][j] += query_error[Shape::query(i)] * row_length[Shape::row(j)];
      }
    }
  }
};

}  // namespace faceprint::cuda
