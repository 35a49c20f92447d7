#include "arrays.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace {

std::string text(const py::handle& object) { return py::str(object); }

std::string shape_of(const py::array& array) { return text(array.attr("shape")); }

std::string type_of(const py::handle& object) { return text(py::type::handle_of(object).attr("__name__")); }

[[noreturn]] void ask_for_contiguous(const char* name, const char* rule) {
  throw py::value_error(std::string(name) + " must have " + rule + "; pass numpy.ascontiguousarray(" + name + ")");
}

// How many elements lead from one row to the next, where the layout allows to say so.
py::ssize_t row_stride(const char* name, const py::array& array) {
  const py::ssize_t item = array.itemsize();
  if (array.size() == 0) return array.shape(1);
  if (array.shape(1) > 1 && array.strides(1) != item) ask_for_contiguous(name, "adjacent elements in each row");
  if (array.shape(0) == 1) return array.shape(1);
  if (array.strides(0) % item != 0) ask_for_contiguous(name, "rows a whole number of elements apart");
  return array.strides(0) / item;
}

}  // namespace

template <class T>
py::array as_array(const char* name, const py::object& object) {
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(std::string(name) + " must be a numpy array, not " + type_of(object));
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (!py::isinstance<py::array_t<T>>(array)) {
    throw py::type_error(std::string(name) + " must be " + text(py::dtype::of<T>()) + ", not " + text(array.dtype()));
  }
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0) ask_for_contiguous(name, "aligned memory");
  return array;
}

template py::array as_array<float>(const char*, const py::object&);
template py::array as_array<double>(const char*, const py::object&);
template py::array as_array<std::uint8_t>(const char*, const py::object&);
template py::array as_array<std::int64_t>(const char*, const py::object&);

template <class T>
faceprint::Matrix<const T> as_matrix(const char* name, const py::array& array, py::ssize_t columns) {
  if (array.ndim() != 2 || (columns >= 0 && array.shape(1) != columns)) {
    const std::string expected = columns < 0 ? "(rows, columns)" : "(n, " + std::to_string(columns) + ")";
    throw py::value_error(std::string(name) + " must have shape " + expected + ", not " + shape_of(array));
  }
  return {static_cast<const T*>(array.data()), array.shape(0), array.shape(1), row_stride(name, array)};
}

template faceprint::Matrix<const float> as_matrix(const char*, const py::array&, py::ssize_t);
template faceprint::Matrix<const std::int64_t> as_matrix(const char*, const py::array&, py::ssize_t);
template faceprint::Matrix<const std::uint8_t> as_matrix(const char*, const py::array&, py::ssize_t);

template <class T>
faceprint::Matrix<T> as_output(const char* name, const py::array& array) {
  const py::ssize_t stride = as_matrix<T>(name, array).stride;
  if (!array.writeable()) throw py::value_error(std::string(name) + " must be writable");
  if (array.shape(0) > 1 && std::abs(stride) < array.shape(1)) ask_for_contiguous(name, "rows that do not overlap");
  return {static_cast<T*>(const_cast<void*>(array.data())), array.shape(0), array.shape(1), stride};
}

template faceprint::Matrix<float> as_output(const char*, const py::array&);
template faceprint::Matrix<std::int64_t> as_output(const char*, const py::array&);

template <class T>
std::span<const T> as_list(const char* name, const py::array& array, const char* shape) {
  check_shape(name, array, {-1}, shape);
  check_contiguous(name, array);
  return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.size())};
}

template std::span<const float> as_list(const char*, const py::array&, const char*);
template std::span<const std::int64_t> as_list(const char*, const py::array&, const char*);

faceprint::Image as_image(const char* name, const py::array& array) {
  check_shape(name, array, {-1, -1, 3}, "(height, width, 3)");
  if (array.size() > 0 && (array.strides(2) != 1 || (array.shape(1) > 1 && array.strides(1) != 3))) {
    ask_for_contiguous(name, "adjacent pixels in each row");
  }
  return {static_cast<const std::uint8_t*>(array.data()), array.shape(0), array.shape(1), array.strides(0)};
}

void check_apart(const char* name, const py::array& array, const char* other_name, const py::array& other) {
  if (py::module_::import("numpy").attr("shares_memory")(array, other).cast<bool>()) {
    throw py::value_error(std::string(name) + " must not share memory with " + other_name);
  }
}

void check_shape(const char* name, const py::array& array, std::initializer_list<py::ssize_t> shape,
                 const char* expected) {
  bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
  py::ssize_t axis = 0;
  for (const py::ssize_t length : shape) {
    fits = fits && (length < 0 || array.shape(axis) == length);
    ++axis;
  }
  if (!fits) {
    throw py::value_error(std::string(name) + " must have shape " + expected + ", not " + shape_of(array));
  }
}

void check_contiguous(const char* name, const py::array& array) {
  if (!(array.flags() & py::array::c_style)) ask_for_contiguous(name, "C order");
}

py::ssize_t as_integer(const char* name, const py::object& object) {
  if (!PyIndex_Check(object.ptr()) || PyBool_Check(object.ptr())) {
    throw py::type_error(std::string(name) + " must be an integer, not " + type_of(object));
  }
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!number) throw py::error_already_set();
  const py::ssize_t value = PyLong_AsSsize_t(number.ptr());
  if (value == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    throw py::value_error(std::string(name) + " must fit 64 bits, not " + text(number));
  }
  return value;
}

int as_threads(const py::object& object) {
  using Int = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<py::ssize_t>(as_integer("threads", object), Int::min(), Int::max()));
}

double as_number(const char* name, const char* rule, const py::object& object) {
  const double value = PyFloat_AsDouble(object.ptr());
  if (value == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be " + rule + ", not " + type_of(object));
  }
  return value;
}

std::array<float, 3> as_three_floats(const char* name, const py::object& object) {
  constexpr const char* rule = "three numbers";
  if (!py::isinstance<py::iterable>(object)) {
    throw py::type_error(std::string(name) + " must be " + rule + ", not " + type_of(object));
  }
  const py::list items(object);
  if (items.size() != 3) {
    throw py::value_error(std::string(name) + " must be " + rule + ", not " + std::to_string(items.size()));
  }
  std::array<float, 3> values{};
  for (std::size_t i = 0; i < 3; ++i) values[i] = static_cast<float>(as_number(name, rule, items[i]));
  return values;
}

std::string as_text(const char* name, const py::object& object) {
  if (!py::isinstance<py::str>(object)) {
    throw py::type_error(std::string(name) + " must be a string, not " + type_of(object));
  }
  const py::object encoded = object.attr("encode")("utf-8", "backslashreplace");  // also what no encoding has
  return encoded.cast<std::string>();
}

void refuse_name(const char* argument, const std::string& came, std::span<const std::string_view> names) {
  std::string rule;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) rule += i + 1 == names.size() ? " or " : ", ";
    rule.append("'").append(names[i]).append("'");
  }
  throw py::value_error(std::string(argument) + " must be " + rule + ", not '" + came + "'");
}

faceprint::Metric as_metric(const py::object& name) {
  using faceprint::Metric;
  return as_named<Metric>(
      "metric", name,
      {{"squared-euclidean", Metric::squared_euclidean}, {"cosine", Metric::cosine}, {"dot", Metric::dot}});
}
