#include "faceprint/graph.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "graph/edges.hpp"
#include "graph/methods.hpp"
#include "graph/order.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

void check_edge_rule(const EdgeRule& rule) {
  if (!std::isfinite(rule.halfway)) {
    throw std::invalid_argument("halfway must be finite, not " + std::to_string(rule.halfway));
  }
  if (!(rule.slope > 0) || std::isinf(rule.slope)) {
    throw std::invalid_argument("slope must be above 0 and finite, not " + std::to_string(rule.slope));
  }
  if (!(rule.least >= 0) || rule.least > 1) {
    throw std::invalid_argument("least must be in [0, 1], not " + std::to_string(rule.least));
  }
}

void check_neighbours(Matrix<const float> distances, Matrix<const std::int64_t> indices) {
  check_shape("distances", distances, indices.rows, indices.columns);
  std::vector<std::int64_t> owners(at(indices.rows), -1);  // whose list a node was last seen on
  for (std::ptrdiff_t row = 0; row < indices.rows; ++row) {
    for (std::ptrdiff_t place = 0; place < indices.columns; ++place) {
      const std::int64_t index = indices.row(row)[place];
      const auto in_row = [row] { return "row " + std::to_string(row); };
      if (index < 0 || index >= indices.rows || index == row) {
        throw std::invalid_argument("indices must be those of other rows, in [0, " + std::to_string(indices.rows) +
                                    "): " + in_row() + " has " + std::to_string(index));
      }
      if (owners[at(index)] == row) {
        throw std::invalid_argument("indices of a row must differ: " + in_row() + " has " + std::to_string(index) +
                                    " twice");
      }
      owners[at(index)] = row;
      if (!(distances.row(row)[place] >= 0)) {
        throw std::invalid_argument("distances must be 0 or more: " + in_row() + " has " +
                                    std::to_string(distances.row(row)[place]));
      }
      if (place > 0 && distances.row(row)[place] < distances.row(row)[place - 1]) {
        throw std::invalid_argument("distances of a row must ascend: those of " + in_row() + " do not");
      }
    }
  }
}

void check_graph(const GraphView& graph) {
  if (graph.offsets.empty()) throw std::invalid_argument("offsets must have length nodes + 1, not 0");
  check_length("weights", graph.weights.size(), std::ssize(graph.targets));
  if (graph.offsets.front() != 0 || graph.offsets.back() != std::ssize(graph.targets) ||
      !std::ranges::is_sorted(graph.offsets)) {
    throw std::invalid_argument("offsets must ascend from 0 to the number of targets, " +
                                std::to_string(graph.targets.size()));
  }
  for (std::ptrdiff_t node = 0; node < graph.nodes(); ++node) {
    for (std::int64_t edge = graph.offsets[at(node)]; edge < graph.offsets[at(node) + 1]; ++edge) {
      const std::int64_t target = graph.targets[at(edge)];
      if (target < 0 || target >= graph.nodes() || target == node) {
        throw std::invalid_argument("targets must be other nodes, in [0, " + std::to_string(graph.nodes()) +
                                    "): an edge of node " + std::to_string(node) + " leads to " +
                                    std::to_string(target));
      }
      const float weight = graph.weights[at(edge)];
      if (!(weight > 0) || std::isinf(weight)) {
        throw std::invalid_argument("weights must be above 0 and finite: an edge of node " + std::to_string(node) +
                                    " has " + std::to_string(weight));
      }
    }
  }
}

void check_sides(const GraphView& graph, std::ptrdiff_t left_nodes) {
  for (std::ptrdiff_t node = 0; node < graph.nodes(); ++node) {
    for (std::int64_t edge = graph.offsets[at(node)]; edge < graph.offsets[at(node) + 1]; ++edge) {
      const std::int64_t target = graph.targets[at(edge)];
      if ((node < left_nodes) == (target < left_nodes)) {
        throw std::invalid_argument("edges of a bipartite graph must lead to the other side: one leads from node " +
                                    std::to_string(node) + " to " + std::to_string(target));
      }
    }
  }
}

void check_rule(const GraphView& graph, const CommunityRule& rule) {
  if (!(rule.resolution > 0) || std::isinf(rule.resolution)) {
    throw std::invalid_argument("resolution must be above 0 and finite, not " + std::to_string(rule.resolution));
  }
  if (rule.left_nodes < 0 || rule.left_nodes > graph.nodes()) {
    throw std::invalid_argument("left_nodes must be 0 or at most the number of nodes, " +
                                std::to_string(graph.nodes()) + ", not " + std::to_string(rule.left_nodes));
  }
  if (rule.left_nodes > 0 && rule.method != Method::modularity) {
    throw std::invalid_argument("left_nodes must be 0 but for modularity, not " + std::to_string(rule.left_nodes));
  }
}

std::vector<std::int64_t> find(const GraphView& graph, const CommunityRule& rule, int threads, Progress& progress) {
  if (rule.method == Method::components) return components(graph);
  const auto targets_of = [&](std::int64_t node) {
    const std::int64_t first = graph.offsets[at(node)];
    return graph.targets.subspan(at(first), at(graph.offsets[at(node) + 1] - first));
  };
  const Order order = rule.left_nodes > 0 ? no_order(graph.nodes()) : depth_first(graph.nodes(), targets_of);
  Network network = both_ways(graph, order, progress);
  const std::vector<std::int64_t> found =
      rule.method == Method::map_equation ? map_equation(std::move(network), threads, progress)
      : rule.method == Method::modularity ? modularity(std::move(network), rule.resolution, rule.left_nodes, progress)
                                          : chinese_whispers(network, progress);
  std::vector<std::int64_t> labels(found.size());
  for (std::size_t place = 0; place < found.size(); ++place) labels[at(order.nodes[place])] = found[place];
  return labels;
}

}  // namespace

Graph neighbour_graph(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                      int threads, Watch* watch) {
  threads = resolve_threads(threads);
  check_edge_rule(rule);
  check_neighbours(distances, indices);
  Progress progress(watch, static_cast<double>(indices.rows));
  Graph graph = active().neighbour_edges(distances, indices, rule, threads, progress);
  if (!rule.balanced) return graph;
  return balance(graph.view(), progress);
}

void communities(const GraphView& graph, const CommunityRule& rule, std::span<std::int64_t> labels, int threads,
                 Watch* watch) {
  threads = resolve_threads(threads);
  check_graph(graph);
  check_rule(graph, rule);
  if (rule.left_nodes > 0) check_sides(graph, rule.left_nodes);
  check_length("labels", labels.size(), graph.nodes());
  Progress progress(watch, 1);  // how much is left to do is not known before it is done
  std::vector<std::int64_t> found = find(graph, rule, threads, progress);
  number_by_first(found);
  std::ranges::copy(found, labels.begin());
}

}  // namespace faceprint
