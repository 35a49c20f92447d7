// The kernels that pick negatives, against plain ones: with room in shared memory and beside it.

#include "cuda/mine.cuh"

#include <functional>
#include <limits>

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/batch.hpp"
#include "cuda/mine_plain.cuh"
#include "cuda/rooms.hpp"
#include "cuda/triplets.hpp"
#include "on_card.hpp"

using namespace faceprint;
using namespace faceprint::cuda;

namespace {

constexpr std::ptrdiff_t rows = 70;
constexpr std::int32_t anchors_at_once = 23;
constexpr unsigned blocks = 3;  // fewer than anchors, which they take in turns
constexpr double infinity = std::numeric_limits<double>::infinity();

using Launch = std::function<void(const Batch& batch, const Anchors& anchors, Found* found)>;

// Every block of pairs of a batch, in which distances repeat, by both kernels.
void compare(const TripletRule& rule, const Stream& stream, const Launch& fast, const Launch& plain) {
  std::int64_t chosen = 0;
  for (const std::int64_t identities : {2, 7, 30}) {
    std::vector<std::int64_t> labels;
    for (std::int64_t row = 0; row < rows; ++row) labels.push_back(row * row % identities);
    const Rows<float> embeddings = random_integers(rows, 2, 5);
    const SentRows sent(embeddings.view(), stream);
    const Batch batch(sent.view(), Groups(labels), rule, stream);
    visit_blocks(batch, anchors_at_once, nullptr, [&](const PairBlock& block) {
      const DeviceArray<Found> found = uploaded(downloaded(block.found, block.pairs(), stream), stream);
      fast(batch, block.anchors, block.found);
      plain(batch, block.anchors, found.data());
      const std::vector<Found> picked = downloaded(block.found, block.pairs(), stream);
      const std::vector<Found> expected = downloaded(found.data(), found.size(), stream);
      for (std::size_t i = 0; i < picked.size(); ++i) {
        CHECK_EQUAL(picked[i].negative, expected[i].negative);
        if (expected[i].negative == none) continue;
        CHECK_EQUAL(picked[i].far, expected[i].far);
        ++chosen;
      }
    });
  }
  CHECK(chosen > 0);
}

// Of kernels that want room: once in shared memory, once beside it.
template <class Kernel, class Plain>
void compare_with_room(const TripletRule& rule, Kernel kernel, std::size_t bytes, Plain plain) {
  const Stream stream;
  const DeviceArray<std::byte> scratch(static_cast<std::ptrdiff_t>(blocks * bytes), stream);
  for (std::byte* memory : {static_cast<std::byte*>(nullptr), scratch.data()}) {
    compare(
        rule, stream,
        [&](const Batch& batch, const Anchors& anchors, Found* found) {
          launch(kernel, blocks, picking_threads, memory ? 0 : bytes, stream, anchors, batch.identities(), rule, found,
                 Room{memory, bytes});
        },
        [&](const Batch& batch, const Anchors& anchors, Found* found) {
          launch(plain, static_cast<unsigned>(anchors.count), warp_size, 0, stream, anchors, batch.identities(), rule,
                 found);
        });
  }
}

}  // namespace

TEST(pick_nearest_equals_the_plain_kernel) {
  for (const Mining kind : {Mining::hardest, Mining::batch_hard}) {
    for (const double margin : {2.0, 6.0, infinity}) {
      const TripletRule rule = {.kind = kind, .margin = margin};
      const Stream stream;
      const auto by = [&](auto kernel, int threads) {
        return [&, kernel, threads](const Batch& batch, const Anchors& anchors, Found* found) {
          launch(kernel, static_cast<unsigned>(anchors.count), threads, 0, stream, anchors, batch.identities(), rule,
                 found);
        };
      };
      compare(rule, stream, by(pick_nearest, picking_threads), by(pick_nearest_plainly, warp_size));
    }
  }
}

TEST(pick_next_equals_the_plain_kernel) {
  for (const Mining kind : {Mining::semihard, Mining::easy_positive}) {
    for (const double margin : {2.0, 6.0, infinity}) {
      const TripletRule rule = {.kind = kind, .margin = margin};
      compare_with_room(rule, pick_next, Rooms::aligned(room_to_pick_next(rows)), pick_nearest_plainly);
    }
  }
}

TEST(pick_any_equals_the_plain_kernel) {
  for (const Mining kind : {Mining::semihard, Mining::easy_positive, Mining::random_in_margin}) {
    for (const double margin : {2.0, infinity}) {
      const TripletRule rule = {.kind = kind, .choice = Choice::random, .margin = margin, .seed = 3};
      compare_with_room(rule, pick_any, Rooms::aligned(room_to_pick_any(rows)), pick_any_plainly);
    }
  }
}

// More rows of one identity than shared memory has room for.
TEST(picks_for_identities_of_thousands_of_rows) {
  constexpr std::ptrdiff_t many = 4100;
  const Rows<float> embeddings = random_integers(many, 1, 7);
  std::vector<std::int64_t> labels(many, 0);
  for (std::size_t row = 0; row < labels.size(); row += 64) labels[row] = 1;
  const Stream stream;
  for (const Choice choice : {Choice::hardest, Choice::random}) {
    const TripletRule rule = {.choice = choice, .margin = 3, .anchors = 2};
    CHECK(room_to_pick_next(many - 65) > 48 << 10);
    const Triplets expected = mine_triplets(embeddings.view(), labels, rule);
    const Triplets found = cuda::mine_triplets(embeddings.view(), Groups(labels), rule, nullptr, stream);
    CHECK(expected.negatives.size() > 100);
    CHECK(std::ranges::equal(found.positives, expected.positives));
    CHECK(std::ranges::equal(found.negatives, expected.negatives));
  }
}
