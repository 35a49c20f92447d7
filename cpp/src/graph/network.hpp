#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "faceprint/graph.hpp"
#include "faceprint/growing.hpp"
#include "threads.hpp"

namespace faceprint {

inline std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// What lies between a node and another: the weight or flow to it and from it.
struct Link {
  std::int64_t node;
  double out, in;
};

// A graph that can be walked both ways. Links are ordered by node; none leads to its own node.
struct Network {
  using Mass = std::array<double, 2>;

  std::vector<std::int64_t> offsets;
  Growing<Link> links;
  std::vector<Mass> masses;  // what each node weighs for the objective, which says what that means

  std::ptrdiff_t nodes() const { return std::ssize(offsets) - 1; }
  std::span<Link> all() { return {links.data(), static_cast<std::size_t>(links.size())}; }
  std::span<const Link> of(std::ptrdiff_t node) const {
    const auto first = static_cast<std::size_t>(offsets[static_cast<std::size_t>(node)]);
    const auto last = static_cast<std::size_t>(offsets[static_cast<std::size_t>(node) + 1]);
    return {links.data() + first, last - first};
  }
};

struct Order;

// The graph with its nodes in another order. Edges between the same two nodes are added up. Masses are 0.
Network both_ways(const GraphView& graph, const Order& order, Progress& progress);

// One node for each of `count` modules, with the sums of what its members have.
Network aggregate(const Network& network, std::span<const std::int64_t> modules, std::ptrdiff_t count,
                  Progress& progress);

// The connected parts of every module, each called by a number of its own in [0, nodes).
std::vector<std::int64_t> connected_parts(const Network& network, std::span<const std::int64_t> modules);

// Renumbers labels in [0, labels) to 0, 1, ... by first node. Returns how many there are.
std::ptrdiff_t number_by_first(std::span<std::int64_t> labels);

}  // namespace faceprint
