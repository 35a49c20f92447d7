#pragma once
// What the fast kernels are compared with: a thread a pair, and a thread a query.

#include <cstdint>

#include "cuda/grid.cuh"
#include "cuda/keys.cuh"

namespace faceprint::cuda {

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

// The keys of all pairs, [queries][rows].
template <class Value>
__global__ void keys_of_pairs(Pairs<Value> pairs, float* keys) {
  const std::int64_t at = global_thread();
  const int query = static_cast<int>(at / pairs.rows.rows), row = static_cast<int>(at % pairs.rows.rows);
  if (query >= pairs.queries.rows) return;
  Number<Value> sum = 0;
  for (int d = 0; d < pairs.rows.length; ++d) {
    sum = add_product(pairs.queries.at(query, d), number_of(pairs.rows.at(row, d)), sum);
  }
  keys[at] = (pairs.query_terms.bias[query] + pairs.row_terms.bias[row]) -
             to_number(sum) * (pairs.query_terms.scale[query] * pairs.row_terms.scale[row]);
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
