#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "check.hpp"
#include "data.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/graph.hpp"
#include "faceprint/nearest.hpp"

using namespace faceprint;

namespace {

using Labels = std::vector<std::int64_t>;
constexpr Method all_methods[] = {Method::map_equation, Method::modularity, Method::chinese_whispers,
                                  Method::components};

// Neighbours as a caller has them.
struct Lists {
  std::vector<float> distances;
  std::vector<std::int64_t> indices;
  std::ptrdiff_t rows, columns;

  Matrix<const float> far() const { return {distances.data(), rows, columns, columns}; }
  Matrix<const std::int64_t> who() const { return {indices.data(), rows, columns, columns}; }
};

// Groups of nodes that are near one another and far from everybody else, of whom each lists one.
Lists groups(std::ptrdiff_t count, std::ptrdiff_t size) {
  Lists lists{{}, {}, count * size, size};
  for (std::ptrdiff_t node = 0; node < lists.rows; ++node) {
    const std::ptrdiff_t first = node / size * size;
    for (std::ptrdiff_t other = first; other < first + size; ++other) {
      if (other == node) continue;
      lists.indices.push_back(other);
      lists.distances.push_back(0.1f);
    }
    lists.indices.push_back((node + size) % lists.rows);
    lists.distances.push_back(3);
  }
  return lists;
}

Labels found(const GraphView& graph, const CommunityRule& rule, int threads = 1) {
  Labels labels(static_cast<std::size_t>(graph.nodes()), -7);
  communities(graph, rule, labels, threads);
  return labels;
}

}  // namespace

TEST(groups_are_communities_of_every_method) {
  const Lists lists = groups(7, 5);
  Labels expected;
  for (std::int64_t node = 0; node < lists.rows; ++node) expected.push_back(node / 5);
  for (const bool balanced : {false, true}) {
    const Graph graph =
        neighbour_graph(lists.far(), lists.who(), {.halfway = 1, .slope = 0.1, .least = 0.2, .balanced = balanced});
    CHECK_EQUAL(graph.targets.size(), 7 * 5 * 4);
    for (const Method method : all_methods) CHECK(found(graph.view(), {.method = method}) == expected);
  }
}

TEST(evidence_is_the_share_of_the_lists_that_agree) {
  // Nodes 0 and 1 list each other and one more each, which counts for the other as the last on its own list.
  const Lists lists{{1, 2, 1, 2, 1, 1, 1, 1}, {1, 2, 0, 3, 0, 1, 0, 1}, 4, 2};
  const Graph graph =
      neighbour_graph(lists.far(), lists.who(), {.halfway = 1.5, .slope = 0.5, .least = 0, .balanced = false});
  const double near = std::numbers::e / (std::numbers::e + 1), far = 1 / (1 + std::numbers::e);
  CHECK_EQUAL(graph.targets.data()[0], 1);
  CHECK(std::abs(static_cast<double>(graph.weights.data()[0]) - (2 * near + 2 * far) / (2 + 2 * far)) < 1e-7);
}

// Cards have another exponential function, whose float32 may be the next one; weights are quotients of sums of those.
TEST(edges_are_the_same_on_all_backends) {
  Rows<float> rows = random_units(200, 5, 1);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    for (std::ptrdiff_t d = 0; d < 5; ++d) rows.at(row, d) = rows.at(row % 9, d) + 0.3f * rows.at(row, d);
  }
  Gallery gallery(5);
  gallery.append(rows.view());
  for (const std::ptrdiff_t length : {1, 7, 8, 20, 199}) {
    Rows<float> distances(200, length);
    Rows<std::int64_t> indices(200, length);
    neighbours(gallery, distances.view(), indices.view());
    for (const double least : {0.0, 0.5}) {
      const EdgeRule rule = {.halfway = 0.6, .slope = 0.1, .least = least, .balanced = false};
      Graph expected;
      on_each_backend([&](const std::string& backend) {
        if (backend == "portable") expected = neighbour_graph(distances.view(), indices.view(), rule);
        const Graph graph = neighbour_graph(distances.view(), indices.view(), rule);
        CHECK(std::ranges::equal(graph.offsets, expected.offsets));
        CHECK(std::ranges::equal(graph.targets, expected.targets));
        CHECK(std::ranges::equal(graph.weights, expected.weights,
                                 [](float a, float b) { return std::abs(a - b) <= 1e-6f * b; }));
      });
      CHECK(expected.targets.size() > 100);
    }
  }
}

