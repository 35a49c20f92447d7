#pragma once
// The ways to find communities. Each returns labels in [0, nodes); arguments arrive checked.

#include <cstdint>
#include <vector>

#include "faceprint/graph.hpp"
#include "network.hpp"
#include "threads.hpp"

namespace faceprint {

std::vector<std::int64_t> map_equation(Network network, int threads, Progress& progress);
std::vector<std::int64_t> modularity(Network network, double resolution, std::ptrdiff_t left_nodes, Progress& progress);
std::vector<std::int64_t> chinese_whispers(const Network& network, Progress& progress);
std::vector<std::int64_t> components(const GraphView& graph);

}  // namespace faceprint
