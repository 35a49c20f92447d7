#include "network.hpp"

#include <algorithm>

#include "order.hpp"
#include "sets.hpp"

namespace faceprint {

namespace {

// The links of one node while they are gathered: each other node once, in order of number at the end.
class Gathered {
 public:
  explicit Gathered(std::ptrdiff_t nodes) : places_(at(nodes), -1) {}

  void add(std::int64_t node, double out, double in) {
    std::int64_t& place = places_[at(node)];
    if (place < 0) {
      place = std::ssize(links_);
      links_.push_back({node, 0, 0});
    }
    links_[at(place)].out += out;
    links_[at(place)].in += in;
  }

  void move_to(Growing<Link>& links) {
    for (const Link& link : links_) places_[at(link.node)] = -1;
    std::ranges::sort(links_, {}, &Link::node);
    links.append(links_);
    links_.clear();
  }

 private:
  std::vector<std::int64_t> places_;
  std::vector<Link> links_;
};

}  // namespace

Network both_ways(const GraphView& graph, const Order& order, Progress& progress) {
  const std::ptrdiff_t nodes = graph.nodes();
  std::vector<std::int64_t> arrivals(at(nodes) + 1, 0);  // where the edges into each node begin
  for (const std::int64_t target : graph.targets) ++arrivals[at(order.places[at(target)]) + 1];
  for (std::ptrdiff_t node = 0; node < nodes; ++node) arrivals[at(node) + 1] += arrivals[at(node)];
  std::vector<std::int64_t> sources(graph.targets.size());
  std::vector<float> weights(graph.targets.size());
  std::vector<std::int64_t> next(arrivals.begin(), arrivals.end() - 1);
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    progress.add(0);
    const std::int64_t original = order.nodes[at(node)];
    for (std::int64_t edge = graph.offsets[at(original)]; edge < graph.offsets[at(original) + 1]; ++edge) {
      const std::int64_t place = next[at(order.places[at(graph.targets[at(edge)])])]++;
      sources[at(place)] = node;
      weights[at(place)] = graph.weights[at(edge)];
    }
  }

  Network network;
  network.offsets.push_back(0);
  network.masses.assign(at(nodes), {0, 0});
  Gathered gathered(nodes);
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    progress.add(0);
    const std::int64_t original = order.nodes[at(node)];
    for (std::int64_t edge = graph.offsets[at(original)]; edge < graph.offsets[at(original) + 1]; ++edge) {
      gathered.add(order.places[at(graph.targets[at(edge)])], static_cast<double>(graph.weights[at(edge)]), 0);
    }
    for (std::int64_t edge = arrivals[at(node)]; edge < arrivals[at(node) + 1]; ++edge) {
      gathered.add(sources[at(edge)], 0, static_cast<double>(weights[at(edge)]));
    }
    gathered.move_to(network.links);
    network.offsets.push_back(network.links.size());
  }
  return network;
}

Network aggregate(const Network& network, std::span<const std::int64_t> modules, std::ptrdiff_t count,
                  Progress& progress) {
  std::vector<std::int64_t> starts(at(count) + 1, 0), members(modules.size());
  for (const std::int64_t module : modules) ++starts[at(module) + 1];
  for (std::ptrdiff_t module = 0; module < count; ++module) starts[at(module) + 1] += starts[at(module)];
  std::vector<std::int64_t> next(starts.begin(), starts.end() - 1);
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) members[at(next[at(modules[at(node)])]++)] = node;

  Network whole;
  whole.offsets.push_back(0);
  whole.masses.assign(at(count), {0, 0});
  Gathered gathered(count);
  for (std::ptrdiff_t module = 0; module < count; ++module) {
    progress.add(0);
    for (std::int64_t member = starts[at(module)]; member < starts[at(module) + 1]; ++member) {
      const std::int64_t node = members[at(member)];
      for (std::size_t side = 0; side < 2; ++side) whole.masses[at(module)][side] += network.masses[at(node)][side];
      for (const Link& link : network.of(node)) {
        const std::int64_t other = modules[at(link.node)];
        if (other != module) gathered.add(other, link.out, link.in);
      }
    }
    gathered.move_to(whole.links);
    whole.offsets.push_back(whole.links.size());
  }
  return whole;
}

std::vector<std::int64_t> connected_parts(const Network& network, std::span<const std::int64_t> modules) {
  Sets parts(network.nodes());
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    for (const Link& link : network.of(node)) {
      if (modules[at(link.node)] == modules[at(node)]) parts.join(node, link.node);
    }
  }
  std::vector<std::int64_t> found(modules.size());
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) found[at(node)] = parts.first(node);
  return found;
}

std::ptrdiff_t number_by_first(std::span<std::int64_t> labels) {
  std::vector<std::int64_t> numbers(labels.size(), -1);
  std::int64_t count = 0;
  for (std::int64_t& label : labels) {
    std::int64_t& number = numbers[at(label)];
    if (number < 0) number = count++;
    label = number;
  }
  return count;
}

}  // namespace faceprint
