#pragma once
// A batch of triplets on the card, and its pairs, block by block of anchors.

#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/anchors.cuh"
#include "cuda/device.hpp"
#include "cuda/prepare.hpp"
#include "groups.hpp"

namespace faceprint::cuda {

// Rows of the host, sent to the card.
class SentRows {
 public:
  SentRows(Matrix<const float> rows, const Stream& stream)
      : values_(rows.rows * rows.columns, stream), view_{values_.data(), rows.rows, rows.columns, rows.columns} {
    upload_rows(rows, values_.data(), stream);
  }
  const Matrix<const float>& view() const { return view_; }

 private:
  DeviceArray<float> values_;
  Matrix<const float> view_;
};

class Batch {
 public:
  // Embeddings that lie on the card.
  Batch(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, const Stream& stream);

  const TripletRule& rule() const { return rule_; }
  const Stream& stream() const { return stream_; }
  const Matrix<const float>& embeddings() const { return embeddings_; }
  std::int32_t rows() const { return packed_.rows; }
  std::int32_t depth() const { return packed_.columns; }
  std::int32_t anchors() const { return rule_.anchors > 0 ? static_cast<std::int32_t>(rule_.anchors) : rows(); }
  std::int32_t pairs_of(std::int32_t anchor) const { return pairs_[static_cast<std::size_t>(anchor)]; }
  std::int32_t most_pairs() const { return most_pairs_; }  // of any anchor
  Identities identities() const { return {members_.data(), begins_.data(), ends_.data()}; }

  // Fills the distances from `count` rows to all.
  void find_distances(std::int32_t first, std::int32_t count, float* distances) const;

 private:
  const TripletRule& rule_;
  const Stream& stream_;
  Matrix<const float> embeddings_;
  PackedRows packed_;
  std::int32_t most_pairs_ = 0;
  std::vector<std::int32_t> pairs_;  // how many each anchor has
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
