#pragma once
// What count_keys is compared with: a thread a pair, whose key is known.

#include "cuda/count_pairs.cuh"
#include "cuda/grid.cuh"

namespace faceprint::cuda {

static __global__ void count_plainly(const float* keys, int queries, int rows, PairBins bins, PairNumbers numbers) {
  const std::int64_t at = global_thread(), query = at / rows, row = at % rows;
  if (query >= queries) return;
  if (numbers.own && numbers.first_row + row <= numbers.first_query + query) return;
  const std::uint32_t pattern = keys[at] > 0 ? std::bit_cast<std::uint32_t>(keys[at]) : 0, bin = pattern >> place_bits;
  atomicAdd(&bins.counts[bin], Count{1});
  const std::int64_t number = bins.numbers[bin];
  if (number >= 0) atomicAdd(&bins.places[number * bin_places + (pattern & (bin_places - 1))], Count{1});
}

}  // namespace faceprint::cuda
