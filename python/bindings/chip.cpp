#include "faceprint/chip.hpp"

#include <algorithm>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"

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

// Landmarks come from networks as float32 and from people as float64.
std::vector<double> landmark_numbers(const py::object& object) {
  const bool single = py::isinstance<py::array_t<float>>(object);
  const py::array array = single ? as_array<float>("landmarks", object) : as_array<double>("landmarks", object);
  check_shape("landmarks", array, {-1, 5, 2}, "(n, 5, 2)");
  check_contiguous("landmarks", array);
  return single ? copy_as_doubles<float>(array) : copy_as_doubles<double>(array);
}

py::array align(const py::object& landmarks, const py::object& chip_template) {
  const std::vector<double> faces = landmark_numbers(landmarks);
  const py::array template_array = as_array<double>("template", chip_template);
  check_shape("template", template_array, {5, 2}, "(5, 2)");
  check_contiguous("template", template_array);
  const auto to = as_points(static_cast<const double*>(template_array.data()));
  const std::size_t count = faces.size() / 10;
  py::array_t<double> result({count, std::size_t{2}, std::size_t{3}});
  double* out = result.mutable_data();
  const py::gil_scoped_release unlocked;
  for (std::size_t i = 0; i < count; ++i, out += 6) {
    const faceprint::Affine affine = faceprint::align(as_points(faces.data() + 10 * i), to);
    const std::array<double, 6> numbers = {affine.xx, affine.xy, affine.x0, affine.yx, affine.yy, affine.y0};
    std::copy(numbers.begin(), numbers.end(), out);
  }
  return result;
}

template <class Choice>
Choice choose(const char* name, const std::string& value, const std::string& first_name, Choice first,
              const std::string& second_name, Choice second) {
  if (value == first_name) return first;
  if (value == second_name) return second;
  throw py::value_error(std::string(name) + " must be '" + first_name + "' or '" + second_name + "', not '" + value +
                        "'");
}

py::array_t<float> new_chips(py::ssize_t count, const faceprint::ChipFormat& format) {
  if (format.layout == faceprint::Layout::nchw)
    return py::array_t<float>({count, py::ssize_t{3}, format.height, format.width});
  return py::array_t<float>({count, format.height, format.width, py::ssize_t{3}});
}

py::array chips(const py::object& image, const py::object& affines, const py::object& height, const py::object& width,
                const std::string& layout, const std::string& channels, const py::object& mean, const py::object& scale,
                bool mirror, const py::object& threads) {
  using faceprint::Channels, faceprint::Layout;
  const py::array image_array = as_array<std::uint8_t>("image", image);
  const faceprint::Image pixels = as_image("image", image_array);
  const py::array affine_array = as_array<double>("affines", affines);
  check_shape("affines", affine_array, {-1, 2, 3}, "(n, 2, 3)");
  check_contiguous("affines", affine_array);
  const faceprint::ChipFormat format = {
      .height = as_integer("height", height),
      .width = as_integer("width", width),
      .layout = choose("layout", layout, "NCHW", Layout::nchw, "NHWC", Layout::nhwc),
      .channels = choose("channels", channels, "RGB", Channels::rgb, "BGR", Channels::bgr),
      .mean = as_three_floats("mean", mean),
      .scale = as_three_floats("scale", scale),
      .mirror = mirror};
  const int count = as_threads(threads);
  std::vector<faceprint::Affine> maps;
  const auto* numbers = static_cast<const double*>(affine_array.data());
  for (py::ssize_t i = 0; i < affine_array.shape(0); ++i, numbers += 6) {
    maps.push_back({numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]});
  }
  faceprint::check_chips(pixels, maps, format);
  py::array_t<float> result = new_chips(affine_array.shape(0), format);
  const py::ssize_t size = 3 * format.height * format.width;
  const faceprint::Matrix<float> out = {result.mutable_data(), affine_array.shape(0), size, size};
  {
    const py::gil_scoped_release unlocked;
    faceprint::chips(pixels, maps, format, out, count);
  }
  return result;
}

}  // namespace

void bind_chip(py::module_& module) {
  module.def("align", align, py::arg("landmarks"), py::arg("template"),
             "The similarities that map a template to the landmarks of faces, as (n, 2, 3).");
  module.def("chips", chips, py::arg("image"), py::arg("affines"), py::arg("height"), py::arg("width"),
             py::arg("layout") = "NCHW", py::arg("channels") = "RGB", py::arg("mean") = py::make_tuple(0, 0, 0),
             py::arg("scale") = py::make_tuple(1, 1, 1), py::arg("mirror") = false, py::arg("threads") = 0,
             "Chips cut from an image, ready for a network.");
}
