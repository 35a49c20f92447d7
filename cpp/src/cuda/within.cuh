#pragma once
// All rows within a limit, in two passes: the first counts them, the second writes them where the counts say, and then
// each query's are sorted.

#include <cstdint>

#include "cuda/keys.cuh"
#include "cuda/sort.cuh"

namespace faceprint::cuda {

// Of each query: how many were found, and where they begin. Without entries, they are only counted.
struct Hits {
  Count* counts;
  const std::int64_t* offsets;
  Entry* entries;
};

// Grid: tiles of queries by stripes of `stripe_tiles` tiles each. Rows are numbered from `first_number` on.
template <class Shape, class Value>
__global__ void __launch_bounds__(Shape::threads, 2)
    scan_within(Pairs<Value> pairs, KeyRange range, float limit, Hits hits, int stripe_tiles,
                std::uint32_t first_number) {
  using Tile = SharedTile<Shape, Number<Value>>;
  FACEPRINT_SHARED(Tile, tile, [1]);
  FACEPRINT_SHARED(SharedTerms<Shape>, terms, [1]);
  const int first_query = static_cast<int>(blockIdx.x) * Shape::queries;
  const int begin = static_cast<int>(blockIdx.y) * stripe_tiles * Shape::rows;
  const int end = least(begin + stripe_tiles * Shape::rows, pairs.rows.rows);
  terms->load_queries(pairs, first_query);
  for (int first_row = begin; first_row < end; first_row += Shape::rows) {
    Sums<Shape, Number<Value>> sums;
    terms->load_rows(pairs, first_row);
    multiply<Shape, Value>(pairs.queries, first_query, pairs.rows, first_row, *tile, sums);
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; ++i) {
      const int query = first_query + Shape::query(i);
#pragma unroll
      for (int j = 0; j < Shape::thread_rows; ++j) {
        const float key = terms->key(sums[i][j], Shape::query(i), Shape::row(j));
        if (!(key < limit)) continue;
        const Count place = atomicAdd(&hits.counts[query], Count{1});
        if (!hits.entries) continue;
        hits.entries[hits.offsets[query] + static_cast<std::int64_t>(place)] =
            entry_of(range.clamp(key), first_number + static_cast<std::uint32_t>(first_row + Shape::row(j)));
      }
    }
    __syncthreads();
  }
}

// A block of `Threads` a query.
template <int Threads>
__global__ void sort_hits(const std::int64_t* offsets, Entry* entries) {
  sort_entries<Block<Threads>>(entries + offsets[blockIdx.x],
                               static_cast<unsigned>(offsets[blockIdx.x + 1] - offsets[blockIdx.x]));
}

}  // namespace faceprint::cuda
