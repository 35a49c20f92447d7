// The kernels of the loss over all triplets, against plain ones.

#include "cuda/batch_all_plain.cuh"

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/batch.hpp"
#include "cuda/rooms.hpp"
#include "divide_up.hpp"
#include "on_card.hpp"

using namespace faceprint;
using namespace faceprint::cuda;

namespace {

unsigned pieces(std::int64_t count, std::int64_t each) { return static_cast<unsigned>(divide_up(count, each)); }

}  // namespace

// Distances of whole numbers, of which all sums are exact; more rows than threads.
TEST(weigh_equals_the_plain_kernel) {
  constexpr std::ptrdiff_t rows = weighing_threads + 70, anchor_count = 30;
  constexpr unsigned blocks = 3;
  const Stream stream;
  const Rows<float> embeddings = random_integers(rows, 2, 5);
  const SentRows sent(embeddings.view(), stream);
  const std::size_t bytes = Rooms::aligned(room_to_weigh(rows));
  const DeviceArray<std::byte> scratch(static_cast<std::ptrdiff_t>(blocks * bytes), stream);
  const DeviceArray<TripletSum> sums(anchor_count, stream), plain_sums(anchor_count, stream);
  for (const std::ptrdiff_t identities : {std::ptrdiff_t{1}, std::ptrdiff_t{2}, std::ptrdiff_t{7}, rows}) {
    std::vector<std::int64_t> labels;
    for (std::int64_t row = 0; row < rows; ++row) labels.push_back(row * row % identities);
    for (std::byte* memory : {static_cast<std::byte*>(nullptr), scratch.data()}) {
      const TripletRule rule = {.kind = Mining::batch_all, .margin = 2.5, .anchors = anchor_count};
      const Batch batch(sent.view(), Groups(labels), rule, stream);
      visit_blocks(batch, 17, nullptr, [&](const PairBlock& block) {
        const Anchors& anchors = block.anchors;
        const DeviceArray<float> weights(std::int64_t{anchors.count} * rows, stream);
        launch(weigh_plainly, pieces(anchors.count, warp_size), warp_size, 0, stream, anchors, batch.identities(), rule,
               block.found, weights.data(), plain_sums.data());
        launch(weigh, blocks, weighing_threads, memory ? 0 : bytes, stream, anchors, batch.identities(), rule,
               block.found, sums.data(), Room{memory, bytes});
        CHECK(downloaded(anchors.distances, weights.size(), stream) ==
              downloaded(weights.data(), weights.size(), stream));
      });
      const auto found = downloaded(sums.data(), anchor_count, stream);
      const auto expected = downloaded(plain_sums.data(), anchor_count, stream);
      for (std::size_t i = 0; i < anchor_count; ++i) {
        CHECK_EQUAL(found[i].sum, expected[i].sum);
        CHECK_EQUAL(found[i].count, expected[i].count);
      }
    }
  }
}

// Both are chains over the same rows, so they agree to the bit.
TEST(add_products_equals_the_plain_kernel) {
  const Stream stream;
  for (const bool transposed : {false, true}) {
    for (const std::int32_t results : {1, 64, 65}) {
      for (const std::int32_t chain : {1, 17, 128, 300}) {
        for (const std::int32_t depth : {1, 65}) {
          const Rows<float> factors = random_fractions(chain, depth, 1);
          const std::int32_t stride = (transposed ? results : chain) + 3;
          const Rows<float> by = random_fractions(transposed ? chain : results, stride, 2);
          const DeviceArray<float> values = uploaded(factors.data, stream), numbers = uploaded(by.data, stream);
          const Weights weights = {numbers.data(), stride, transposed, results, chain};
          const Matrix<const float> rows = {values.data(), chain, depth, depth};
          const std::vector<double> before(static_cast<std::size_t>(results * depth), 0.1);
          const DeviceArray<double> out = uploaded(before, stream), plain = uploaded(before, stream);
          launch(add_products, {pieces(results, ProductTile::side), pieces(depth, ProductTile::side)},
                 ProductTile::threads, 0, stream, weights, rows, out.data());
          launch(add_products_plainly, pieces(results * depth, 256), 256, 0, stream, weights, rows, plain.data());
          CHECK(downloaded(out.data(), out.size(), stream) == downloaded(plain.data(), plain.size(), stream));
        }
      }
    }
  }
}
