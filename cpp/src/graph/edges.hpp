#pragma once

#include "faceprint/graph.hpp"
#include "threads.hpp"

namespace faceprint {

// `neighbour_graph` of the public header without its checks and without balance.
Graph evidence_graph(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                     int threads, Progress& progress);

// A symmetric graph whose rows, each node's own weight of 1 scaled with them, sum to 1.
Graph balance(const GraphView& graph, Progress& progress);

}  // namespace faceprint
