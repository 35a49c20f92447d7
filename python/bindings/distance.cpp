#include "faceprint/distance.hpp"

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

py::array output(const py::object& out, const py::array& x, const py::array& y) {
  if (out.is_none()) return py::array_t<float>({x.shape(0), y.shape(0)});
  py::array given = as_array<float>("out", out);
  const std::string expected = "(" + std::to_string(x.shape(0)) + ", " + std::to_string(y.shape(0)) + ")";
  check_shape("out", given, {x.shape(0), y.shape(0)}, expected.c_str());
  check_apart("out", given, "x", x);
  check_apart("out", given, "y", y);
  return given;
}

py::array distances(const py::object& x, const py::object& y, const py::object& out, const py::object& threads,
                    const py::object& progress) {
  const py::array x_array = as_array<float>("x", x);
  const auto x_rows = as_matrix<float>("x", x_array);
  const py::array y_array = as_array<float>("y", y);
  const auto y_rows = as_matrix<float>("y", y_array, x_rows.columns);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array result = output(out, x_array, y_array);
  const auto result_rows = as_output<float>("out", result);
  watch.run([&] { faceprint::distances(x_rows, y_rows, result_rows, count, &watch); });
  return result;
}

}  // namespace

void bind_distance(py::module_& module) {
  module.def("distances", distances, py::arg("x"), py::arg("y"), py::arg("out") = py::none(), py::arg("threads") = 0,
             py::arg("progress") = py::none(), "The squared Euclidean distance of every row of x to every row of y.");
}
