#include "faceprint/distance.hpp"

#include "backend.hpp"
#include "check.hpp"
#include "threads.hpp"

namespace faceprint {

void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads, Watch* watch) {
  check_columns("queries", queries.columns);
  check_width("gallery", gallery, queries.columns);
  check_shape("out", out, queries.rows, gallery.rows);
  threads = resolve_threads(threads);
  check_values("queries", queries);
  check_values("gallery", gallery);
  active().distances(queries, gallery, out, threads, watch);
}

}  // namespace faceprint
