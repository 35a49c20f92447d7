#include "faceprint/join.hpp"

#include <mutex>

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

// The arrays of one side, kept alive with the views of them.
struct SideArrays {
  py::array numbers, values, indices;
  faceprint::JoinSide side;

  SideArrays(const std::string& name, const SharedGallery& shared, const py::object& names, const py::object& known,
             const py::object& known_indices)
      : numbers(as_array<std::int64_t>((name + "_numbers").c_str(), names)),
        values(as_array<float>((name + "_values").c_str(), known)),
        indices(as_array<std::int64_t>((name + "_indices").c_str(), known_indices)),
        side{.gallery = shared.gallery,
             .numbers = as_list<std::int64_t>((name + "_numbers").c_str(), numbers, "(rows,)"),
             .values = as_output<float>((name + "_values").c_str(), values),
             .indices = as_output<std::int64_t>((name + "_indices").c_str(), indices)} {
    check_apart((name + "_values").c_str(), values, (name + "_indices").c_str(), indices);
  }
};

void join(const SharedGallery& one, const py::object& one_numbers, const py::object& one_values,
          const py::object& one_indices, const SharedGallery& other, const py::object& other_numbers,
          const py::object& other_values, const py::object& other_indices, const py::object& metric,
          const py::object& threads, const py::object& progress) {
  const SideArrays ones("one", one, one_numbers, one_values, one_indices);
  const SideArrays others("other", other, other_numbers, other_values, other_indices);
  check_apart("one_values", ones.values, "other_values", others.values);
  check_apart("one_indices", ones.indices, "other_indices", others.indices);
  if (&one == &other) throw py::value_error("other must be another gallery than one");
  PythonWatch watch(progress);
  const faceprint::Search search = {.metric = as_metric(metric), .threads = as_threads(threads), .watch = &watch};
  watch.run([&] {
    std::shared_lock lock(one.mutex, std::defer_lock), other_lock(other.mutex, std::defer_lock);
    std::lock(lock, other_lock);
    faceprint::join(ones.side, others.side, search);
  });
}

}  // namespace

void bind_join(py::module_& module) {
  module.def("join", join, py::arg("one"), py::arg("one_numbers"), py::arg("one_values"), py::arg("one_indices"),
             py::arg("other"), py::arg("other_numbers"), py::arg("other_values"), py::arg("other_indices"),
             py::arg("metric") = "squared-euclidean", py::arg("threads") = 0, py::arg("progress") = py::none(),
             "Put the rows of each of two galleries among the nearest of those of the other, where these are kept.");
}
