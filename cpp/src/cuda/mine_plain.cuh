#pragma once
// What mine.cuh does, from the definitions: a thread a pair, which looks at all rows. The tests hold the kernels that
// are used against these.

#include "cuda/anchors.cuh"

namespace faceprint::cuda {

// The nearest negative that the pair wants.
static __global__ void pick_nearest_plainly(Anchors anchors, Identities identities, TripletRule rule, Found* found) {
  const auto i = static_cast<std::int32_t>(blockIdx.x);
  const float* apart = anchors.apart(i);
  for (std::int64_t place = anchors.begins[i] + threadIdx.x; place < anchors.begins[i + 1]; place += blockDim.x) {
    const Pair pair = pair_of(rule, found[place].positive, found[place].near);
    for (std::int32_t row = 0; row < anchors.rows; ++row) {
      if (identities.same(anchors.first + i, row) || apart[row] < pair.lowest || !(apart[row] < pair.limit)) continue;
      if (found[place].negative != none && found[place].far <= apart[row]) continue;
      found[place].negative = row;
      found[place].far = apart[row];
    }
  }
}

// One of the negatives that the pair wants. Between two neighbouring thresholds of the anchor's pairs they are in the
// order of rows.
static __global__ void pick_any_plainly(Anchors anchors, Identities identities, TripletRule rule, Found* found) {
  const auto i = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t anchor = anchors.first + i;
  const std::int64_t begin = anchors.begins[i], end = anchors.begins[i + 1];
  const float* apart = anchors.apart(i);
  const auto count = [&](float lower, float upper) {
    std::int32_t rows = 0;
    for (std::int32_t row = 0; row < anchors.rows; ++row) {
      if (!identities.same(anchor, row) && lower <= apart[row] && apart[row] < upper) ++rows;
    }
    return rows;
  };
  const auto next_threshold = [&](float lower) {
    float next = INFINITY;
    for (std::int64_t place = begin; place < end; ++place) {
      const Pair other = pair_of(rule, 0, found[place].near);
      if (other.lowest > lower) next = std::fmin(next, other.lowest);
      if (other.limit > lower) next = std::fmin(next, other.limit);
    }
    return next;
  };
  for (std::int64_t place = begin + threadIdx.x; place < end; place += blockDim.x) {
    const Pair pair = pair_of(rule, found[place].positive, found[place].near);
    const std::int32_t all = count(pair.lowest, pair.limit);
    if (all == 0) continue;
    auto left = static_cast<std::int32_t>(draw(rule.seed, anchor, pair.positive, all));
    float lower = pair.lowest, upper = next_threshold(lower);
    for (std::int32_t here = count(lower, upper); left >= here; here = count(lower, upper)) {
      left -= here;
      lower = upper;
      upper = next_threshold(lower);
    }
    for (std::int32_t row = 0; row < anchors.rows; ++row) {
      if (identities.same(anchor, row) || apart[row] < lower || !(apart[row] < upper) || left-- > 0) continue;
      found[place].negative = row;
      found[place].far = apart[row];
      break;
    }
  }
}

}  // namespace faceprint::cuda