TEST(communities_of_bipartite_graphs_have_members_on_both_sides) {
  // Nodes 0 and 1 know 4 and 5, 2 and 3 know 6 and 7; a weak edge joins the two.
  const std::vector<std::int64_t> offsets{0, 2, 5, 7, 9, 9, 9, 9, 9}, targets{4, 5, 4, 5, 6, 6, 7, 6, 7};
  const std::vector<float> weights{1, 1, 1, 1, 0.1f, 1, 1, 1, 1};
  CHECK(found({offsets, targets, weights}, {.method = Method::modularity, .left_nodes = 4}) ==
        (Labels{0, 0, 1, 1, 0, 0, 1, 1}));
}

namespace {

struct Edges {
  std::vector<std::int64_t> offsets{0}, targets;
  std::vector<float> weights;

  void end_node() { offsets.push_back(std::ssize(targets)); }
  GraphView view() const { return {offsets, targets, weights}; }
};

Edges random_edges(std::int64_t nodes, int edges_of_node, std::mt19937& random) {
  Edges edges;
  for (std::int64_t node = 0; node < nodes; ++node) {
    for (int edge = 0; edge < edges_of_node; ++edge) {
      edges.targets.push_back((node + 1 + static_cast<std::int64_t>(random()) % (nodes - 1)) % nodes);
      edges.weights.push_back(0.1f * static_cast<float>(1 + random() % 30));
    }
    edges.end_node();
  }
  return edges;
}

// Those between nodes of the same label.
Edges kept(const Edges& edges, const Labels& labels) {
  Edges within;
  for (std::size_t node = 0; node < labels.size(); ++node) {
    const auto last = static_cast<std::size_t>(edges.offsets[node + 1]);
    for (auto edge = static_cast<std::size_t>(edges.offsets[node]); edge < last; ++edge) {
      const std::int64_t target = edges.targets[edge];
      if (labels[static_cast<std::size_t>(target)] != labels[node]) continue;
      within.targets.push_back(target);
      within.weights.push_back(1);
    }
    within.end_node();
  }
  return within;
}

}  // namespace

// Which moves of nodes alone do not see to: they may leave a community in pieces. In some of the smallest graphs no
// two nodes of a community gain by joining, though all of them do.
TEST(communities_hang_together) {
  std::mt19937 random(5);
  for (const auto& [nodes, edges_of_node, graphs] : {std::tuple{7, 1, 200}, {12, 2, 50}, {30, 3, 50}, {300, 3, 2}}) {
    for (int graph = 0; graph < graphs; ++graph) {
      const Edges edges = random_edges(nodes, edges_of_node, random);
      for (const Method method : {Method::map_equation, Method::modularity}) {
        const Labels labels = found(edges.view(), {.method = method});
        CHECK(found(kept(edges, labels).view(), {.method = Method::components}) == labels);
        CHECK(nodes < 300 || *std::ranges::max_element(labels) > 0);
      }
    }
  }
}

// Each node knows few of its community, which is only found when parts of it are joined.
TEST(sparse_bipartite_communities_are_found_whole) {
  constexpr std::int64_t side = 60, size = 20;  // nodes on a side, and of a community there
  std::mt19937 random(6);
  Edges edges;
  for (std::int64_t left = 0; left < side; ++left) {
    for (int edge = 0; edge < 8; ++edge) {
      edges.targets.push_back(side + left / size * size + static_cast<std::int64_t>(random()) % size);
      edges.weights.push_back(1);
    }
    edges.end_node();
  }
  for (std::int64_t right = 0; right < side; ++right) edges.end_node();
  Labels expected;
  for (std::int64_t node = 0; node < 2 * side; ++node) expected.push_back(node % side / size);
  CHECK(found(edges.view(), {.method = Method::modularity, .left_nodes = side}) == expected);
}

TEST(threads_change_nothing) {
  const Lists lists = groups(300, 9);
  const Graph one =
      neighbour_graph(lists.far(), lists.who(), {.halfway = 1, .slope = 0.1, .least = 0, .balanced = false}, 1);
  for (const int threads : {2, 3, 0}) {
    const Graph other =
        neighbour_graph(lists.far(), lists.who(), {.halfway = 1, .slope = 0.1, .least = 0, .balanced = false}, threads);
    CHECK(std::ranges::equal(one.offsets, other.offsets));
    CHECK(std::ranges::equal(one.targets, other.targets));
    CHECK(std::ranges::equal(one.weights, other.weights));
    for (const Method method : all_methods) {
      CHECK(found(one.view(), {.method = method}, 1) == found(one.view(), {.method = method}, threads));
    }
  }
}

TEST(empty_graphs_have_no_communities) {
  const std::vector<std::int64_t> nobody{0}, three{0, 0, 0, 0};
  for (const Method method : all_methods) {
    CHECK(found({nobody, {}, {}}, {.method = method}).empty());
    CHECK(found({three, {}, {}}, {.method = method}) == (Labels{0, 1, 2}));
  }
}

