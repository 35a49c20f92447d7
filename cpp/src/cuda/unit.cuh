#pragma once
// What a network gave, as unit rows.

#include <cmath>
#include <cstdint>

#include "cuda/block.cuh"
#include "cuda/keys.cuh"

namespace faceprint::cuda {

// By a warp, for all of its threads.
template <class T>
__device__ double length_of(const T* row, std::int64_t columns) {
  double square = 0;
  for (std::int64_t d = threadIdx.x; d < columns; d += warp_size) {
    const auto value = static_cast<double>(number_of(row[d]));
    square += value * value;
  }
  for (int step = warp_size / 2; step > 0; step /= 2) square += __shfl_xor_sync(whole_warp, square, step);
  return std::sqrt(square);
}

// A warp a face. `undirected` counts faces of which a row has no direction: its length is 0, infinite or no number.
template <class T>
__global__ void mean_unit_rows(const T* outputs, std::int64_t views, Matrix<float> means, int* undirected) {
  const std::int64_t face = blockIdx.x, columns = means.columns;
  float* mean = means.row(face);
  bool directed = true;
  const auto scale = [&](const auto* row, const auto& write) {
    const double length = length_of(row, columns);
    directed = directed && length > 0 && length < INFINITY;
    for (std::int64_t d = threadIdx.x; d < columns; d += warp_size) {
      write(d, static_cast<float>(static_cast<double>(number_of(row[d])) / length));
    }
  };
  for (std::int64_t d = threadIdx.x; d < columns; d += warp_size) mean[d] = 0;
  for (std::int64_t view = 0; view < views; ++view) {
    scale(outputs + (face * views + view) * columns, [&](std::int64_t d, float value) { mean[d] += value; });
  }
  for (std::int64_t d = threadIdx.x; d < columns; d += warp_size) mean[d] /= static_cast<float>(views);
  scale(mean, [&](std::int64_t d, float value) { mean[d] = value; });
  if (!directed && threadIdx.x == 0) atomicAdd(undirected, 1);
}

}  // namespace faceprint::cuda
