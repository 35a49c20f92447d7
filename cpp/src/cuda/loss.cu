#include <algorithm>
#include <numeric>
#include <vector>

#include "cpu/anchors.hpp"
#include "cpu/loss.hpp"
#include "cuda/batch_all.cuh"
#include "cuda/mine.hpp"
#include "cuda/pulls.cuh"
#include "cuda/rooms.hpp"
#include "cuda/triplets.hpp"
#include "divide_up.hpp"

namespace faceprint::cuda {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

unsigned pieces(std::int64_t count, std::int64_t each) { return static_cast<unsigned>(divide_up(count, each)); }

double scale_of(bool mean, const TripletSum& sum) {
  return mean && sum.count > 0 ? 1 / static_cast<double>(sum.count) : 1;
}

// The pulls of all triplets on each row, in the order of triplets.
struct RowPulls {
  std::vector<std::int64_t> begins;
  std::vector<Pull> pulls;

  RowPulls(const Triplets& triplets, const std::vector<double>& slopes, std::int32_t rows)
      : begins(at(rows) + 1), pulls(3 * slopes.size()) {
    for (const auto* part : {&triplets.anchors, &triplets.positives, &triplets.negatives}) {
      for (const std::int64_t row : *part) ++begins[at(row) + 1];
    }
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    std::vector<std::int64_t> ends(begins.begin(), begins.end() - 1);
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const auto anchor = static_cast<std::int32_t>(triplets.anchors.data()[i]);
      const auto positive = static_cast<std::int32_t>(triplets.positives.data()[i]);
      const auto negative = static_cast<std::int32_t>(triplets.negatives.data()[i]);
      const double weight = 2 * slopes[i];
      pulls[at(ends[at(anchor)]++)] = {negative, positive, weight};
      pulls[at(ends[at(positive)]++)] = {positive, anchor, weight};
      pulls[at(ends[at(negative)]++)] = {anchor, negative, weight};
    }
  }
};

// The loss over mined triplets. Its sum runs on the host, in the order of triplets.
TripletLoss loss_of_mined(const Batch& batch, Hinge hinge, bool mean, Watch* watch, Matrix<float> gradient) {
  const Stream& stream = batch.stream();
  const Mined mined = mine(batch, watch);
  const Hinged found = hinged(mined, hinge, batch.rule().margin);
  const double scale = scale_of(mean, found.sum);
  const RowPulls rows(mined.triplets, found.slopes, batch.rows());
  const DeviceArray<std::int64_t> begins = uploaded(rows.begins.data(), batch.rows() + 1, stream);
  const DeviceArray<Pull> pulls = uploaded(rows.pulls.data(), std::ssize(rows.pulls), stream);
  launch(add_pulls, static_cast<unsigned>(batch.rows()), std::min(batch.depth(), block_threads), 0, stream,
         batch.embeddings(), begins.data(), pulls.data(), scale, gradient);
  return {.value = found.sum.sum * scale, .triplets = found.sum.count};
}

// Blocks of anchors are those of the CPU, for sums of products run block by block.
TripletLoss loss_of_all(const Batch& batch, bool mean, Watch* watch, Matrix<float> gradient) {
  const Stream& stream = batch.stream();
  const std::int32_t rows = batch.rows(), depth = batch.depth();
  const std::int64_t numbers = std::int64_t{rows} * depth;
  const DeviceArray<double> products(numbers, stream), totals(rows, stream);
  clear(products, stream);
  clear(totals, stream);
  const DeviceArray<TripletSum> sums(batch.anchors(), stream);
  const auto add = [&](const Weights& weights, std::int32_t first_link, std::int32_t first_result) {
    launch(add_products, {pieces(weights.results, ProductTile::side), pieces(depth, ProductTile::side)},
           ProductTile::threads, 0, stream, weights, batch.embeddings().slice(first_link, weights.chain),
           products.data() + std::int64_t{first_result} * depth);
  };
  visit_blocks(batch, anchors_per_block(rows), watch, [&](const PairBlock& block) {
    const Anchors& anchors = block.anchors;
    const Rooms rooms(anchors.count, room_to_weigh(batch.most_pairs()), stream);
    launch(weigh, rooms.blocks(), weighing_threads, rooms.shared_bytes(), stream, anchors, batch.identities(),
           batch.rule(), block.found, sums.data(), rooms.room());
    launch(add_totals, {blocks_of(rows), pieces(anchors.count, anchors_per_total)}, block_threads, 0, stream, anchors,
           totals.data());
    // Rows as others of these anchors, and as anchors.
    add({anchors.distances, rows, true, rows, anchors.count}, anchors.first, 0);
    add({anchors.distances, rows, false, anchors.count, rows}, 0, anchors.first);
  });

  std::vector<TripletSum> found(at(batch.anchors()));
  download(sums.data(), sums.size(), found.data(), stream);
  TripletSum all;
  for (const TripletSum& part : found) {
    all.sum += part.sum;
    all.count += part.count;
  }
  const double scale = scale_of(mean, all);
  launch(write_gradient, blocks_of(numbers), block_threads, 0, stream, batch.embeddings(), totals.data(),
         products.data(), scale, gradient);
  return {.value = all.sum * scale, .triplets = all.count};
}

}  // namespace

TripletLoss triplet_loss_on_card(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                                 Hinge hinge, bool mean, Matrix<float> gradient, Watch* watch, const Stream& stream) {
  if (embeddings.rows == 0) return {.value = 0, .triplets = 0};
  const Batch batch(embeddings, groups, rule, stream);
  if (rule.kind == Mining::batch_all) return loss_of_all(batch, mean, watch, gradient);
  return loss_of_mined(batch, hinge, mean, watch, gradient);
}

TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Hinge hinge,
                         bool mean, Matrix<float> gradient, Watch* watch, const Stream& stream) {
  const SentRows rows(embeddings, stream);
  const DeviceArray<float> slopes(embeddings.rows * embeddings.columns, stream);
  const TripletLoss loss =
      triplet_loss_on_card(rows.view(), groups, rule, hinge, mean,
                           {slopes.data(), embeddings.rows, embeddings.columns, embeddings.columns}, watch, stream);
  download_rows(slopes.data(), gradient, stream);
  return loss;
}

}  // namespace faceprint::cuda
