#pragma once
// What batch_all.cuh does, from the definitions. The tests hold the kernels that are used against these.

#include "cuda/batch_all.cuh"
#include "cuda/grid.cuh"

namespace faceprint::cuda {

// A thread an anchor, which looks at all its pairs and negatives.
static __global__ void weigh_plainly(Anchors anchors, Identities identities, TripletRule rule, const Found* found,
                                     float* weights, TripletSum* triplets) {
  const auto i = static_cast<std::int32_t>(global_thread());
  if (i >= anchors.count) return;
  const float* apart = anchors.apart(i);
  float* own = weights + std::int64_t{i} * anchors.rows;
  TripletSum all;
  for (std::int32_t row = 0; row < anchors.rows; ++row) own[row] = 0;
  for (std::int32_t row = 0; row < anchors.rows; ++row) {
    if (identities.same(anchors.first + i, row)) continue;
    for (std::int64_t place = anchors.begins[i]; place < anchors.begins[i + 1]; ++place) {
      const Found& pair = found[place];
      if (!(apart[row] < pair_of(rule, 0, pair.near).limit)) continue;
      all.sum += static_cast<double>(pair.near) + rule.margin - static_cast<double>(apart[row]);
      ++all.count;
      own[pair.positive] += 1;
      own[row] -= 1;
    }
  }
  triplets[anchors.first + i] = all;
}

// Adds to out, [results, depth], the products of weights with rows of embeddings, [chain, depth]. A thread a number, in
// blocks of one dimension.
static __global__ void add_products_plainly(Weights weights, Matrix<const float> rows, double* out) {
  const std::int64_t place = global_thread(), d = place % rows.columns;
  const auto result = static_cast<std::int32_t>(place / rows.columns);
  if (result >= weights.results) return;
  for (std::int32_t first = 0; first < weights.chain; first += chain_length) {
    float sum = 0;
    for (std::int32_t link = first; link < weights.chain && link < first + chain_length; ++link) {
      sum = fmaf(weights.at(result, link), rows.row(link)[d], sum);
    }
    out[place] += static_cast<double>(sum);
  }
}

}  // namespace faceprint::cuda
