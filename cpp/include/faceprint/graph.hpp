#pragma once

#include <span>

#include "faceprint/export.h"
#include "faceprint/growing.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace FACEPRINT_API faceprint {

// Agglomerative clustering by average linkage (UPGMA: Sokal & Michener 1958). Clusters merge while the mean squared
// Euclidean distance over all pairs of rows between them is at most `threshold`.
//
//   embeddings  [rows, depth]  float32
//   labels      [rows]         0, 1, ... in the order of each cluster's first row
//
// The mean distance comes from each cluster's sum of rows and sum of norms, in float64, so no matrix of distances is
// stored: memory grows as rows * depth. Below 2^-44 of the mean norms it is only rounding and counts as 0. Among
// equally near clusters the one with the lowest first row wins, except that two clusters which are each other's nearest
// stay so. The number of threads changes nothing.
//
// Throws std::invalid_argument if shapes do not agree, if depth is not in [1, 2^20], if a value is not finite or lies
// outside [-1e15, 1e15], or if the threshold is not a number or negative.
void average_linkage(Matrix<const float> embeddings, double threshold, std::span<std::int64_t> labels, int threads = 0,
                     Watch* watch = nullptr);

// Weighted edges from nodes to nodes, in compressed sparse rows: those from node i lead to
// targets[offsets[i] ... offsets[i + 1] - 1]. Weights are positive.
struct GraphView {
  std::span<const std::int64_t> offsets;  // nodes + 1
  std::span<const std::int64_t> targets;
  std::span<const float> weights;

  std::ptrdiff_t nodes() const { return std::ssize(offsets) - 1; }
};
struct Graph {
  Growing<std::int64_t> offsets, targets;
  Growing<float> weights;

  GraphView view() const {
    return {{offsets.begin(), offsets.end()}, {targets.begin(), targets.end()}, {weights.begin(), weights.end()}};
  }
};

// How lists of neighbours become edges. A distance d counts as the affinity 1 / (1 + exp((d - halfway) / slope)), that
// of a node to itself as 1. The evidence that two nodes are one person is how far their lists agree, each node being on
// its own list:
//
//   sum over h of min(affinity(i, h), affinity(j, h)) / sum over h of max(affinity(i, h), affinity(j, h))
//
// in [0, 1], over all h on either list (after Zhong et al., "Re-ranking person re-identification with k-reciprocal
// encoding", 2017, eq. 9-10). Who is missing from one of them counts there as its last, so that people with more faces
// than a list has places do not fall apart. From each node its neighbours are taken in order, and the first with less
// than `least` evidence ends its edges (early stopping: Liu et al., "Face clustering via early stopping and edge
// recall", 2024).
struct EdgeRule {
  double halfway;  // the distance with affinity 1/2, finite
  double slope;    // in distance: from 0.9 to 0.1 it takes 4.4 of it; > 0
  double least;    // evidence of an edge, in [0, 1]
  bool balanced;   // make the graph symmetric and its rows, each node's own 1 among them, sum to 1
};

// The edges of a graph of nearest neighbours, weighted by evidence. Row i of both matrices, which `neighbours` fills,
// has the neighbours of node i, the nearest first; edges from a node are ordered by distance, or, where balanced, by
// target. The number of threads changes nothing; of backends only cuda may give other weights, within 1e-6 of these.
// Throws std::invalid_argument if the shapes differ, if a distance is negative or not a number or less than the one
// before, if an index is not that of another node or comes twice in a row, or for a rule out of range.
Graph neighbour_graph(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                      int threads = 0, Watch* watch = nullptr);

enum class Method {
  map_equation,      // two levels, directed (Rosvall, Axelsson & Bergstrom, "The map equation", 2009)
  modularity,        // Newman & Girvan 2004; bipartite: Barber 2007
  chinese_whispers,  // Biemann 2006
  components         // connected, whichever way the edges lead: single linkage
};

struct CommunityRule {
  Method method = Method::map_equation;
  double resolution = 1;          // of modularity, > 0: the higher, the smaller its communities
  std::ptrdiff_t left_nodes = 0;  // of a bipartite graph, for modularity: nodes before this are on one side
};

// Finds communities of nodes: labels 0, 1, ... in the order of each community's first node. Two edges between the same
// nodes count as one with their sum. The map equation and modularity are optimised by moving nodes, refining and
// aggregating, again and again until nothing moves (Traag, Waltman & van Eck, "From Louvain to Leiden", 2019), in the
// order of nodes and never at random; chinese whispers visits nodes in an order shuffled by a fixed seed. So the same
// graph gives the same labels, whatever the number of threads. Every community is connected, but for chinese whispers.
// Flow of the map equation: random walks that follow edges by weight and are teleported with probability 0.15 to nodes
// in proportion to the weight of their edges; steps of teleportation are not encoded (Lambiotte & Rosvall 2012).
//
// Throws std::invalid_argument if the arrays do not make a graph, if an edge leads from a node to itself or has no
// positive finite weight, or for a rule out of range; in a bipartite graph, for an edge between nodes of one side.
void communities(const GraphView& graph, const CommunityRule& rule, std::span<std::int64_t> labels, int threads = 0,
                 Watch* watch = nullptr);

}  // namespace faceprint
