#include "edges.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "divide_up.hpp"
#include "faceprint/buffer.hpp"
#include "network.hpp"
#include "order.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t most_chunks = 64;  // each holds a number for every node while it is worked on
constexpr std::ptrdiff_t lanes = 8;         // partial sums, always the same ones in the same order
constexpr double close = 1e-6;              // to 1, of the sum of a balanced row
constexpr int most_steps = 200;

struct Part {
  std::vector<std::int64_t> targets;
  std::vector<float> weights;
};

// The lists of nodes that have been put into another order, with affinities in place of distances.
struct Lists {
  Buffer<std::uint32_t> nodes;
  Buffer<float> affinities;
  std::vector<double> totals;  // of a node's affinities, its own 1 among them
  std::ptrdiff_t columns;

  Lists(Matrix<const float> distances, Matrix<const std::int64_t> indices, const Order& order, const EdgeRule& rule,
        int threads, Progress& progress)
      : nodes(indices.rows * indices.columns),
        affinities(indices.rows * indices.columns),
        totals(at(indices.rows), 1),
        columns(indices.columns) {
    const auto convert = [&](std::ptrdiff_t row) {
      progress.add(0);
      const std::int64_t original = order.nodes[at(row)];
      for (std::ptrdiff_t place = 0; place < columns; ++place) {
        const auto distance = static_cast<double>(distances.row(original)[place]);
        const double affinity = 1 / (1 + std::exp((distance - rule.halfway) / rule.slope));
        affinities.data()[row * columns + place] = static_cast<float>(affinity);
        totals[at(row)] += static_cast<double>(static_cast<float>(affinity));
        nodes.data()[row * columns + place] =
            static_cast<std::uint32_t>(order.places[at(indices.row(original)[place])]);
      }
    };
    parallel_for(threads, indices.rows, convert, &progress);
  }

  std::ptrdiff_t rows() const { return std::ssize(totals); }
  const std::uint32_t* of(std::ptrdiff_t node) const { return nodes.data() + node * columns; }
  const float* near(std::ptrdiff_t node) const { return affinities.data() + node * columns; }
};

// The evidence between one node and others: how far their lists agree.
class Evidence {
 public:
  explicit Evidence(const Lists& lists)
      : lists_(lists),
        own_(at(lists.rows()), 0),
        sums_(at(lists.columns) + 2, 0),
        complete_(lists.columns == lists.rows() - 1) {}

  void look_from(std::ptrdiff_t node) {
    if (node_ >= 0) mark(node_, 0);
    node_ = node;
    mark(node, 1);
    const float* listed = lists_.near(node);
    sums_[1] = 1;
    for (std::ptrdiff_t place = 0; place < lists_.columns; ++place) {
      sums_[at(place) + 2] = sums_[at(place) + 1] + static_cast<double>(listed[place]);
    }
  }

  // `missed` is what `lower_than` adds for those on both lists as if they were missing from the other. The higher of
  // two numbers is their sum less the lower.
  double with(std::int64_t other) const {
    const float* listed = lists_.near(other);
    const std::uint32_t* nodes = lists_.of(other);
    const float beyond = beyond_end(node_), beyond_other = beyond_end(other);
    float lower[lanes] = {}, missed[lanes] = {}, common[lanes] = {};
    const auto compare = [&](std::ptrdiff_t lane, float theirs, float ours) {  // ours: 0, or at least `beyond`
      const float known = ours > beyond ? ours : beyond, low = ours < beyond_other ? ours : beyond_other;
      lower[lane] += theirs < known ? theirs : known;
      missed[lane] += low;
      common[lane] += ours > 0 ? 1.0f : 0.0f;
    };
    compare(0, 1, own_[at(other)]);
    std::ptrdiff_t place = 0;
    for (; place + lanes <= lists_.columns; place += lanes) {
      float ours[lanes];
      for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) ours[lane] = own_[nodes[place + lane]];
      for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) compare(lane, listed[place + lane], ours[lane]);
    }
    for (; place < lists_.columns; ++place) compare(0, listed[place], own_[nodes[place]]);
    const double low = sum(lower) + lower_than(beyond_other) - sum(missed);
    const double only_one_has = static_cast<double>(lists_.columns + 1) - sum(common);
    const double both = sums_.back() + lists_.totals[at(other)] +
                        only_one_has * (static_cast<double>(beyond) + static_cast<double>(beyond_other));
    return low / (both - low);
  }

  // Has memory bring the list of a node that is about to be looked at: lists lie anywhere, and waiting takes longest.
  void fetch(std::int64_t node) const {
    constexpr std::ptrdiff_t line = 64;
    const auto bring = [](const void* begin, std::ptrdiff_t bytes) {
      for (std::ptrdiff_t byte = 0; byte < bytes; byte += line)
        __builtin_prefetch(static_cast<const char*>(begin) + byte);
    };
    bring(lists_.near(node), lists_.columns * static_cast<std::ptrdiff_t>(sizeof(float)));
    bring(lists_.of(node), lists_.columns * static_cast<std::ptrdiff_t>(sizeof(std::uint32_t)));
  }

 private:
  static double sum(const float (&parts)[lanes]) {
    double whole = 0;
    for (const float part : parts) whole += static_cast<double>(part);
    return whole;
  }

  // The affinity that whoever is missing from a list counts with: that of the last on it, or 0 where nobody is missing.
  float beyond_end(std::ptrdiff_t node) const { return complete_ ? 0 : lists_.near(node)[lists_.columns - 1]; }

  // The sum of the lower of `affinity` and each on the list that is looked from, which descends.
  double lower_than(float affinity) const {
    const float* listed = lists_.near(node_);
    const std::ptrdiff_t above =
        std::partition_point(listed, listed + lists_.columns, [&](float value) { return value > affinity; }) - listed +
        1;
    return static_cast<double>(affinity) * static_cast<double>(above) + (sums_.back() - sums_[at(above)]);
  }

  void mark(std::ptrdiff_t node, float present) {
    own_[at(node)] = present;
    for (std::ptrdiff_t place = 0; place < lists_.columns; ++place) {
      own_[lists_.of(node)[place]] = present * lists_.near(node)[place];
    }
  }

  const Lists& lists_;
  std::vector<float> own_;    // the affinity of every node to the one that is looked from
  std::vector<double> sums_;  // of the first affinities on its list, its own 1 the first
  bool complete_;
  std::ptrdiff_t node_ = -1;
};

}  // namespace

