#pragma once

#include <span>

#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace faceprint {

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

}  // namespace faceprint
