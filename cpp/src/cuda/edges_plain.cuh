#pragma once
// What edges.cuh does, plainly. The tests hold the kernel that is used against it.

#include "cuda/edges.cuh"
#include "cuda/grid.cuh"

namespace faceprint::cuda {

// A thread a node, which looks through the node's list for each on another.
static __global__ void find_edges_plainly(NeighbourLists lists, double least, std::int32_t first, std::int32_t count,
                                          float* weights, std::int32_t* counts) {
  const auto i = static_cast<std::int32_t>(global_thread());
  if (i >= count) return;
  const std::int32_t node = first + i, length = lists.length;
  const float* listed = lists.affinities + lists.begin(node);
  const std::int32_t* neighbours = lists.neighbours + lists.begin(node);
  const auto find = [&](std::int32_t other) {
    float affinity = other == node ? 1.0F : 0.0F;
    for (std::int32_t place = 0; place < length; ++place) {
      if (neighbours[place] == other) affinity = listed[place];
    }
    return affinity;
  };
  for (counts[i] = 0; counts[i] < length; ++counts[i]) {
    const std::int32_t other = neighbours[counts[i]];
    const float beyond = lists.beyond_end(node), beyond_other = lists.beyond_end(other);
    Overlap parts[lanes];
    parts[0].add(1, find(other), beyond, beyond_other);
    for (std::int32_t j = 0; j < length; ++j) {
      const std::int64_t theirs = lists.begin(other) + j;
      parts[j < in_lanes(length) ? j % lanes : 0].add(lists.affinities[theirs], find(lists.neighbours[theirs]), beyond,
                                                      beyond_other);
    }
    WholeOverlap overlap;
    for (const Overlap& part : parts) overlap.add(part);
    const std::int32_t above = count_above(lists, node, beyond_other);
    double sum_above = 1;
    for (std::int32_t place = 0; place + 1 < above; ++place) sum_above += static_cast<double>(listed[place]);
    const double weight = evidence(lists, node, other, overlap, above, sum_above);
    if (!is_edge(weight, least)) return;
    weights[std::int64_t{i} * length + counts[i]] = static_cast<float>(weight);
  }
}

}  // namespace faceprint::cuda
