#pragma once
// The gradient of a loss over triplets that are named.

#include <cstdint>

#include "cuda/device.hpp"

namespace faceprint::cuda {

// What one triplet adds to the gradient of one of its rows: weight (x_plus - x_minus).
struct Pull {
  std::int32_t plus, minus;
  double weight;
};

// Row r's pulls are those from begins[r] on; they are added up in their order. A block a row.
__global__ void add_pulls(Matrix<const float> embeddings, const std::int64_t* begins, const Pull* pulls, double scale,
                          Matrix<float> gradient) {
  const std::int64_t row = blockIdx.x;
  for (auto d = static_cast<std::int32_t>(threadIdx.x); d < embeddings.columns; d += blockDim.x) {
    double sum = 0;
    for (std::int64_t i = begins[row]; i < begins[row + 1]; ++i) {
      const auto plus = static_cast<double>(embeddings.row(pulls[i].plus)[d]);
      const auto minus = static_cast<double>(embeddings.row(pulls[i].minus)[d]);
      sum += pulls[i].weight * (plus - minus);
    }
    gradient.row(row)[d] = static_cast<float>(sum * scale);
  }
}

}  // namespace faceprint::cuda
