#include "cuda/batch.hpp"

#include <algorithm>

#include "cuda/distance.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// Lists the pairs that the rule wants, without negatives. A warp an anchor.
__global__ void list_pairs(Anchors anchors, Identities identities, TripletRule rule, Found* found) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x);
  const auto i = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t anchor = anchors.first + i, end = identities.ends[anchor];
  const std::int64_t place = anchors.begins[i];
  const float* apart = anchors.apart(i);
  Entry best = no_entry;
  for (std::int32_t own = identities.begins[anchor] + lane; own < end; own += warp_size) {
    const std::int32_t positive = identities.members[own];
    if (positive == anchor) continue;
    if (wants_one_positive(rule.kind)) {
      const float key = rule.kind == Mining::batch_hard ? -apart[positive] : apart[positive];
      best = std::min(best, entry_of(key, positive));
    } else {
      const std::int32_t before = own - identities.begins[anchor] - (positive > anchor ? 1 : 0);
      found[place + before] = {positive, none, apart[positive], 0};
    }
  }
  best = least_of_warp(best);
  if (lane > 0 || best == no_entry) return;
  const auto positive = static_cast<std::int32_t>(row_of(best));
  found[place] = {positive, none, apart[positive], 0};
}

Batch::Batch(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, const Stream& stream)
    : rule_(rule), stream_(stream), embeddings_(embeddings), packed_(pack_on_card(embeddings, stream)) {
  const std::vector<std::int32_t> members(groups.members().begin(), groups.members().end());
  std::vector<std::int32_t> begins, ends;
  for (std::int32_t row = 0; row < rows(); ++row) {
    const auto own = groups.of(row);
    begins.push_back(static_cast<std::int32_t>(own.data() - groups.members().data()));
    ends.push_back(begins.back() + static_cast<std::int32_t>(own.size()));
    const auto others = static_cast<std::int32_t>(own.size()) - 1;
    pairs_.push_back(wants_one_positive(rule.kind) ? std::min(others, 1) : others);
    most_pairs_ = std::max(most_pairs_, pairs_.back());
  }
  members_ = uploaded(members.data(), rows(), stream);
  begins_ = uploaded(begins.data(), rows(), stream);
  ends_ = uploaded(ends.data(), rows(), stream);
}

void Batch::find_distances(std::int32_t first, std::int32_t count, float* distances) const {
  cuda::distances(pack_on_card(embeddings_.slice(first, count), stream_), packed_, distances, rows(), stream_);
}

void visit_blocks(const Batch& batch, std::ptrdiff_t anchors, Watch* watch,
                  const std::function<void(const PairBlock&)>& visit) {
  const std::int32_t all = batch.anchors(), most = static_cast<std::int32_t>(std::min<std::ptrdiff_t>(anchors, all));
  const Stream& stream = batch.stream();
  const DeviceArray<float> distances(std::int64_t{most} * batch.rows(), stream);
  Progress progress(watch, all);
  for (std::int32_t first = 0; first < all; first += most) {
    const std::int32_t count = std::min(most, all - first);
    PairBlock block{};
    block.begins = {0};
    for (std::int32_t i = 0; i < count; ++i) block.begins.push_back(block.pairs() + batch.pairs_of(first + i));
    const DeviceArray<std::int64_t> begins = uploaded(block.begins.data(), count + 1, stream);
    const DeviceArray<Found> found(block.pairs(), stream);
    block.anchors = {first, count, batch.rows(), distances.data(), begins.data()};
    block.found = found.data();
    batch.find_distances(first, count, distances.data());
    launch(list_pairs, static_cast<unsigned>(count), warp_size, 0, stream, block.anchors, batch.identities(),
           batch.rule(), block.found);
    visit(block);
    progress.add(count);
  }
}

}  // namespace faceprint::cuda
