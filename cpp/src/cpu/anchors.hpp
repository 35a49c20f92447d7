#pragma once
// The anchors of a batch, each with its distances to all rows.

#include <functional>
#include <span>
#include <vector>

#include "cpu/triplets.hpp"
#include "negatives.hpp"

namespace faceprint {

struct Anchor {
  std::int64_t row;
  std::span<const std::int64_t> own;  // the rows of its identity, itself included
  std::span<const Pair> pairs;        // those that the rule wants, in the order of positives
  float* distances;                   // to all rows, made infinite for its own and up to `columns`
  std::ptrdiff_t columns;
};

// What anchors come from: a batch, the rule, and with what to work on it.
struct TripletBatch {
  const TripletKernels& kernels;
  Matrix<const float> embeddings;
  const Groups& groups;
  const TripletRule& rule;
  int threads;
  Watch* watch;

  std::ptrdiff_t anchors() const { return rule.anchors ? rule.anchors : embeddings.rows; }
};

// How many anchors a block of a batch of so many rows holds, a multiple of anchor_multiple: a block takes 4 MB, or as
// much as 128 anchors do if that is more.
std::ptrdiff_t anchors_per_block(std::ptrdiff_t rows);

// The rows `first` and following, with their distances to all rows.
struct AnchorBlock {
  std::ptrdiff_t first;
  Matrix<float> distances;
};

// Takes the anchors by blocks: calls `open` for a block, `visit` for each of its anchors, in any order and on several
// threads, and `close`, which sees the distances as the visits have left them.
void visit_anchors(const TripletBatch& batch, const std::function<void(const AnchorBlock&)>& open,
                   const std::function<void(const Anchor&)>& visit,
                   const std::function<void(const AnchorBlock&)>& close);

}  // namespace faceprint
