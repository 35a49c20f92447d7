#pragma once
// The only code that turns Python's arrays on the host, numbers and names into the core's. It checks, and never
// converts or copies.

#include <pybind11/numpy.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faceprint/chip.hpp"
#include "faceprint/growing.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/nearest.hpp"

namespace py = pybind11;

// The array behind an argument, of exactly this dtype, native and aligned. Raises TypeError otherwise.
template <class T>
py::array as_array(const char* name, const py::object& object);

// A matrix of rows that may lie anywhere, each of adjacent elements. The shape in messages: (n, columns) if a number
// of columns is given, (rows, columns) if not; but only the number of dimensions is checked here, the core does the
// rest.
template <class T>
faceprint::Matrix<const T> as_matrix(const char* name, const py::array& array, py::ssize_t columns = -1);

// The same for writing into: rows must not overlap one another.
template <class T>
faceprint::Matrix<T> as_output(const char* name, const py::array& array);

// A list of adjacent elements; `shape` is how messages write its shape, "(n,)".
template <class T>
std::span<const T> as_list(const char* name, const py::array& array, const char* shape);

// (height, width, 3), the pixels of a row adjacent.
faceprint::Image as_image(const char* name, const py::array& array);

// Raises ValueError if the arrays have an element in common.
void check_apart(const char* name, const py::array& array, const char* other_name, const py::array& other);

// Raises ValueError with the shape that was expected unless the array has it; -1 stands for any length.
void check_shape(const char* name, const py::array& array, std::initializer_list<py::ssize_t> shape,
                 const char* expected);

// Raises ValueError unless the array is C-contiguous.
void check_contiguous(const char* name, const py::array& array);

// Any Python or numpy integer. Raises TypeError for anything else, ValueError for one beyond 64 bits.
py::ssize_t as_integer(const char* name, const py::object& object);
int as_threads(const py::object& object);

// Any Python or numpy number. Raises TypeError, with the rule, for anything else.
double as_number(const char* name, const char* rule, const py::object& object);
std::array<float, 3> as_three_floats(const char* name, const py::object& object);

// Any Python string. Raises TypeError for anything else.
std::string as_text(const char* name, const py::object& object);

// Raises ValueError, with the names that an argument may be.
[[noreturn]] void refuse_name(const char* argument, const std::string& came, std::span<const std::string_view> names);

// The value that Python has a name for. Raises TypeError for what is no string, ValueError for another name.
template <class Value>
Value as_named(const char* argument, const py::object& object,
               std::initializer_list<std::pair<std::string_view, Value>> values) {
  const std::string came = as_text(argument, object);
  std::vector<std::string_view> names;
  for (const auto& [name, value] : values) {
    if (came == name) return value;
    names.push_back(name);
  }
  refuse_name(argument, came, names);
}

faceprint::Metric as_metric(const py::object& name);

template <class T>
faceprint::Matrix<T> new_matrix(py::array_t<T>& array) {
  return {array.mutable_data(), array.shape(0), array.shape(1), array.shape(1)};
}

// An array in the very memory that was filled, which it keeps.
template <class T>
py::array_t<T> as_numpy(faceprint::Growing<T>&& values) {
  auto kept = std::make_unique<faceprint::Growing<T>>(std::move(values));
  const py::capsule owner(kept.get(), [](void* memory) { delete static_cast<faceprint::Growing<T>*>(memory); });
  const faceprint::Growing<T>& filled = *kept.release();
  return py::array_t<T>(filled.size(), filled.data(), owner);
}
