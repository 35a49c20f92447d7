#pragma once
// Edges between neighbours by how far their lists agree: `EdgeRule` of the public header says what that means. Sums run
// as in graph/edges.cpp, so that weights differ from those of the CPU only where the exponential function does.

#include <algorithm>
#include <cmath>

#include "cuda/block.cuh"
#include "cuda/grid.cuh"
#include "faceprint/graph.hpp"

namespace faceprint::cuda {

// The lists of all nodes, [nodes, length].
struct NeighbourLists {
  const std::int32_t* neighbours;
  const float* affinities;  // not ascending
  const double* totals;     // of each node, its own 1 among them
  std::int32_t nodes, length;

  __device__ std::int64_t begin(std::int32_t node) const { return std::int64_t{node} * length; }

  // What whoever is missing from a list counts with, if anybody is.
  __device__ float beyond_end(std::int32_t node) const {
    return length == nodes - 1 ? 0 : affinities[begin(node) + length - 1];
  }
};

// Puts affinities in place of distances.
static __global__ void find_affinities(float* distances, std::int64_t count, double halfway, double slope) {
  const std::int64_t i = global_thread();
  if (i >= count) return;
  distances[i] = static_cast<float>(1 / (1 + std::exp((static_cast<double>(distances[i]) - halfway) / slope)));
}

static __global__ void add_affinities(const float* affinities, std::int32_t nodes, std::int32_t length,
                                      double* totals) {
  const auto node = static_cast<std::int32_t>(global_thread());
  if (node >= nodes) return;
  double total = 1;
  for (std::int32_t place = 0; place < length; ++place) {
    total += static_cast<double>(affinities[std::int64_t{node} * length + place]);
  }
  totals[node] = total;
}

inline constexpr std::int32_t lanes = 8;  // partial sums, always the same ones in the same order

// How many of a list fill all lanes; the rest belong to the first.
constexpr std::int32_t in_lanes(std::int32_t length) { return length / lanes * lanes; }

// Partial sums over the list of another node: of the lower of both affinities, of what `lower_than` adds as if those on
// both lists were missing from the other, and how many those are.
struct Overlap {
  float lower = 0, missed = 0, common = 0;

  // ours: 0, or at least `beyond`.
  __device__ void add(float theirs, float ours, float beyond, float beyond_other) {
    lower += std::min(theirs, std::max(ours, beyond));
    missed += std::min(ours, beyond_other);
    common += ours > 0 ? 1.0F : 0.0F;
  }
};

struct WholeOverlap {
  double lower = 0, missed = 0, common = 0;

  __device__ void add(const Overlap& part) {
    lower += static_cast<double>(part.lower);
    missed += static_cast<double>(part.missed);
    common += static_cast<double>(part.common);
  }
};

// How many of a node's list have more affinity than that, itself included.
__device__ inline std::int32_t count_above(const NeighbourLists& lists, std::int32_t node, float affinity) {
  const float* listed = lists.affinities + lists.begin(node);
  std::int32_t first = 0, last = lists.length;
  while (first < last) {
    const std::int32_t middle = first + (last - first) / 2;
    if (listed[middle] > affinity) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first + 1;
}

// `above` is count_above(lists, node, beyond_end(other)), and `sum_above` the sum of those affinities.
__device__ inline double evidence(const NeighbourLists& lists, std::int32_t node, std::int32_t other,
                                  const WholeOverlap& overlap, std::int32_t above, double sum_above) {
  const float beyond = lists.beyond_end(node), beyond_other = lists.beyond_end(other);
  const double lower_than = static_cast<double>(beyond_other) * above + (lists.totals[node] - sum_above);
  const double low = overlap.lower + lower_than - overlap.missed;
  const double only_one_has = lists.length + 1 - overlap.common;
  const double both = lists.totals[node] + lists.totals[other] +
                      only_one_has * (static_cast<double>(beyond) + static_cast<double>(beyond_other));
  return low / (both - low);
}

__device__ inline bool is_edge(double weight, double least) { return weight >= least && weight > 0; }

// The affinity of each listed node to the one whose list it is, by open addressing.
struct Table {
  std::int32_t* nodes;  // 2^n, at least twice as many as are in it; none where free
  float* affinities;
  std::int32_t size;

  static constexpr std::int32_t free = -1;

  __device__ std::int32_t first_place(std::int32_t node) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(node) * 0x9e3779b1U >> 7) & (size - 1);
  }
  __device__ void insert(std::int32_t node, float affinity) const {
    std::int32_t place = first_place(node);
    while (atomicCAS(&nodes[place], free, node) != free) place = (place + 1) & (size - 1);
    affinities[place] = affinity;
  }
  __device__ float find(std::int32_t node) const {
    std::int32_t place = first_place(node);
    while (nodes[place] != node && nodes[place] != free) place = (place + 1) & (size - 1);
    return nodes[place] == node ? affinities[place] : 0;
  }
};

