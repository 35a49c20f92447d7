// The kernel that weighs edges between neighbours, against a plain one.

#include "cuda/edges_plain.cuh"

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/prepare.hpp"
#include "cuda/rooms.hpp"
#include "faceprint/nearest.hpp"
#include "on_card.hpp"

using namespace faceprint;
using namespace faceprint::cuda;

// Sums run in the same order, so they agree to the bit.
TEST(find_edges_equals_the_plain_kernel) {
  constexpr std::int32_t first = 5, threads = 64;
  constexpr unsigned blocks = 3;  // fewer than nodes, which they take in turns
  const Stream stream;
  std::int32_t all = 0;
  for (const auto& [nodes, length] : {std::pair{9, 8}, {40, 1}, {40, 7}, {40, 8}, {40, 20}, {40, 39}}) {
    const Rows<float> rows = random_units(nodes, 3, 4);
    Gallery gallery(3);
    gallery.append(rows.view());
    Rows<float> distances(nodes, length);
    Rows<std::int64_t> indices(nodes, length);
    faceprint::neighbours(gallery, distances.view(), indices.view());

    const std::int64_t numbers = std::int64_t{nodes} * length;
    const std::vector<std::int32_t> listed(indices.data.begin(), indices.data.end());
    const DeviceArray<std::int32_t> neighbours = uploaded(listed, stream);
    const DeviceArray<float> affinities = uploaded(distances.data, stream);
    const DeviceArray<double> totals(nodes, stream);
    launch(find_affinities, blocks_of(numbers), block_threads, 0, stream, affinities.data(), numbers, 1.5, 0.5);
    launch(add_affinities, blocks_of(nodes), block_threads, 0, stream, affinities.data(), nodes, length, totals.data());
    const NeighbourLists lists = {neighbours.data(), affinities.data(), totals.data(), nodes, length};

    const std::int32_t count = nodes - first;
    const std::size_t bytes = Rooms::aligned(room_for_edges(length));
    const DeviceArray<std::byte> scratch(static_cast<std::ptrdiff_t>(blocks * bytes), stream);
    const DeviceArray<float> weights(std::int64_t{count} * length, stream), plain(weights.size(), stream);
    const DeviceArray<std::int32_t> counts(count, stream), plain_counts(count, stream);
    for (const double least : {0.0, 0.4, 0.8}) {
      launch(find_edges_plainly, 1, block_threads, 0, stream, lists, least, first, count, plain.data(),
             plain_counts.data());
      const auto expected = downloaded(plain.data(), plain.size(), stream);
      const auto expected_counts = downloaded(plain_counts.data(), count, stream);
      for (std::byte* memory : {static_cast<std::byte*>(nullptr), scratch.data()}) {
        launch(find_edges, blocks, threads, memory ? 0 : bytes, stream, lists, least, first, count, weights.data(),
               counts.data(), Room{memory, bytes});
        const auto found = downloaded(weights.data(), weights.size(), stream);
        CHECK(downloaded(counts.data(), count, stream) == expected_counts);
        for (std::size_t node = 0; node < expected_counts.size(); ++node) {
          for (std::int32_t place = 0; place < expected_counts[node]; ++place) {
            const std::size_t at = node * static_cast<std::size_t>(length) + static_cast<std::size_t>(place);
            CHECK_EQUAL(found[at], expected[at]);
            ++all;
          }
        }
      }
    }
  }
  CHECK(all > 1000);
}
