#pragma once
// Keys of pairs, counted by the bins of faceprint/pairs.hpp and, in some of them, by places.

#include <cstdint>

#include "cuda/keys.cuh"
#include "cuda/sort.cuh"
#include "faceprint/pairs.hpp"

namespace faceprint::cuda {

// Bins that a block counts by itself, so that blocks seldom wait for one another: those of distances from 1/16 to 4,
// among which are nearly all of unit rows.
inline constexpr std::uint32_t first_own_bin = 0x3d80'0000u >> place_bits, own_bins = 0x0300'0000u >> place_bits;

// Where pairs are counted. Of each bin, `numbers` has its number among those whose places count, or -1.
struct PairBins {
  Count *counts, *places;
  const std::int32_t* numbers;

  __device__ void count_place(std::uint32_t pattern) const {
    const std::int64_t number = numbers[pattern >> place_bits];
    if (number >= 0) atomicAdd(&places[number * bin_places + (pattern & (bin_places - 1))], Count{1});
  }
};

// The numbers of the first row and query among all. Of rows with themselves, only those behind the query count.
struct PairNumbers {
  std::int64_t first_row, first_query;
  bool own;
};

// Grid: tiles of queries by stripes of `stripe_tiles` tiles each.
template <class Shape>
__global__ void __launch_bounds__(Shape::threads, 2)
    count_keys(Pairs<float> pairs, PairBins bins, PairNumbers numbers, int stripe_tiles) {
  using Tile = SharedTile<Shape, float>;
  FACEPRINT_SHARED(Tile, tile, [1]);
  FACEPRINT_SHARED(SharedTerms<Shape>, terms, [1]);
  FACEPRINT_SHARED(std::uint32_t, own_counts, [own_bins]);
  const int first_query = static_cast<int>(blockIdx.x) * Shape::queries;
  const int begin = static_cast<int>(blockIdx.y) * stripe_tiles * Shape::rows;
  const int end = least(begin + stripe_tiles * Shape::rows, pairs.rows.rows);
  for (std::uint32_t bin = threadIdx.x; bin < own_bins; bin += Shape::threads) own_counts[bin] = 0;
  terms->load_queries(pairs, first_query);
  for (int first_row = begin; first_row < end; first_row += Shape::rows) {
    const std::int64_t behind = numbers.first_row + first_row - numbers.first_query - first_query;
    if (numbers.own && behind + Shape::rows <= 1) continue;
    Sums<Shape, float> sums;
    terms->load_rows(pairs, first_row);
    multiply<Shape, float>(pairs.queries, first_query, pairs.rows, first_row, *tile, sums);
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; ++i) {
#pragma unroll
      for (int j = 0; j < Shape::thread_rows; ++j) {
        const int query = Shape::query(i), row = Shape::row(j);
        const float key = terms->key(sums[i][j], query, row);
        if (key == INFINITY || (numbers.own && behind + row <= query)) continue;
        const std::uint32_t pattern = key > 0 ? std::bit_cast<std::uint32_t>(key) : 0, bin = pattern >> place_bits;
        if (bin - first_own_bin < own_bins) {
          atomicAdd(&own_counts[bin - first_own_bin], 1u);
        } else {
          atomicAdd(&bins.counts[bin], Count{1});
        }
        bins.count_place(pattern);
      }
    }
    __syncthreads();
  }
  for (std::uint32_t bin = threadIdx.x; bin < own_bins; bin += Shape::threads) {
    if (own_counts[bin]) atomicAdd(&bins.counts[first_own_bin + bin], Count{own_counts[bin]});
  }
}

}  // namespace faceprint::cuda