TEST(refuses_wrong_arguments) {
  const std::vector<std::int64_t> offsets{0, 1, 2}, targets{1, 0}, itself{0, 0};
  const std::vector<float> weights{1, 1}, nothing{1, 0};
  CHECK_THROWS(std::invalid_argument, "targets must be other nodes, in [0, 2): an edge of node 0 leads to 0",
               found({offsets, itself, weights}, {}));
  CHECK_THROWS(std::invalid_argument, "weights must be above 0 and finite: an edge of node 1 has 0.000000",
               found({offsets, targets, nothing}, {}));
  CHECK_THROWS(std::invalid_argument, "resolution must be above 0 and finite, not nan",
               found({offsets, targets, weights}, {.resolution = std::nan("")}));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1",
               found({offsets, targets, weights}, {}, -1));
  CHECK_THROWS(std::invalid_argument, "offsets must ascend from 0 to the number of targets, 2",
               found({itself, targets, weights}, {}));
  CHECK_THROWS(std::invalid_argument, "weights must have length 2, not 0", found({offsets, targets, {}}, {}));
  CHECK_THROWS(std::invalid_argument, "left_nodes must be 0 or at most the number of nodes, 2, not 3",
               found({offsets, targets, weights}, {.method = Method::modularity, .left_nodes = 3}));
  CHECK_THROWS(std::invalid_argument, "left_nodes must be 0 but for modularity, not 1",
               found({offsets, targets, weights}, {.left_nodes = 1}));
  const std::vector<std::int64_t> path_offsets{0, 1, 2, 2}, path_targets{1, 2};  // from 0 to 1 to 2
  for (const std::ptrdiff_t left_nodes : {1, 2}) {
    const std::string edge = left_nodes == 1 ? "1 to 2" : "0 to 1";
    const std::string rule = "edges of a bipartite graph must lead to the other side: one leads from node " + edge;
    CHECK_THROWS(
        std::invalid_argument, rule.c_str(),
        found({path_offsets, path_targets, weights}, {.method = Method::modularity, .left_nodes = left_nodes}));
  }
  Labels few(1);
  CHECK_THROWS(std::invalid_argument, "offsets must have length nodes + 1, not 0", communities({}, {}, few));
  CHECK_THROWS(std::invalid_argument, "labels must have length 2, not 1",
               communities({offsets, targets, weights}, {}, few));
}

TEST(edges_refuse_wrong_arguments) {
  const auto edges = [](const Lists& lists, double halfway = 1, double slope = 0.1, double least = 0) {
    neighbour_graph(lists.far(), lists.who(), {.halfway = halfway, .slope = slope, .least = least, .balanced = false});
  };
  const float nan = std::nanf("");
  const double infinity = std::numeric_limits<double>::infinity();
  const Lists pair{{1, 1}, {1, 0}, 2, 1};
  edges(pair, -1, 1e-3, 1);
  CHECK_THROWS(std::invalid_argument, "halfway must be finite, not inf", edges(pair, infinity));
  CHECK_THROWS(std::invalid_argument, "slope must be above 0 and finite, not 0.000000", edges(pair, 1, 0));
  CHECK_THROWS(std::invalid_argument, "slope must be above 0 and finite, not inf", edges(pair, 1, infinity));
  CHECK_THROWS(std::invalid_argument, "least must be in [0, 1], not -0.500000", edges(pair, 1, 0.1, -0.5));
  CHECK_THROWS(std::invalid_argument, "least must be in [0, 1], not 1.500000", edges(pair, 1, 0.1, 1.5));
  for (const auto& [index, text] : {std::pair{std::int64_t{-1}, "-1"}, {0, "0"}, {2, "2"}}) {
    const std::string rule = "indices must be those of other rows, in [0, 2): row 0 has " + std::string(text);
    CHECK_THROWS(std::invalid_argument, rule.c_str(), edges({{1, 1}, {index, 0}, 2, 1}));
  }
  const std::vector<std::int64_t> others{1, 2, 0, 2, 0, 1};
  CHECK_THROWS(std::invalid_argument, "indices of a row must differ: row 2 has 1 twice",
               edges({{1, 1, 1, 1, 1, 1}, {1, 2, 0, 2, 1, 1}, 3, 2}));
  for (const auto& [distance, text] : {std::pair{-1.0f, "-1.000000"}, {nan, "nan"}}) {
    const std::string rule = "distances must be 0 or more: row 1 has " + std::string(text);
    CHECK_THROWS(std::invalid_argument, rule.c_str(), edges({{1, 2, 1, distance, 1, 1}, others, 3, 2}));
  }
  CHECK_THROWS(std::invalid_argument, "distances of a row must ascend: those of row 2 do not",
               edges({{1, 2, 1, 1, 2, 1}, others, 3, 2}));
}
