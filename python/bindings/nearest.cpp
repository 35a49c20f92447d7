#include "faceprint/nearest.hpp"

#include "arrays.hpp"
#include "bindings.hpp"

namespace {

py::tuple nearest(const py::object& queries, const SharedGallery& shared, const py::object& k,
                  const py::object& threads) {
  const py::array array = as_array<float>("queries", queries);
  const auto matrix = as_matrix<float>("queries", array, shared.gallery.columns());
  const py::ssize_t kept = as_integer("k", k);
  const int count = as_threads(threads);
  faceprint::check_nearest(kept, shared.rows());
  py::array_t<float> distances({matrix.rows, kept});
  py::array_t<std::int64_t> indices({matrix.rows, kept});
  const auto distance_rows = new_matrix(distances);
  const auto index_rows = new_matrix(indices);
  {
    const py::gil_scoped_release unlocked;
    const std::shared_lock lock(shared.mutex);
    faceprint::nearest(matrix, shared.gallery, distance_rows, index_rows, count);
  }
  return py::make_tuple(distances, indices);
}

py::tuple neighbours(const py::object& embeddings, const py::object& k, const py::object& threads) {
  const py::array array = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", array);
  const py::ssize_t kept = as_integer("k", k);
  const int count = as_threads(threads);
  faceprint::check_neighbours(kept, matrix.rows);
  py::array_t<float> distances({matrix.rows, kept});
  py::array_t<std::int64_t> indices({matrix.rows, kept});
  const auto distance_rows = new_matrix(distances);
  const auto index_rows = new_matrix(indices);
  {
    const py::gil_scoped_release unlocked;
    faceprint::neighbours(matrix, distance_rows, index_rows, count);
  }
  return py::make_tuple(distances, indices);
}

}  // namespace

void bind_nearest(py::module_& module) {
  module.def("nearest", nearest, py::arg("queries"), py::arg("gallery"), py::arg("k"), py::arg("threads") = 0,
             "The k nearest rows of the gallery for each query: (distances, indices).");
  module.def("neighbours", neighbours, py::arg("embeddings"), py::arg("k"), py::arg("threads") = 0,
             "The k nearest other rows of each row: (distances, indices).");
}
