#include <numeric>
#include <random>
#include <utility>

#include "methods.hpp"

namespace faceprint {

namespace {

constexpr int most_passes = 100;  // two nodes may swap labels for ever
constexpr std::uint64_t seed = 0;

// Fisher & Yates, spelled out because the standard library's shuffle differs between implementations.
void shuffle(std::vector<std::int64_t>& order, std::mt19937_64& random) {
  for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[random() % left]);
}

}  // namespace

// Each node, in shuffled order, takes the label that weighs most among its neighbours, until none changes.
std::vector<std::int64_t> chinese_whispers(const Network& network, Progress& progress) {
  std::vector<std::int64_t> labels(at(network.nodes())), order(labels.size());
  std::iota(labels.begin(), labels.end(), 0);
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> weights(labels.size(), 0);
  std::mt19937_64 random(seed);
  bool changed = true;
  for (int pass = 0; pass < most_passes && changed; ++pass) {
    changed = false;
    shuffle(order, random);
    for (const std::int64_t node : order) {
      progress.add(0);
      for (const Link& link : network.of(node)) weights[at(labels[at(link.node)])] += link.out + link.in;
      std::int64_t heaviest = labels[at(node)];
      for (const Link& link : network.of(node)) {
        const std::int64_t label = labels[at(link.node)];
        if (weights[at(label)] > weights[at(heaviest)]) heaviest = label;
      }
      for (const Link& link : network.of(node)) weights[at(labels[at(link.node)])] = 0;
      changed |= heaviest != labels[at(node)];
      labels[at(node)] = heaviest;
    }
  }
  return labels;
}

}  // namespace faceprint
