#include "edges.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "divide_up.hpp"
#include "network.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t most_chunks = 64;  // each holds a number for every node while it is worked on
constexpr std::ptrdiff_t lanes = 8;         // partial sums, always the same ones in the same order
constexpr double close = 1e-6;              // to 1, of the sum of a balanced row
constexpr int most_steps = 200;

struct Part {
  std::vector<std::int64_t> counts, targets;
  std::vector<float> weights;
};

std::vector<float> affinities(Matrix<const float> distances, const EdgeRule& rule, int threads, Progress& progress) {
  std::vector<float> found(at(distances.rows * distances.columns));
  const auto convert = [&](std::ptrdiff_t row) {
    progress.add(0);
    for (std::ptrdiff_t place = 0; place < distances.columns; ++place) {
      const auto distance = static_cast<double>(distances.row(row)[place]);
      found[at(row * distances.columns + place)] =
          static_cast<float>(1 / (1 + std::exp((distance - rule.halfway) / rule.slope)));
    }
  };
  parallel_for(threads, distances.rows, convert, &progress);
  return found;
}

// The evidence between one node and others: how far their lists agree.
class Evidence {
 public:
  Evidence(Matrix<const std::int64_t> indices, std::span<const float> affinities, std::span<const double> totals)
      : indices_(indices),
        affinities_(affinities),
        totals_(totals),
        own_(at(indices.rows), 0),
        sums_(at(indices.columns) + 2, 0),
        complete_(indices.columns == indices.rows - 1) {}

  void look_from(std::ptrdiff_t node) {
    if (node_ >= 0) mark(node_, 0);
    node_ = node;
    mark(node, 1);
    const float* listed = list(node);
    sums_[1] = 1;
    for (std::ptrdiff_t place = 0; place < indices_.columns; ++place) {
      sums_[at(place) + 2] = sums_[at(place) + 1] + static_cast<double>(listed[place]);
    }
  }

  // `missed` is what `lower_than` adds for those on both lists as if they were missing from the other. The higher of
  // two numbers is their sum less the lower.
  double with(std::int64_t other) const {
    const float* listed = list(other);
    const std::int64_t* nodes = indices_.row(other);
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
    for (; place + lanes <= indices_.columns; place += lanes) {
      float ours[lanes];
      for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) ours[lane] = own_[at(nodes[place + lane])];
      for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) compare(lane, listed[place + lane], ours[lane]);
    }
    for (; place < indices_.columns; ++place) compare(0, listed[place], own_[at(nodes[place])]);
    const double low = sum(lower) + lower_than(beyond_other) - sum(missed);
    const double only_one_has = static_cast<double>(indices_.columns + 1) - sum(common);
    const double both = sums_.back() + totals_[at(other)] +
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
    bring(list(node), indices_.columns * static_cast<std::ptrdiff_t>(sizeof(float)));
    bring(indices_.row(node), indices_.columns * static_cast<std::ptrdiff_t>(sizeof(std::int64_t)));
  }

 private:
  const float* list(std::ptrdiff_t node) const { return affinities_.data() + node * indices_.columns; }

  static double sum(const float (&parts)[lanes]) {
    double whole = 0;
    for (const float part : parts) whole += static_cast<double>(part);
    return whole;
  }

  // The affinity that whoever is missing from a list counts with: that of the last on it, or 0 where nobody is missing.
  float beyond_end(std::ptrdiff_t node) const { return complete_ ? 0 : list(node)[indices_.columns - 1]; }

  // The sum of the lower of `affinity` and each on the list that is looked from, which descends.
  double lower_than(float affinity) const {
    const float* listed = list(node_);
    const std::ptrdiff_t above =
        std::partition_point(listed, listed + indices_.columns, [&](float value) { return value > affinity; }) -
        listed + 1;
    return static_cast<double>(affinity) * static_cast<double>(above) + (sums_.back() - sums_[at(above)]);
  }

  void mark(std::ptrdiff_t node, float present) {
    own_[at(node)] = present;
    for (std::ptrdiff_t place = 0; place < indices_.columns; ++place) {
      own_[at(indices_.row(node)[place])] = present * list(node)[place];
    }
  }

  Matrix<const std::int64_t> indices_;
  std::span<const float> affinities_;
  std::span<const double> totals_;
  std::vector<float> own_;    // the affinity of every node to the one that is looked from
  std::vector<double> sums_;  // of the first affinities on its list, its own 1 the first
  bool complete_;
  std::ptrdiff_t node_ = -1;
};

}  // namespace

Graph evidence_graph(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                     int threads, Progress& progress) {
  const std::ptrdiff_t nodes = indices.rows, neighbours = indices.columns;
  const std::vector<float> affinity = affinities(distances, rule, threads, progress);
  std::vector<double> totals(at(nodes), 1);  // of a node's affinities, its own 1 among them
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    for (std::ptrdiff_t place = 0; place < neighbours; ++place) {
      totals[at(node)] += static_cast<double>(affinity[at(node * neighbours + place)]);
    }
  }

  const std::ptrdiff_t chunk_nodes = divide_up(std::max<std::ptrdiff_t>(nodes, 1), most_chunks);
  std::vector<Part> parts(at(divide_up(nodes, chunk_nodes)));
  const auto find_edges = [&](std::ptrdiff_t chunk) {
    Part& part = parts[at(chunk)];
    Evidence evidence(indices, affinity, totals);
    for (std::ptrdiff_t node = chunk * chunk_nodes; node < std::min((chunk + 1) * chunk_nodes, nodes); ++node) {
      progress.add(1);
      evidence.look_from(node);
      const std::ptrdiff_t before = std::ssize(part.targets);
      for (std::ptrdiff_t place = 0; place < neighbours; ++place) {
        const std::int64_t other = indices.row(node)[place];
        if (place + 1 < neighbours) evidence.fetch(indices.row(node)[place + 1]);
        const double weight = evidence.with(other);
        if (weight < rule.least || !(weight > 0)) break;
        part.targets.push_back(other);
        part.weights.push_back(static_cast<float>(weight));
      }
      part.counts.push_back(std::ssize(part.targets) - before);
    }
  };
  parallel_for(threads, std::ssize(parts), find_edges, &progress);

  Graph graph;
  graph.offsets.append(0);
  for (Part& part : parts) {
    for (const std::int64_t count : part.counts) graph.offsets.append(graph.offsets.back() + count);
    graph.targets.append(part.targets);
    graph.weights.append(part.weights);
    part = {};
  }
  return graph;
}

// Symmetric scaling (Sinkhorn & Knopp 1967; Knight, Ruiz & Ucar 2014): the weight of i and j becomes x_i w_ij x_j, and
// x is divided by the square roots of the rows' sums until these are 1.
Graph balance(const GraphView& graph, Progress& progress) {
  Network network = both_ways(graph, progress);
  for (Link& link : network.links) link.out = (link.out + link.in) / 2;
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
