#include "leiden.hpp"
#include "methods.hpp"

namespace faceprint {

namespace {

struct Resolution {
  double value;
  bool bipartite;
};

// Links are shares of the graph's whole weight, and so are masses: of a node's links, on the left or on the right in a
// bipartite graph. What a module is expected to hold by chance is the product of masses, across where bipartite.
class Modularity {
 public:
  Modularity(const Network& network, std::span<const std::int64_t> modules, const Resolution& resolution)
      : network_(network), masses_(modules.size()), resolution_(resolution) {
    for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) add(modules[at(node)], network.masses[at(node)], 1);
  }

  struct Visit {
    Network::Mass mass;
    double lost;
  };

  Visit visit(std::int64_t node, std::int64_t from, Near near_from) const {
    const Network::Mass& mass = network_.masses[at(node)];
    Network::Mass left_behind = masses_[at(from)];
    for (std::size_t side = 0; side < 2; ++side) left_behind[side] -= mass[side];
    return {mass, near_from.out - expected(mass, left_behind)};
  }

  double gain(const Visit& visit, std::int64_t to, Near near_to) const {
    return (near_to.out - expected(visit.mass, masses_[at(to)])) - visit.lost;
  }

  void move(std::int64_t node, std::int64_t from, Near, std::int64_t to, Near) {
    add(from, network_.masses[at(node)], -1);
    add(to, network_.masses[at(node)], 1);
  }

 private:
  void add(std::int64_t module, const Network::Mass& mass, double sign) {
    for (std::size_t side = 0; side < 2; ++side) masses_[at(module)][side] += sign * mass[side];
  }

  double expected(const Network::Mass& a, const Network::Mass& b) const {
    const double chance = resolution_.bipartite ? a[0] * b[1] + a[1] * b[0] : a[0] * b[0];
    return resolution_.value * chance;
  }

  const Network& network_;
  std::vector<Network::Mass> masses_;
  Resolution resolution_;
};

}  // namespace

std::vector<std::int64_t> modularity(Network network, double resolution, std::ptrdiff_t left_nodes,
                                     Progress& progress) {
  const bool bipartite = left_nodes > 0;
  double total = 0;
  for (Link& link : network.all()) {
    link.out = link.in = link.out + link.in;
    total += link.out;
  }
  if (bipartite) total /= 2;  // an edge has one end on either side, and counts once
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    for (const Link& link : network.of(node)) {
      network.masses[at(node)][bipartite && node >= left_nodes ? 1 : 0] += link.out / total;
    }
  }
  for (Link& link : network.all()) link.out = link.in = link.out / total;
  return leiden::optimise<Modularity>(network, Resolution{resolution, bipartite}, progress);
}

}  // namespace faceprint
