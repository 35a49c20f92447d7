#include "faceprint/gallery.hpp"

#include <mutex>

#include "arrays.hpp"
#include "bindings.hpp"

namespace {

void append_rows(SharedGallery& self, const py::object& embeddings) {
  const py::array array = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", array, self.gallery.columns());
  const py::gil_scoped_release unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.append(matrix);
}

void remove_rows(SharedGallery& self, const py::object& indices) {
  const py::array array = as_array<std::int64_t>("rows", indices);
  check_shape("rows", array, {-1}, "(n,)");
  check_contiguous("rows", array);
  const auto* data = static_cast<const std::int64_t*>(array.data());
  const auto size = static_cast<std::size_t>(array.size());
  const py::gil_scoped_release unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.remove({data, size});
}

bool unpack_into(const SharedGallery& self, faceprint::Matrix<float> out) {
  const py::gil_scoped_release unlocked;
  const std::shared_lock lock(self.mutex);
  if (self.gallery.rows() != out.rows) return false;
  self.gallery.unpack(out);
  return true;
}

py::array unpack(const SharedGallery& self) {
  // Allocating needs the GIL, so the lock is not held; another thread may change the gallery meanwhile.
  for (;;) {
    py::array_t<float> result({self.rows(), self.gallery.columns()});
    if (unpack_into(self, new_matrix(result))) return result;
  }
}

}  // namespace

void bind_gallery(py::module_& module) {
  py::class_<SharedGallery>(module, "Gallery", "Embeddings packed for searching, in memory.")
      .def(py::init([](const py::object& columns) {
             return std::make_unique<SharedGallery>(as_integer("columns", columns));
           }),
           py::arg("columns"))
      .def("append", append_rows, py::arg("embeddings"), "Add rows at the end.")
      .def("remove", remove_rows, py::arg("rows"), "Remove rows by ascending index; later ones move down.")
      .def("unpack", unpack, "All rows as an array.")
      .def_property_readonly("rows", &SharedGallery::rows)
      .def_property_readonly("columns", [](const SharedGallery& self) { return self.gallery.columns(); });
}
