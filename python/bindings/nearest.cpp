#include "faceprint/nearest.hpp"

#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

faceprint::Scan as_scan(const py::object& name) {
  using faceprint::Scan;
  return as_named<Scan>("scan", name,
                        {{"auto", Scan::automatic}, {"full", Scan::full}, {"certified", Scan::certified}});
}

py::tuple nearest(const py::object& queries, const SharedGallery& shared, const py::object& k, const py::object& metric,
                  const py::object& scan, const py::object& threads, const py::object& progress) {
  const py::array array = as_array<float>("queries", queries);
  const auto matrix = as_matrix<float>("queries", array, shared.gallery.columns());
  const py::ssize_t kept = as_integer("k", k);
  PythonWatch watch(progress);
  const faceprint::Search search = {as_metric(metric), as_scan(scan), as_threads(threads), &watch};
  faceprint::check_nearest(kept, shared.rows());
  py::array_t<float> values({matrix.rows, kept});
  py::array_t<std::int64_t> indices({matrix.rows, kept});
  const auto value_rows = new_matrix(values);
  const auto index_rows = new_matrix(indices);
  std::int64_t computed = 0;
  watch.run([&] {
    const std::shared_lock lock(shared.mutex);
    computed = faceprint::nearest(matrix, shared.gallery, value_rows, index_rows, search);
  });
  return py::make_tuple(values, indices, computed);
}

py::tuple within(const py::object& queries, const SharedGallery& shared, const py::object& limit,
                 const py::object& metric, const py::object& scan, const py::object& threads,
                 const py::object& progress) {
  const py::array array = as_array<float>("queries", queries);
  const auto matrix = as_matrix<float>("queries", array, shared.gallery.columns());
  const auto bound = static_cast<float>(as_number("limit", "a number", limit));
  PythonWatch watch(progress);
  const faceprint::Search search = {as_metric(metric), as_scan(scan), as_threads(threads), &watch};
  faceprint::Neighbourhoods found;
  watch.run([&] {
    const std::shared_lock lock(shared.mutex);
    found = faceprint::within(matrix, shared.gallery, bound, search);
  });
  return py::make_tuple(as_numpy(std::move(found.offsets)), as_numpy(std::move(found.values)),
                        as_numpy(std::move(found.indices)), found.computed);
}

py::tuple neighbours(const SharedGallery& shared, const py::object& k, const py::object& metric,
                     const py::object& threads, const py::object& progress) {
  const py::ssize_t kept = as_integer("k", k);
  PythonWatch watch(progress);
  const faceprint::Search search = {.metric = as_metric(metric), .threads = as_threads(threads), .watch = &watch};
  const py::ssize_t rows = shared.rows();
  faceprint::check_neighbours(kept, rows);
  py::array_t<float> values({rows, kept});
  py::array_t<std::int64_t> indices({rows, kept});
  const auto value_rows = new_matrix(values);
  const auto index_rows = new_matrix(indices);
  watch.run([&] {
    const std::shared_lock lock(shared.mutex);
    faceprint::neighbours(shared.gallery, value_rows, index_rows, search);
  });
  return py::make_tuple(values, indices);
}

}  // namespace

void bind_nearest(py::module_& module) {
  module.def("nearest", nearest, py::arg("queries"), py::arg("gallery"), py::arg("k"),
             py::arg("metric") = "squared-euclidean", py::arg("scan") = "auto", py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "The k nearest rows of the gallery for each query, and how many rows a certified scan computed.");
  module.def("within", within, py::arg("queries"), py::arg("gallery"), py::arg("limit"),
             py::arg("metric") = "squared-euclidean", py::arg("scan") = "auto", py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "All rows of the gallery within a limit of each query: (offsets, values, indices, rows computed).");
  module.def("neighbours", neighbours, py::arg("gallery"), py::arg("k"), py::arg("metric") = "squared-euclidean",
             py::arg("threads") = 0, py::arg("progress") = py::none(),
             "The k nearest other rows of each row of the gallery: (values, indices).");
}