constexpr std::int32_t table_size(std::int32_t length) {
  std::int32_t size = 4;
  while (size < 2 * (length + 1)) size *= 2;
  return size;
}

constexpr std::size_t room_for_edges(std::int32_t length) {
  return static_cast<std::size_t>(length + 1) * sizeof(double) +
         static_cast<std::size_t>(table_size(length)) * (sizeof(std::int32_t) + sizeof(float)) + sizeof(std::int32_t);
}

// The weights of the edges from nodes `first` and following to their neighbours, [count, length], and how many of each
// there are before the first that is too weak. Blocks of whole warps, which take nodes in turns; eight threads a
// neighbour.
static __global__ void find_edges(NeighbourLists lists, double least, std::int32_t first, std::int32_t count,
                                  float* weights, std::int32_t* counts, Room room) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x), threads = static_cast<std::int32_t>(blockDim.x);
  const std::int32_t lane = thread % lanes, length = lists.length;
  auto* sums = room.of_block<double>();  // of the first affinities on the list, the node's own 1 the first
  auto* end = reinterpret_cast<std::int32_t*>(sums + length + 1);
  const std::int32_t size = table_size(length);
  const Table table = {end + 1, reinterpret_cast<float*>(end + 1 + size), size};
  for (auto i = static_cast<std::int32_t>(blockIdx.x); i < count; i += gridDim.x) {
    const std::int32_t node = first + i;
    const float* listed = lists.affinities + lists.begin(node);
    const std::int32_t* neighbours = lists.neighbours + lists.begin(node);
    for (std::int32_t place = thread; place < size; place += threads) table.nodes[place] = Table::free;
    __syncthreads();
    for (std::int32_t place = thread; place < length; place += threads) table.insert(neighbours[place], listed[place]);
    if (thread == 0) {
      table.insert(node, 1);
      *end = length;
      sums[0] = 1;
      for (std::int32_t place = 0; place < length; ++place) {
        sums[place + 1] = sums[place] + static_cast<double>(listed[place]);
      }
    }
    __syncthreads();

    // Some neighbours at a time, in their order, until one is too weak.
    const float beyond = lists.beyond_end(node);
    std::int32_t before = 0, stop = length;
    while (before < stop) {
      const std::int32_t place = before + thread / lanes, other = neighbours[std::min(place, length - 1)];
      const float beyond_other = lists.beyond_end(other);
      const auto add = [&](std::int32_t j, Overlap& part) {
        const std::int64_t theirs = lists.begin(other) + j;
        part.add(lists.affinities[theirs], table.find(lists.neighbours[theirs]), beyond, beyond_other);
      };
      Overlap part;
      if (lane == 0) part.add(1, table.find(other), beyond, beyond_other);
      for (std::int32_t j = lane; j < in_lanes(length); j += lanes) add(j, part);
      for (std::int32_t j = in_lanes(length); lane == 0 && j < length; ++j) add(j, part);
      WholeOverlap overlap;
      for (std::int32_t from = 0; from < lanes; ++from) {
        overlap.add({__shfl_sync(whole_warp, part.lower, from, lanes),
                     __shfl_sync(whole_warp, part.missed, from, lanes),
                     __shfl_sync(whole_warp, part.common, from, lanes)});
      }
      if (lane == 0 && place < length) {
        const std::int32_t above = count_above(lists, node, beyond_other);
        const double weight = evidence(lists, node, other, overlap, above, sums[above - 1]);
        weights[std::int64_t{i} * length + place] = static_cast<float>(weight);
        if (!is_edge(weight, least)) atomicMin(end, place);
      }
      before += threads / lanes;
      __syncthreads();
      stop = *end;
      __syncthreads();
    }
    if (thread == 0) counts[i] = stop;
  }
}

}  // namespace faceprint::cuda
