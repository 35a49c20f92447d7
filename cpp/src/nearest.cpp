#include "faceprint/nearest.hpp"

#include <stdexcept>

#include "backend.hpp"
#include "check.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

void check_k(std::ptrdiff_t k, std::ptrdiff_t most) {
  if (k >= 1 && k <= most) return;
  throw std::invalid_argument("k must be in [1, " + std::to_string(most) + "], not " + std::to_string(k));
}

}  // namespace

void check_nearest(std::ptrdiff_t k, std::ptrdiff_t gallery_rows) {
  if (gallery_rows < 1) throw std::invalid_argument("gallery must have at least 1 row, not 0");
  check_k(k, gallery_rows);
}

void check_neighbours(std::ptrdiff_t k, std::ptrdiff_t rows) {
  if (rows < 2) throw std::invalid_argument("embeddings must have at least 2 rows, not " + std::to_string(rows));
  check_k(k, rows - 1);
}

void nearest(Matrix<const float> queries, const Gallery& gallery, Matrix<float> distances, Matrix<std::int64_t> indices,
             int threads) {
  check_width("queries", queries, gallery.columns());
  check_nearest(distances.columns, gallery.rows());
  check_shape("distances", distances, queries.rows, distances.columns);
  check_shape("indices", indices, queries.rows, distances.columns);
  threads = resolve_threads(threads);
  check_values("queries", queries);
  active().nearest(queries, gallery, false, distances, indices, threads);
}

void neighbours(Matrix<const float> embeddings, Matrix<float> distances, Matrix<std::int64_t> indices, int threads) {
  check_neighbours(distances.columns, embeddings.rows);
  check_shape("distances", distances, embeddings.rows, distances.columns);
  check_shape("indices", indices, embeddings.rows, distances.columns);
  threads = resolve_threads(threads);
  Gallery gallery(embeddings.columns);
  gallery.append(embeddings);
  active().nearest(embeddings, gallery, true, distances, indices, threads);
}

}  // namespace faceprint
