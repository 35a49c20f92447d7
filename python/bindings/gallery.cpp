#include "faceprint/gallery.hpp"

#include <mutex>

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

faceprint::Storage as_storage(const py::object& name) {
  using faceprint::Storage;
  return as_named<Storage>("storage", name,
                           {{"float32", Storage::float32}, {"float16", Storage::float16}, {"int8", Storage::int8}});
}

std::string_view name_of(faceprint::Storage storage) {
  return storage == faceprint::Storage::float32   ? "float32"
         : storage == faceprint::Storage::float16 ? "float16"
                                                  : "int8";
}

// A search that this thread has interrupted to look holds the lock, and would wait for itself.
void check_not_looking() {
  if (PythonWatch::looking()) throw std::runtime_error("a gallery must not be changed from inside a progress callback");
}

void append_rows(SharedGallery& self, const py::object& embeddings, const py::object& threads) {
  check_not_looking();
  const py::array array = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", array, self.gallery.columns());
  const int count = as_threads(threads);
  const Unlocked unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.append(matrix, count);
}

void append_stored(SharedGallery& self, const py::object& rows, const py::object& threads) {
  check_not_looking();
  const py::array array = as_array<std::uint8_t>("rows", rows);
  const auto matrix = as_matrix<std::uint8_t>("rows", array, self.gallery.stored_bytes());
  const int count = as_threads(threads);
  const Unlocked unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.append_stored(matrix, count);
}

void reserve(SharedGallery& self, const py::object& rows) {
  check_not_looking();
  const py::ssize_t count = as_integer("rows", rows);
  const Unlocked unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.reserve(count);
}

void remove_rows(SharedGallery& self, const py::object& indices) {
  check_not_looking();
  const py::array array = as_array<std::int64_t>("rows", indices);
  check_shape("rows", array, {-1}, "(n,)");
  check_contiguous("rows", array);
  const auto* data = static_cast<const std::int64_t*>(array.data());
  const auto size = static_cast<std::size_t>(array.size());
  const Unlocked unlocked;
  const std::unique_lock lock(self.mutex);
  self.gallery.remove({data, size});
}

bool unpack_into(const SharedGallery& self, faceprint::Matrix<float> out) {
  const Unlocked unlocked;
  const std::shared_lock lock(self.mutex);
  if (self.gallery.rows() != out.rows) return false;
  self.gallery.unpack(out);
  return true;
}

py::array stored(const SharedGallery& self, const py::object& rows) {
  const py::array array = as_array<std::int64_t>("rows", rows);
  const std::span<const std::int64_t> indices = as_list<std::int64_t>("rows", array, "(n,)");
  py::array_t<std::uint8_t> result({static_cast<py::ssize_t>(indices.size()), self.gallery.stored_bytes()});
  const auto out = new_matrix(result);
  const Unlocked unlocked;
  const std::shared_lock lock(self.mutex);
  for (std::ptrdiff_t i = 0; i < out.rows; ++i) {
    const std::int64_t row = indices[static_cast<std::size_t>(i)];
    if (row < 0 || row >= self.gallery.rows()) {
      throw std::invalid_argument("rows must lie in [0, " + std::to_string(self.gallery.rows()) + "), not " +
                                  std::to_string(row));
    }
    self.gallery.copy_stored(row, out.row(i));
  }
  return result;
}

py::array unpack(const SharedGallery& self) {
  // Allocating needs the GIL, so the lock is not held; another thread may change the gallery meanwhile.
  for (;;) {
    py::array_t<float> result({self.rows(), self.gallery.columns()});
    if (unpack_into(self, new_matrix(result))) return result;
  }
}

}  // namespace

void bind_gallery(py::module_& module) {  // NOLINT(misc-const-correctness): as all of them
  py::class_<SharedGallery>(module, "Gallery", "Embeddings packed for searching, in memory.")
      .def(py::init([](const py::object& columns, const py::object& storage, bool codes) {
             return std::make_unique<SharedGallery>(as_integer("columns", columns), as_storage(storage), codes);
           }),
           py::arg("columns"), py::arg("storage") = "float32", py::arg("codes") = true)
      .def("append", append_rows, py::arg("embeddings"), py::arg("threads") = 0, "Add rows at the end.")
      .def("remove", remove_rows, py::arg("rows"), "Remove rows by ascending index; later ones move down.")
      .def("unpack", unpack, "All rows as an array.")
      .def("reserve", reserve, py::arg("rows"), "Make room for so many rows in all.")
      .def("stored", stored, py::arg("rows"), "Rows by index, as they are stored, a string of bytes each.")
      .def("append_stored", append_stored, py::arg("rows"), py::arg("threads") = 0,
           "Add rows that `stored` has given, at the end.")
      .def_property_readonly("rows", &SharedGallery::rows)
      .def_property_readonly("columns", [](const SharedGallery& self) { return self.gallery.columns(); })
      .def_property_readonly("stored_bytes", [](const SharedGallery& self) { return self.gallery.stored_bytes(); })
      .def_property_readonly("storage", [](const SharedGallery& self) { return name_of(self.gallery.storage()); })
      .def_property_readonly("codes", [](const SharedGallery& self) { return self.gallery.has_codes(); });
}
