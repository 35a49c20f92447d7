#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace faceprint::cuda {

// The number of this thread among all of the grid.
__device__ inline std::int64_t global_thread() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }

}  // namespace faceprint::cuda
