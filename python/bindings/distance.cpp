#include "faceprint/distance.hpp"

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

py::array output(const py::object& out, const py::array& queries, const py::array& gallery) {
  if (out.is_none()) return py::array_t<float>({queries.shape(0), gallery.shape(0)});
  py::array given = as_array<float>("out", out);
  const std::string expected = "(" + std::to_string(queries.shape(0)) + ", " + std::to_string(gallery.shape(0)) + ")";
  check_shape("out", given, {queries.shape(0), gallery.shape(0)}, expected.c_str());
  check_apart("out", given, "queries", queries);
  check_apart("out", given, "gallery", gallery);
  return given;
}

py::array distances(const py::object& queries, const py::object& gallery, const py::object& out,
                    const py::object& threads, const py::object& progress) {
  const py::array query_array = as_array<float>("queries", queries);
  const auto query_rows = as_matrix<float>("queries", query_array);
  const py::array gallery_array = as_array<float>("gallery", gallery);
  const auto gallery_rows = as_matrix<float>("gallery", gallery_array, query_rows.columns);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array result = output(out, query_array, gallery_array);
  const auto result_rows = as_output<float>("out", result);
  watch.run([&] { faceprint::distances(query_rows, gallery_rows, result_rows, count, &watch); });
  return result;
}

}  // namespace

void bind_distance(py::module_& module) {
  module.def("distances", distances, py::arg("queries"), py::arg("gallery"), py::arg("out") = py::none(),
             py::arg("threads") = 0, py::arg("progress") = py::none(),
             "The squared Euclidean distance of every query to every row of the gallery.");
}
