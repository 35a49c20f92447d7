#include "cuda/mine.hpp"

#include <algorithm>

#include "cuda/mine.cuh"
#include "cuda/rooms.hpp"
#include "cuda/triplets.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t block_numbers = 1 << 25;  // distances on the card at once: 128 MB

void pick_one(const Batch& batch, const PairBlock& block, Pick pick) {
  const Stream& stream = batch.stream();
  const auto anchors = static_cast<unsigned>(block.anchors.count);
  if (pick == Pick::nearest) {
    return launch(pick_nearest, anchors, picking_threads, 0, stream, block.anchors, batch.identities(), batch.rule(),
                  block.found);
  }
  const std::int32_t pairs = batch.most_pairs();
  const Rooms rooms(anchors, pick == Pick::next ? room_to_pick_next(pairs) : room_to_pick_any(pairs), stream);
  launch(pick == Pick::next ? pick_next : pick_any, rooms.blocks(), picking_threads, rooms.shared_bytes(), stream,
         block.anchors, batch.identities(), batch.rule(), block.found, rooms.room());
}

void add_one(const Batch& batch, const PairBlock& block, Pick pick, Mined& mined) {
  pick_one(batch, block, pick);
  std::vector<Found> found(static_cast<std::size_t>(block.pairs()));
  download(block.found, block.pairs(), found.data(), batch.stream());
  auto pair = found.begin();
  for (std::size_t anchor = 0; anchor + 1 < block.begins.size(); ++anchor) {
    for (const auto end = found.begin() + block.begins[anchor + 1]; pair < end; ++pair) {
      if (pair->negative == none) continue;
      mined.triplets.anchors.append(block.anchors.first + static_cast<std::int64_t>(anchor));
      mined.triplets.positives.append(pair->positive);
      mined.triplets.negatives.append(pair->negative);
      mined.excess.append(static_cast<double>(pair->near) - static_cast<double>(pair->far));
    }
  }
}

void add_all(const Batch& batch, const PairBlock& block, Mined& mined) {
  const Stream& stream = batch.stream();
  const std::int64_t pairs = block.pairs();
  const DeviceArray<std::int64_t> on_card(pairs, stream);
  const auto pick = [&](std::int32_t* rows) {
    launch(pick_all, static_cast<unsigned>(block.anchors.count), picking_threads, 0, stream, block.anchors,
           batch.identities(), batch.rule(), block.found, on_card.data(), rows);
  };
  pick(nullptr);
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(pairs + 1));
  download(on_card.data(), pairs, offsets.data() + 1, stream);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    offsets[static_cast<std::size_t>(pair + 1)] += offsets[static_cast<std::size_t>(pair)];
  }
  upload(offsets.data(), pairs, on_card.data(), stream);
  if (offsets.back() == 0) return;
  const DeviceArray<std::int32_t> negatives(offsets.back(), stream);
  pick(negatives.data());

  std::vector<Found> found(static_cast<std::size_t>(pairs));
  std::vector<std::int32_t> rows(static_cast<std::size_t>(offsets.back()));
  download(block.found, pairs, found.data(), stream);
  download(negatives.data(), negatives.size(), rows.data(), stream);
  auto row = rows.begin();
  std::size_t pair = 0;
  for (std::size_t anchor = 0; anchor + 1 < block.begins.size(); ++anchor) {
    for (; pair < static_cast<std::size_t>(block.begins[anchor + 1]); ++pair) {
      for (const auto end = rows.begin() + offsets[pair + 1]; row < end; ++row) {
        mined.triplets.anchors.append(block.anchors.first + static_cast<std::int64_t>(anchor));
        mined.triplets.positives.append(found[pair].positive);
        mined.triplets.negatives.append(*row);
      }
    }
  }
}

}  // namespace

Mined mine(const Batch& batch, Watch* watch) {
  Mined mined;
  if (batch.most_pairs() == 0) return mined;
  const Pick pick = pick_of(batch.rule());
  visit_blocks(batch, std::max<std::ptrdiff_t>(block_numbers / batch.rows(), warp_size), watch,
               [&](const PairBlock& block) {
                 if (block.pairs() == 0) return;
                 if (pick == Pick::all) {
                   add_all(batch, block, mined);
                 } else {
                   add_one(batch, block, pick, mined);
                 }
               });
  return mined;
}

Triplets mine_triplets_on_card(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                               Watch* watch, const Stream& stream) {
  if (embeddings.rows == 0) return {};
  return mine(Batch(embeddings, groups, rule, stream), watch).triplets;
}

Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Watch* watch,
                       const Stream& stream) {
  return mine_triplets_on_card(SentRows(embeddings, stream).view(), groups, rule, watch, stream);
}

}  // namespace faceprint::cuda
