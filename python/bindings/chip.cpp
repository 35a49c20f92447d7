#include "faceprint/chip.hpp"

#include <algorithm>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "crops.hpp"

namespace {

std::array<faceprint::Point, 5> as_points(const double* numbers) {
  std::array<faceprint::Point, 5> points{};
  for (std::size_t i = 0; i < 5; ++i) points[i] = {numbers[2 * i], numbers[2 * i + 1]};
  return points;
}

template <class T>
std::vector<double> copy_as_doubles(const py::array& array) {
  const auto* data = static_cast<const T*>(array.data());
  return {data, data + array.size()};
}

// Faces come from networks as float32 and from people as float64.
std::vector<double> face_numbers(const char* name, const py::object& object, std::initializer_list<py::ssize_t> shape,
                                 const char* expected) {
  const bool single = py::isinstance<py::array_t<float>>(object);
  const py::array array = single ? as_array<float>(name, object) : as_array<double>(name, object);
  check_shape(name, array, shape, expected);
  check_contiguous(name, array);
  return single ? copy_as_doubles<float>(array) : copy_as_doubles<double>(array);
}

using Numbers = py::array_t<double>;

void write_affine(const faceprint::Affine& affine, double* out) {
  const std::array<double, 6> numbers = {affine.xx, affine.xy, affine.x0, affine.yx, affine.yy, affine.y0};
  std::ranges::copy(numbers, out);
}

Numbers align(const py::object& landmarks, const py::object& chip_template) {
  const std::vector<double> faces = face_numbers("landmarks", landmarks, {-1, 5, 2}, "(n, 5, 2)");
  const py::array template_array = as_array<double>("template", chip_template);
  check_shape("template", template_array, {5, 2}, "(5, 2)");
  check_contiguous("template", template_array);
  const auto to = as_points(static_cast<const double*>(template_array.data()));
  const std::size_t count = faces.size() / 10;
  Numbers result({count, std::size_t{2}, std::size_t{3}});
  double* out = result.mutable_data();
  const Unlocked unlocked;
  for (std::size_t i = 0; i < count; ++i) {
    write_affine(faceprint::align(as_points(faces.data() + 10 * i), to), out + 6 * i);
  }
  return result;
}

Numbers align_boxes(const py::object& boxes, const py::object& margin, const py::object& height,
                    const py::object& width) {
  const std::vector<double> faces = face_numbers("boxes", boxes, {-1, 4}, "(n, 4)");
  const double share = as_number("margin", "a number", margin);
  const py::ssize_t rows = as_integer("height", height), columns = as_integer("width", width);
  const std::size_t count = faces.size() / 4;
  Numbers result({count, std::size_t{2}, std::size_t{3}});
  for (std::size_t i = 0; i < count; ++i) {
    const double* box = faces.data() + 4 * i;
    write_affine(faceprint::align({box[0], box[1], box[2], box[3]}, share, rows, columns),
                 result.mutable_data() + 6 * i);
  }
  return result;
}

template <class T>
py::array cut(const Crops& wanted, int threads, const py::dtype& dtype) {
  py::array result(dtype, wanted.shape());
  const auto count = static_cast<py::ssize_t>(wanted.crops.size());
  const py::ssize_t size = faceprint::values_per_chip(wanted.format);
  const faceprint::Matrix<T> out = {static_cast<T*>(result.mutable_data()), count, size, size};
  const Unlocked unlocked;
  faceprint::chips(wanted.crops, wanted.format, out, threads);
  return result;
}

py::array chips(const py::object& image, const py::object& affines, const py::object& height, const py::object& width,
                const py::object& layout, const py::object& channels, const py::object& mean, const py::object& scale,
                bool whitening, bool twin, const py::object& dtype, const py::object& threads) {
  const Crops wanted(image, affines, height, width, layout, channels, mean, scale, whitening, twin, dtype);
  const int count = as_threads(threads);
  return wanted.half ? cut<std::uint16_t>(wanted, count, py::dtype("float16"))
                     : cut<float>(wanted, count, py::dtype("float32"));
}

}  // namespace

void bind_chip(py::module_& module) {
  module.def("align", align, py::arg("landmarks"), py::arg("template"),
             "The similarities that map a template to the landmarks of faces, as (n, 2, 3).");
  module.def("align_boxes", align_boxes, py::arg("boxes"), py::arg("margin"), py::arg("height"), py::arg("width"),
             "The maps that put boxes into the middle of chips, without rotation, as (n, 2, 3).");
  module.def("chips", chips, py::arg("image"), py::arg("affines"), py::arg("height"), py::arg("width"),
             py::arg("layout") = "NCHW", py::arg("channels") = "RGB", py::arg("mean") = py::make_tuple(0, 0, 0),
             py::arg("scale") = py::make_tuple(1, 1, 1), py::arg("whitening") = false, py::arg("twin") = false,
             py::arg("dtype") = "float32", py::arg("threads") = 0, "Chips cut from images, ready for a network.");
}
