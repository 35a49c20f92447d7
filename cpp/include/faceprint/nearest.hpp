#pragma once

#include "faceprint/gallery.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

// For each query row, the k nearest rows of the gallery, exactly; k is the number of columns of the outputs.
//
//   queries    [queries, depth]  float32
//   distances  [queries, k]      float32, squared Euclidean as in distance.hpp, ascending
//   indices    [queries, k]      int64, row numbers of the gallery; of equal distances the lower index comes first
//
// Neither the backend nor the number of threads changes a bit of the result.
// Throws std::invalid_argument if shapes do not agree, if the gallery is empty, unless 1 <= k <= gallery rows, or if
// a value of the queries is not finite or lies outside [-1e15, 1e15].
void nearest(Matrix<const float> queries, const Gallery& gallery, Matrix<float> distances, Matrix<std::int64_t> indices,
             int threads = 0);

// The k nearest other rows of each row: as `nearest` of the embeddings in a gallery of themselves, but a row is not
// its own neighbour. An equal row with another index is. Throws as above, and unless 1 <= k <= rows - 1.
void neighbours(Matrix<const float> embeddings, Matrix<float> distances, Matrix<std::int64_t> indices, int threads = 0);

// Throw as the above would for this k, before any memory for the outputs is taken.
void check_nearest(std::ptrdiff_t k, std::ptrdiff_t gallery_rows);
void check_neighbours(std::ptrdiff_t k, std::ptrdiff_t rows);

}  // namespace faceprint
