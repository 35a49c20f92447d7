#include "crops.hpp"

#include <utility>

#include "arrays.hpp"

namespace {

// One image for all affines, or a sequence of one for each. The arrays are kept alive in `owners`.
std::vector<faceprint::Image> as_images(const py::object& images, py::ssize_t count, std::vector<py::array>& owners) {
  if (!py::isinstance<py::list>(images) && !py::isinstance<py::tuple>(images)) {
    owners.push_back(as_array<std::uint8_t>("image", images));
    return {static_cast<std::size_t>(count), as_image("image", owners.back())};
  }
  const auto items = py::reinterpret_borrow<py::sequence>(images);
  if (std::cmp_not_equal(items.size(), count)) {
    throw py::value_error("image must be one array or as many as affines, " + std::to_string(count) + ", not " +
                          std::to_string(items.size()));
  }
  std::vector<faceprint::Image> views;
  for (const auto& item : items) {
    owners.push_back(as_array<std::uint8_t>("image", py::reinterpret_borrow<py::object>(item)));
    views.push_back(as_image("image", owners.back()));
  }
  return views;
}

}  // namespace

Crops::Crops(const py::object& image, const py::object& affines, const py::object& height, const py::object& width,
             const py::object& layout, const py::object& channels, const py::object& mean, const py::object& scale,
             bool whitening, bool twin, const py::object& dtype) {
  using faceprint::Channels, faceprint::Layout;
  const py::array affine_array = as_array<double>("affines", affines);
  check_shape("affines", affine_array, {-1, 2, 3}, "(n, 2, 3)");
  check_contiguous("affines", affine_array);
  const std::vector<faceprint::Image> views = as_images(image, affine_array.shape(0), images);
  format = {.height = as_integer("height", height),
            .width = as_integer("width", width),
            .layout = as_named<Layout>("layout", layout, {{"NCHW", Layout::nchw}, {"NHWC", Layout::nhwc}}),
            .channels = as_named<Channels>("channels", channels, {{"RGB", Channels::rgb}, {"BGR", Channels::bgr}}),
            .mean = as_three_floats("mean", mean),
            .scale = as_three_floats("scale", scale),
            .whitening = whitening,
            .twin = twin};
  half = as_named<bool>("dtype", dtype, {{"float32", false}, {"float16", true}});
  const auto* numbers = static_cast<const double*>(affine_array.data());
  for (const faceprint::Image& view : views) {
    crops.push_back({view, {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]}});
    numbers += 6;
  }
  faceprint::check_chips(crops, format, half);
}

std::vector<py::ssize_t> Crops::shape() const {
  std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(crops.size())};
  if (format.twin) shape.push_back(2);
  if (format.layout == faceprint::Layout::nchw) {
    shape.insert(shape.end(), {3, format.height, format.width});
  } else {
    shape.insert(shape.end(), {format.height, format.width, 3});
  }
  return shape;
}
