#include "cuda/edges.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "cuda/edges.cuh"
#include "cuda/prepare.hpp"
#include "cuda/rooms.hpp"

namespace faceprint::cuda {

namespace {

constexpr int finding_threads = 128;
constexpr std::int64_t slab_weights = 1 << 24;  // on the card at once: 64 MB
std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

DeviceArray<std::int32_t> uploaded_lists(Matrix<const std::int64_t> indices, const Stream& stream) {
  std::vector<std::int32_t> lists;
  lists.reserve(at(indices.rows * indices.columns));
  for (std::ptrdiff_t row = 0; row < indices.rows; ++row) {
    for (std::ptrdiff_t place = 0; place < indices.columns; ++place) {
      lists.push_back(static_cast<std::int32_t>(indices.row(row)[place]));
    }
  }
  return uploaded(lists.data(), std::ssize(lists), stream);
}

}  // namespace

Graph neighbour_edges(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                      Progress& progress, const Stream& stream) {
  Graph graph;
  graph.offsets.append(0);
  const std::int32_t nodes = narrow("rows", indices.rows), length = narrow("columns", indices.columns);
  if (length == 0) {
    for (std::int32_t node = 0; node < nodes; ++node) graph.offsets.append(0);
    return graph;
  }
  const std::int64_t numbers = std::int64_t{nodes} * length;
  const DeviceArray<std::int32_t> neighbours = uploaded_lists(indices, stream);
  const DeviceArray<float> affinities(numbers, stream);
  const DeviceArray<double> totals(nodes, stream);
  upload_rows(distances, affinities.data(), stream);
  launch(find_affinities, blocks_of(numbers), block_threads, 0, stream, affinities.data(), numbers, rule.halfway,
         rule.slope);
  launch(add_affinities, blocks_of(nodes), block_threads, 0, stream, affinities.data(), nodes, length, totals.data());
  const NeighbourLists lists = {neighbours.data(), affinities.data(), totals.data(), nodes, length};

  const auto most = static_cast<std::int32_t>(std::clamp<std::int64_t>(slab_weights / length, 1, nodes));
  const Rooms rooms(most, room_for_edges(length), stream);
  const DeviceArray<float> on_card(std::int64_t{most} * length, stream);
  const DeviceArray<std::int32_t> counts_on_card(most, stream);
  std::vector<float> weights(at(on_card.size()));
  std::vector<std::int32_t> counts(at(most));
  for (std::int32_t first = 0; first < nodes; first += most) {
    const std::int32_t count = std::min(most, nodes - first);
    launch(find_edges, rooms.blocks(), finding_threads, rooms.shared_bytes(), stream, lists, rule.least, first, count,
           on_card.data(), counts_on_card.data(), rooms.room());
    download(on_card.data(), std::int64_t{count} * length, weights.data(), stream);
    download(counts_on_card.data(), count, counts.data(), stream);
    for (std::int32_t i = 0; i < count; ++i) {
      const std::size_t edges = at(counts[at(i)]);
      graph.targets.append(std::span(indices.row(first + i), edges));
      graph.weights.append(std::span(weights).subspan(at(std::int64_t{i} * length), edges));
      graph.offsets.append(graph.targets.size());
    }
    progress.add(count);
  }
  return graph;
}

}  // namespace faceprint::cuda