Graph evidence_graph(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                     int threads, Progress& progress) {
  const std::ptrdiff_t nodes = indices.rows, neighbours = indices.columns;
  const auto near = [&](std::int64_t node) {
    const float* listed = distances.row(node);
    const auto beyond = std::upper_bound(listed, listed + neighbours, rule.halfway);
    return std::span(indices.row(node), static_cast<std::size_t>(beyond - listed));
  };
  const Order order = depth_first(nodes, near);
  const Lists lists(distances, indices, order, rule, threads, progress);

  const std::ptrdiff_t chunk_nodes = divide_up(std::max<std::ptrdiff_t>(nodes, 1), most_chunks);
  std::vector<Part> parts(at(divide_up(nodes, chunk_nodes)));
  std::vector<std::int64_t> ends(at(nodes));  // of a node's edges in its part
  const auto find_edges = [&](std::ptrdiff_t chunk) {
    Part& part = parts[at(chunk)];
    Evidence evidence(lists);
    for (std::ptrdiff_t node = chunk * chunk_nodes; node < std::min((chunk + 1) * chunk_nodes, nodes); ++node) {
      progress.add(1);
      evidence.look_from(node);
      const std::uint32_t* listed = lists.of(node);
      for (std::ptrdiff_t place = 0; place < neighbours; ++place) {
        if (place + 1 < neighbours) evidence.fetch(listed[place + 1]);
        const double weight = evidence.with(listed[place]);
        if (weight < rule.least || !(weight > 0)) break;
        part.targets.push_back(order.nodes[listed[place]]);
        part.weights.push_back(static_cast<float>(weight));
      }
      ends[at(node)] = std::ssize(part.targets);
    }
  };
  parallel_for(threads, std::ssize(parts), find_edges, &progress);

  Graph graph;
  graph.offsets.append(0);
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    const std::int64_t place = order.places[at(node)];
    const Part& part = parts[at(place / chunk_nodes)];
    const std::int64_t first = place % chunk_nodes == 0 ? 0 : ends[at(place) - 1];
    const auto count = at(ends[at(place)] - first);
    graph.targets.append(std::span(part.targets).subspan(at(first), count));
    graph.weights.append(std::span(part.weights).subspan(at(first), count));
    graph.offsets.append(graph.targets.size());
  }
  return graph;
}

// Symmetric scaling (Sinkhorn & Knopp 1967; Knight, Ruiz & Ucar 2014): the weight of i and j becomes x_i w_ij x_j, and
// x is divided by the square roots of the rows' sums until these are 1.
Graph balance(const GraphView& graph, Progress& progress) {
  Network network = both_ways(graph, no_order(graph.nodes()), progress);
  for (Link& link : network.all()) link.out = (link.out + link.in) / 2;
  std::vector<double> scales(at(graph.nodes()), 1), sums(scales.size());
  for (int step = 0; step < most_steps; ++step) {
    double furthest = 0;
    for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
      progress.add(0);
      double sum = scales[at(node)];
      for (const Link& link : network.of(node)) sum += link.out * scales[at(link.node)];
      sums[at(node)] = scales[at(node)] * sum;
      furthest = std::max(furthest, std::abs(sums[at(node)] - 1));
    }
    if (furthest < close) break;
    for (std::size_t node = 0; node < scales.size(); ++node) scales[node] /= std::sqrt(sums[node]);
  }
  Graph balanced;
  balanced.offsets.append(0);
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    for (const Link& link : network.of(node)) {
      balanced.targets.append(link.node);
      balanced.weights.append(static_cast<float>(scales[at(node)] * link.out * scales[at(link.node)]));
    }
    balanced.offsets.append(balanced.targets.size());
  }
  return balanced;
}

}  // namespace faceprint
