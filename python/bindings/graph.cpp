#include "faceprint/graph.hpp"

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

py::array average_linkage(const py::object& embeddings, const py::object& threshold, const py::object& threads,
                          const py::object& progress) {
  const py::array array = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", array);
  const double most = as_number("threshold", "a number", threshold);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<std::int64_t> labels(matrix.rows);
  const std::span<std::int64_t> out = {labels.mutable_data(), static_cast<std::size_t>(matrix.rows)};
  {
    const py::gil_scoped_release unlocked;
    faceprint::average_linkage(matrix, most, out, count, &watch);
  }
  return labels;
}

}  // namespace

void bind_graph(py::module_& module) {
  module.def("average_linkage", average_linkage, py::arg("embeddings"), py::arg("threshold"), py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "Cluster labels by average linkage, merging while the mean distance is at most the threshold.");
}
