#pragma once
// Sorting entries on the card: Batcher's bitonic network (K. E. Batcher, "Sorting networks and their applications",
// 1968), in the form in which every comparison leaves the lesser entry at the lower place.

#include <cuda_runtime.h>

#include <cstdint>

#include "entry.hpp"

namespace faceprint::cuda {

inline constexpr int warp_size = 32;
inline constexpr unsigned whole_warp = 0xffffffff;

template <class T>
__device__ T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
__device__ T greatest(T a, T b) {
  return a < b ? b : a;
}

// Who sorts together, and must come here together.
struct Warp {
  static constexpr int size = warp_size;
  __device__ static int member() { return static_cast<int>(threadIdx.x) % size; }
  __device__ static void meet() { __syncwarp(); }
};

template <int Threads>
struct Block {
  static constexpr int size = Threads;
  __device__ static int member() { return static_cast<int>(threadIdx.x); }
  __device__ static void meet() { __syncthreads(); }
};

__device__ inline void put_in_order(Entry* entries, unsigned low, unsigned high) {
  const Entry a = entries[low], b = entries[high];
  if (a <= b) return;
  entries[low] = b;
  entries[high] = a;
}

// Entries in any memory. Places from `count` on need not exist: what they would hold is after all others and stays.
template <class Team>
__device__ void sort_entries(Entry* entries, unsigned count) {
  const auto place = [](unsigned pair, int step) { return pair >> step << (step + 1) | (pair & ((1u << step) - 1)); };
  for (int doublings = 0; doublings < 32 && 1u << doublings < count; ++doublings) {
    // Sorted stretches become sorted stretches of twice the length: each place meets the one that mirrors it in the
    // other half, then the one half a stretch away, a quarter, and so on.
    for (int step = doublings; step >= 0; --step) {
      const unsigned apart = step == doublings ? (2u << step) - 1 : 1u << step;
      Team::meet();
      for (auto pair = static_cast<unsigned>(Team::member()); place(pair, step) < count; pair += Team::size) {
        const unsigned low = place(pair, step), high = low ^ apart;
        if (high < count) put_in_order(entries, low, high);
      }
    }
  }
  Team::meet();
}

}  // namespace faceprint::cuda
