#include "faceprint/nearest.hpp"

#include <stdexcept>

#include "backend.hpp"
#include "check.hpp"
#include "threads.hpp"

namespace faceprint {

void nearest(Matrix<const float> queries, const Gallery& gallery, Matrix<float> distances,
             Matrix<std::int64_t> indices, int threads) {
  check_width("queries", queries, gallery.columns());
  if (gallery.rows() == 0) throw std::invalid_argument("gallery must have at least 1 row, not 0");
  check_k(distances.columns, gallery.rows());
  check_shape("distances", distances, queries.rows, distances.columns);
  check_shape("indices", indices, queries.rows, distances.columns);
  threads = resolve_threads(threads);
  check_values("queries", queries);
  active().nearest(queries, gallery, false, distances, indices, threads);
}

void neighbours(Matrix<const float> embeddings, Matrix<float> distances, Matrix<std::int64_t> indices, int threads) {
  if (embeddings.rows < 2) {
    throw std::invalid_argument("embeddings must have at least 2 rows, not " + std::to_string(embeddings.rows));
  }
  check_k(distances.columns, embeddings.rows - 1);
  check_shape("distances", distances, embeddings.rows, distances.columns);
  check_shape("indices", indices, embeddings.rows, distances.columns);
  threads = resolve_threads(threads);
  Gallery gallery(embeddings.columns);
  gallery.append(embeddings);
  active().nearest(embeddings, gallery, true, distances, indices, threads);
}

}  // namespace faceprint
