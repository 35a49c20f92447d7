// Lists of neighbours, graphs and embeddings, right and wrong: edges, communities and linkage are the same for every
// number of threads, labels ascend by first row, and what is no graph is refused.

#include <algorithm>
#include <limits>
#include <vector>

#include "driver.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/graph.hpp"
#include "faceprint/nearest.hpp"
#include "rows.hpp"

using namespace faceprint;
using fuzz::Chance;
using fuzz::Rows;

namespace {

using Numbers = std::vector<std::int64_t>;

template <class T>
bool equal(const Growing<T>& a, const Growing<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// Labels are 0, 1, ... in the order of each community's first node.
void ascend(const Numbers& labels) {
  std::int64_t next = 0;
  for (const std::int64_t label : labels) {
    fuzz::require(label >= 0 && label <= next, "labels ascend by first row");
    next = std::max(next, label + 1);
  }
}

CommunityRule any_rule(Chance& chance, std::ptrdiff_t nodes) {
  static constexpr double resolutions[] = {1, 0.1, 30, 0, -1, 1e300, std::numeric_limits<double>::quiet_NaN()};
  return {.method = static_cast<Method>(chance.in(0, 3)),
          .resolution = resolutions[chance.once_in(3) ? chance.in(0, std::ssize(resolutions) - 1) : 0],
          .left_nodes = chance.once_in(10) ? chance.in(-1, nodes + 1) : 0};
}

// The same labels from one thread and from several, which ascend, or a refusal from both.
template <class Call>
void label(Chance& chance, std::ptrdiff_t rows, const Call& call) {
  Numbers one(static_cast<std::size_t>(rows));
  Numbers several(static_cast<std::size_t>(rows));
  const bool refused = fuzz::refused([&] { call(one, 1); });
  fuzz::require(refused == fuzz::refused([&] { call(several, static_cast<int>(chance.in(2, 3))); }), "both refuse");
  if (refused) return;
  fuzz::require(one == several, "the number of threads changes no label");
  ascend(one);
}

void group(Chance& chance, const GraphView& graph) {
  const CommunityRule rule = any_rule(chance, graph.nodes());
  label(chance, std::max(graph.nodes(), std::ptrdiff_t{0}),
        [&](Numbers& labels, int threads) { communities(graph, rule, labels, threads); });
}

// Mostly the neighbours of some rows; now and then with a number changed.
void edges(Chance& chance, const Rows& rows) {
  const std::ptrdiff_t count = rows.view().rows;
  if (count < 2) return;
  Gallery gallery(rows.view().columns, Storage::float32, false);
  if (fuzz::refused([&] { gallery.append(rows.view()); })) return;
  const std::ptrdiff_t k = chance.in(1, count - 1);
  const Rows values(count, k, fuzz::stride(chance, k));
  const fuzz::Strided<std::int64_t> indices(count, k, fuzz::stride(chance, k));
  neighbours(gallery, values.view(), indices.view());
  if (chance.once_in(4)) indices.view().row(chance.in(0, count - 1))[chance.in(0, k - 1)] = chance.in(-1, count);
  if (chance.once_in(8)) values.view().row(chance.in(0, count - 1))[chance.in(0, k - 1)] *= -1;
  const EdgeRule rule = {.halfway = chance.between(-1, 4),
                         .slope = chance.once_in(20) ? 0 : chance.between(0.01, 2),
                         .least = chance.between(chance.once_in(20) ? -1 : 0, 1),
                         .balanced = chance.once_in(2)};
  Graph one;
  Graph several;
  const auto make = [&](Graph& graph, int threads) {
    return fuzz::refused([&] { graph = neighbour_graph(values.view(), indices.view(), rule, threads); });
  };
  const bool refused = make(one, 1);
  fuzz::require(refused == make(several, static_cast<int>(chance.in(2, 3))), "both refuse");
  if (refused) return;
  fuzz::require(
      equal(one.offsets, several.offsets) && equal(one.targets, several.targets) && equal(one.weights, several.weights),
      "the number of threads changes no edge");
  group(chance, one.view());
}

// Edges drawn at random, many of them wrong.
void anything(Chance& chance) {
  const std::ptrdiff_t nodes = chance.in(0, 40);
  Numbers offsets(static_cast<std::size_t>(nodes + 1));
  for (std::size_t node = 1; node < offsets.size(); ++node) offsets[node] = offsets[node - 1] + chance.in(0, 5);
  Numbers targets(static_cast<std::size_t>(offsets.back()));
  std::vector<float> weights(targets.size());
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    const auto at = static_cast<std::size_t>(node);
    for (std::int64_t edge = offsets[at]; edge < offsets[at + 1]; ++edge) {
      const std::int64_t target = nodes > 1 ? (node + chance.in(1, nodes - 1)) % nodes : 0;
      targets[static_cast<std::size_t>(edge)] = chance.once_in(500) ? chance.in(-1, nodes) : target;
      static constexpr float odd[] = {0, -1, 1e-38f, 3e38f, std::numeric_limits<float>::infinity()};
      weights[static_cast<std::size_t>(edge)] =
          chance.once_in(500) ? odd[chance.in(0, std::ssize(odd) - 1)] : static_cast<float>(chance.between(0.01, 1));
    }
  }
  if (chance.once_in(10)) offsets[static_cast<std::size_t>(chance.in(0, nodes))] = chance.in(-1, 300);
  if (chance.once_in(50)) weights.push_back(1);
  group(chance, {offsets, targets, weights});
}

}  // namespace

void fuzz::round(Chance& chance) {
  const Rows rows = fuzz::draw(chance, chance.in(0, 50), chance.once_in(3) ? chance.in(1, 140) : chance.in(1, 20));
  const double threshold = chance.once_in(20) ? -1 : chance.between(0, 8);
  label(chance, rows.view().rows,
        [&](Numbers& labels, int threads) { average_linkage(rows.view(), threshold, labels, threads); });
  edges(chance, rows);
  anything(chance);
}
