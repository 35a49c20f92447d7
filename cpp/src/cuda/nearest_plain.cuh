#pragma once
// What the fast kernels are compared with: a thread a pair, and a thread a query.

#include <cstdint>

#include "cuda/grid.cuh"
#include "cuda/keys.cuh"

namespace faceprint::cuda {

// The keys of all pairs, [queries][rows].
template <class Value>
__global__ void keys_of_pairs(Pairs<Value> pairs, float* keys) {
  const std::int64_t at = global_thread();
  const int query = static_cast<int>(at / pairs.rows.rows), row = static_cast<int>(at % pairs.rows.rows);
  if (query < pairs.queries.rows) keys[at] = key_of_pair(pairs, query, row);
}

// The k least of the keys of each query, in order: those after the one found before.
static __global__ void nearest_of_keys(const float* keys, int queries, int rows, KeyRange range, int k,
                                       Entry* nearest) {
  const std::int64_t query = global_thread();
  if (query >= queries) return;
  for (int i = 0; i < k; ++i) {
    Entry best = no_entry;
    for (int row = 0; row < rows; ++row) {
      const Entry entry = entry_of(range.clamp(keys[query * rows + row]), static_cast<std::uint32_t>(row));
      if (entry < best && (i == 0 || entry > nearest[query * k + i - 1])) best = entry;
    }
    nearest[query * k + i] = best;
  }
}

}  // namespace faceprint::cuda
