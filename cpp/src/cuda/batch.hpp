#pragma once
// A batch of triplets on the card, and its pairs, block by block of anchors.

#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/pairs.cuh"
#include "cuda/prepare.hpp"
#include "groups.hpp"

namespace faceprint::cuda {

class Batch {
 public:
  Batch(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, const Stream& stream);

  const TripletRule& rule() const { return rule_; }
  const Stream& stream() const { return stream_; }
  std::int32_t rows() const { return rows_; }
  std::int32_t depth() const { return depth_; }
  std::int32_t anchors() const { return rule_.anchors > 0 ? static_cast<std::int32_t>(rule_.anchors) : rows_; }
  std::int32_t pairs_of(std::int32_t anchor) const { return pairs_[static_cast<std::size_t>(anchor)]; }
  std::int32_t most_pairs() const { return most_pairs_; }  // of any anchor

  const float* embeddings() const { return embeddings_.data(); }  // [rows, depth]
  Identities identities() const { return {members_.data(), begins_.data(), ends_.data()}; }

  // Fills the distances from `count` rows to all.
  void find_distances(std::int32_t first, std::int32_t count, float* distances) const;

 private:
  const TripletRule& rule_;
  const Stream& stream_;
  std::int32_t rows_, depth_, most_pairs_ = 0;
  std::vector<std::int32_t> pairs_;  // how many each anchor has
  DeviceArray<float> embeddings_;
  PackedRows packed_;
  DeviceArray<std::int32_t> members_, begins_, ends_;
};

// Some anchors, their pairs listed and without negatives.
struct PairBlock {
  Anchors anchors;
  std::vector<std::int64_t> begins;  // as `anchors` has them
  Found* found;

  std::int64_t pairs() const { return begins.back(); }
};

// Calls visit(block) for blocks of so many anchors, in order, and tells the watch.
void visit_blocks(const Batch& batch, std::ptrdiff_t anchors, Watch* watch,
                  const std::function<void(const PairBlock&)>& visit);

}  // namespace faceprint::cuda
