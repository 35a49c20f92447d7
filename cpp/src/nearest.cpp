#include "faceprint/nearest.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "backend.hpp"
#include "check.hpp"
#include "entry.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

void check_k(std::ptrdiff_t k, std::ptrdiff_t most) {
  if (k >= 1 && k <= most) return;
  throw std::invalid_argument("k must be in [1, " + std::to_string(most) + "], not " + std::to_string(k));
}

// A cosine needs directions.
void check_directions(Matrix<const float> queries) {
  for (std::ptrdiff_t i = 0; i < queries.rows; ++i) {
    double norm = 0;
    for (std::ptrdiff_t d = 0; d < queries.columns; ++d) norm += std::pow(static_cast<double>(queries.row(i)[d]), 2);
    if (norm < 2 * static_cast<double>(shortest_norm)) refuse_direction("queries", i);
  }
}

void check_queries(Matrix<const float> queries, const Gallery& gallery, const Search& search) {
  check_width("queries", queries, gallery.columns());
  check_values("queries", queries);
  check_metric(gallery, search);
  if (search.metric == Metric::cosine) check_directions(queries);
}

Search resolved(const Search& search) {
  Search result = search;
  result.threads = resolve_threads(search.threads);
  return result;
}

}  // namespace

void check_metric(const Gallery& gallery, const Search& search) {
  if (search.metric == Metric::cosine && gallery.short_rows() > 0) {
    throw std::invalid_argument("rows of the gallery must be longer than 1e-15 for the cosine: " +
                                std::to_string(gallery.short_rows()) + " of them are not");
  }
  if (search.scan != Scan::certified) return;
  if (!gallery.has_bounds()) {
    throw std::invalid_argument("a certified scan needs a gallery of float32 rows with codes");
  }
  if (search.metric == Metric::cosine) {
    throw std::invalid_argument("a certified scan finds distances or dot products, not cosines");
  }
}

void check_nearest(std::ptrdiff_t k, std::ptrdiff_t gallery_rows) {
  if (gallery_rows < 1) throw std::invalid_argument("gallery must have at least 1 row, not 0");
  check_k(k, gallery_rows);
}

void check_neighbours(std::ptrdiff_t k, std::ptrdiff_t rows) {
  if (rows < 2) throw std::invalid_argument("gallery must have at least 2 rows, not " + std::to_string(rows));
  if (rows > most_entry_rows) {
    throw std::invalid_argument("gallery must have at most 2^32 rows, not " + std::to_string(rows));
  }
  check_k(k, rows - 1);
}

std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Search& search) {
  check_nearest(values.columns, gallery.rows());
  check_shape("values", values, queries.rows, values.columns);
  check_shape("indices", indices, queries.rows, values.columns);
  const Search wanted = resolved(search);
  check_queries(queries, gallery, wanted);
  return active().nearest(queries, gallery, wanted, values, indices);
}

Neighbourhoods within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search) {
  if (gallery.rows() < 1) throw std::invalid_argument("gallery must have at least 1 row, not 0");
  if (std::isnan(limit)) throw std::invalid_argument("limit must be a number, not NaN");
  if (search.metric == Metric::squared_euclidean && limit < 0) {
    throw std::invalid_argument("limit must be a distance of 0 or more, not " + std::to_string(limit));
  }
  const Search wanted = resolved(search);
  // Memory for as many queries is asked for before one is read.
  Neighbourhoods found{.offsets = Growing<std::int64_t>(queries.rows + 1), .values = {}, .indices = {}};
  found.offsets.append(0);
  check_queries(queries, gallery, wanted);
  active().within(queries, gallery, limit, wanted, found);
  return found;
}

void neighbours(const Gallery& gallery, Matrix<float> values, Matrix<std::int64_t> indices, const Search& search) {
  check_neighbours(values.columns, gallery.rows());
  check_shape("values", values, gallery.rows(), values.columns);
  check_shape("indices", indices, gallery.rows(), values.columns);
  if (gallery.storage() == Storage::int8) {
    throw std::invalid_argument("neighbours need a gallery of float32 or float16 rows, not int8");
  }
  const Search wanted = resolved(search);
  check_metric(gallery, wanted);
  active().neighbours(gallery, wanted, values, indices);
}

}  // namespace faceprint
