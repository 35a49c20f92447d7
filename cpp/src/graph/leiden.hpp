#pragma once
// Finding the modules of a network that an objective likes best. An objective over a partition offers
//
//   Objective(network, modules, rule)           modules in [0, nodes), any of which may be empty
//   visit(node, from, near_from)                what a node would leave behind in its module
//   gain(visit, to, near_to)                    by how much the objective grows if it goes to another one
//   move(node, from, near_from, to, near_to)    which it then does
//
// where `near` is what lies between the node and the other nodes of a module.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "network.hpp"

namespace faceprint {

struct Near {
  double out = 0, in = 0;
};

namespace leiden {

// Flows and weights are shares of all, so their sums of a million carry errors of some 1e-16: a gain below this may be
// nothing but rounding.
inline constexpr double least_gain = 1e-13;
inline constexpr int most_rounds = 50;  // never seen to be reached

inline std::vector<std::int64_t> singletons(std::ptrdiff_t nodes) {
  std::vector<std::int64_t> modules(at(nodes));
  std::iota(modules.begin(), modules.end(), 0);
  return modules;
}

// The modules beside one node, each with what lies between, in the order in which the node's links come to them.
class Beside {
 public:
  explicit Beside(std::ptrdiff_t modules) : near_(at(modules)), seen_(at(modules), 0) {}

  template <class Wanted>
  void look(std::span<const Link> links, std::span<const std::int64_t> modules, const Wanted& wanted) {
    for (const std::int64_t module : modules_) {
      near_[at(module)] = {};
      seen_[at(module)] = 0;
    }
    modules_.clear();
    for (const Link& link : links) {
      if (!wanted(link.node)) continue;
      const std::int64_t module = modules[at(link.node)];
      if (!seen_[at(module)]) modules_.push_back(module);
      seen_[at(module)] = 1;
      near_[at(module)].out += link.out;
      near_[at(module)].in += link.in;
    }
  }

  std::span<const std::int64_t> modules() const { return modules_; }
  Near near(std::int64_t module) const { return near_[at(module)]; }

 private:
  std::vector<Near> near_;
  std::vector<char> seen_;
  std::vector<std::int64_t> modules_;
};

// Moves nodes, each to the module beside it or the empty one that it gains most by, until none gains; after a move
// only its neighbours are looked at again. Returns whether any moved.
template <class Objective>
bool move_nodes(const Network& network, Objective& objective, std::vector<std::int64_t>& modules, Progress& progress) {
  const std::ptrdiff_t nodes = network.nodes();
  std::vector<std::int64_t> sizes(at(nodes), 0), empty, queue = singletons(nodes), next;
  for (const std::int64_t module : modules) ++sizes[at(module)];
  for (std::ptrdiff_t module = nodes - 1; module >= 0; --module) {
    if (sizes[at(module)] == 0) empty.push_back(module);
  }
  std::vector<char> queued(at(nodes), 1);
  Beside beside(nodes);
  bool moved = false;
  const auto anybody = [](std::int64_t) { return true; };
  for (; !queue.empty(); queue = std::exchange(next, {})) {
    for (const std::int64_t node : queue) {
      progress.add(0);
      queued[at(node)] = 0;
      const std::int64_t from = modules[at(node)];
      beside.look(network.of(node), modules, anybody);
      std::int64_t to = from;
      double most = least_gain;
      const auto visit = objective.visit(node, from, beside.near(from));
      const auto consider = [&](std::int64_t module) {
        const double gain = objective.gain(visit, module, beside.near(module));
        if (gain > most) {
          most = gain;
          to = module;
        }
      };
      for (const std::int64_t module : beside.modules()) {
        if (module != from) consider(module);
      }
      if (sizes[at(from)] > 1) consider(empty.back());
      if (to == from) continue;
      objective.move(node, from, beside.near(from), to, beside.near(to));
      modules[at(node)] = to;
      if (sizes[at(to)]++ == 0) empty.pop_back();
      if (--sizes[at(from)] == 0) empty.push_back(from);
      moved = true;
      for (const Link& link : network.of(node)) {
        if (modules[at(link.node)] == to || queued[at(link.node)]) continue;
        queued[at(link.node)] = 1;
        next.push_back(link.node);
      }
    }
  }
  return moved;
}

// Splits every module into parts that hang together: nodes, alone at first, join the part of their module that they
// gain most by.
template <class Objective, class Rule>
std::vector<std::int64_t> refine(const Network& network, const std::vector<std::int64_t>& modules, const Rule& rule,
                                 Progress& progress) {
  const std::ptrdiff_t nodes = network.nodes();
  std::vector<std::int64_t> parts = singletons(nodes);
  std::vector<std::int64_t> sizes(at(nodes), 1);
  Objective objective(network, parts, rule);
  Beside beside(nodes);
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    progress.add(0);
    if (sizes[at(node)] != 1 || parts[at(node)] != node) continue;
    beside.look(network.of(node), parts, [&](std::int64_t other) { return modules[at(other)] == modules[at(node)]; });
    std::int64_t to = node;
    double most = least_gain;
    const auto visit = objective.visit(node, node, {});
    for (const std::int64_t part : beside.modules()) {
      const double gain = objective.gain(visit, part, beside.near(part));
      if (gain <= most) continue;
      most = gain;
      to = part;
    }
    if (to == node) continue;
    objective.move(node, node, {}, to, beside.near(to));
    parts[at(node)] = to;
    ++sizes[at(to)];
    sizes[at(node)] = 0;
  }
  return parts;
}

// Improves the modules of a network by moving its nodes, then the parts of its modules, then parts of these.
// Returns whether anything changed.
template <class Objective, class Rule>
bool improve(const Network& network, std::vector<std::int64_t>& modules, const Rule& rule, Progress& progress) {
  std::vector<std::int64_t> owners = singletons(network.nodes());  // the node of this level that holds each first node
  Network coarse;
  const Network* level = &network;
  std::vector<std::int64_t> now = modules;
  bool changed = false;
  while (true) {
    Objective objective(*level, now, rule);
    const bool moved = move_nodes(*level, objective, now, progress);
    if (!moved && level == &network) return false;  // what the last round left, parts of modules included
    changed = changed || moved;
    const std::ptrdiff_t found = number_by_first(now);
    if (found == level->nodes()) break;
    std::vector<std::int64_t> parts = refine<Objective>(*level, now, rule, progress);
    std::ptrdiff_t count = number_by_first(parts);
    if (count == level->nodes()) {
      parts = connected_parts(*level, now);
      count = number_by_first(parts);
    }
    if (count == level->nodes()) {
      now = std::move(parts);
      break;
    }
    std::vector<std::int64_t> wholes(at(count));
    for (std::ptrdiff_t node = 0; node < level->nodes(); ++node) wholes[at(parts[at(node)])] = now[at(node)];
    for (std::int64_t& owner : owners) owner = parts[at(owner)];
    coarse = aggregate(*level, parts, count, progress);
    level = &coarse;
    now = std::move(wholes);
  }
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) modules[at(node)] = now[at(owners[at(node)])];
  return changed;
}

template <class Objective, class Rule>
std::vector<std::int64_t> optimise(const Network& network, const Rule& rule, Progress& progress) {
  std::vector<std::int64_t> modules = singletons(network.nodes());
  for (int round = 0; round < most_rounds && improve<Objective>(network, modules, rule, progress); ++round) {
  }
  return modules;
}

}  // namespace leiden

}  // namespace faceprint
