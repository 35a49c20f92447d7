#pragma once
// All distances of some queries to some rows.

#include <cstdint>

#include "cuda/keys.cuh"
#include "cuda/sort.cuh"

namespace faceprint::cuda {

// Grid: tiles of queries by tiles of rows. Rows of `out` are `stride` floats apart.
template <class Shape>
__global__ void __launch_bounds__(Shape::threads, 2)
    distances_of_tiles(Pairs<float> pairs, float* out, std::int64_t stride) {
  using Tile = SharedTile<Shape, float>;
  FACEPRINT_SHARED(Tile, tile, [1]);
  const int first_query = static_cast<int>(blockIdx.x) * Shape::queries;
  const int first_row = static_cast<int>(blockIdx.y) * Shape::rows;
  FACEPRINT_SHARED(SharedTerms<Shape>, terms, [1]);
  terms->load_queries(pairs, first_query);
  terms->load_rows(pairs, first_row);
  Sums<Shape, float> sums;
  multiply<Shape, float>(pairs.queries, first_query, pairs.rows, first_row, *tile, sums);
  const bool aligned = reinterpret_cast<std::uintptr_t>(out) % sizeof(float4) == 0 && stride % 4 == 0;
#pragma unroll
  for (int i = 0; i < Shape::thread_queries; ++i) {
    const int query = first_query + Shape::query(i);
    if (query >= pairs.queries.rows) break;
#pragma unroll
    for (int j = 0; j < Shape::thread_rows; j += 4) {
      float four[4];
#pragma unroll
      for (int l = 0; l < 4; ++l) {
        four[l] = greatest(terms->key(sums[i][j + l], Shape::query(i), Shape::row(j + l)), 0.0f);
      }
      const int row = first_row + Shape::row(j);
      float* to = out + query * stride + row;
      if (aligned && row + 4 <= pairs.rows.rows) {
        store_four(four, to);
        continue;
      }
      for (int l = 0; l < 4 && row + l < pairs.rows.rows; ++l) to[l] = four[l];
    }
  }
}

}  // namespace faceprint::cuda
