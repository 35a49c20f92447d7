#pragma once
// What the threads of a warp or a block do together.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/panels.cuh"
#include "cuda/sort.cuh"

namespace faceprint::cuda {

#if defined(__CUDACC__)
// What a block was launched with.
__device__ inline std::byte* shared_memory() {
  extern __shared__ double2 memory[];
  return reinterpret_cast<std::byte*>(memory);
}
#endif

// Memory that each block works in: shared memory where it fits, else a part of `scratch`.
struct Room {
  std::byte* scratch;
  std::size_t bytes;

  template <class T>
  __device__ T* of_block() const {
    return reinterpret_cast<T*>(scratch ? scratch + blockIdx.x * bytes : shared_memory());
  }
};

// The least of the entries of a warp's threads, for all of them.
__device__ inline Entry least_of_warp(Entry entry) {
  for (int step = warp_size / 2; step > 0; step /= 2) {
    entry = std::min(entry, __shfl_xor_sync(whole_warp, entry, step));
  }
  return entry;
}

// Puts in place of counts the sums of all up to each, by the first warp of a block; a barrier must stand before and
// behind.
template <class Count>
__device__ void add_up(Count* counts, std::int32_t size) {
  if (threadIdx.x >= warp_size) return;
  const auto lane = static_cast<std::int32_t>(threadIdx.x);
  Count before = 0;
  for (std::int32_t first = 0; first < size; first += warp_size) {
    Count sum = first + lane < size ? counts[first + lane] : 0;
    for (int step = 1; step < warp_size; step *= 2) {
      const Count other = __shfl_up_sync(whole_warp, sum, step);
      if (lane >= step) sum += other;
    }
    sum += before;
    if (first + lane < size) counts[first + lane] = sum;
    before = __shfl_sync(whole_warp, sum, warp_size - 1);
  }
}

}  // namespace faceprint::cuda
