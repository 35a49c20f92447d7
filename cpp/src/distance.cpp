#include "faceprint/distance.hpp"

#include "backend.hpp"
#include "check.hpp"
#include "threads.hpp"

namespace faceprint {

void distances(Matrix<const float> x, Matrix<const float> y, Matrix<float> out, int threads, Watch* watch) {
  check_columns("x", x.columns);
  check_width("y", y, x.columns);
  check_shape("out", out, x.rows, y.rows);
  threads = resolve_threads(threads);
  check_values("x", x);
  check_values("y", y);
  active().distances(x, y, out, threads, watch);
}

}  // namespace faceprint
