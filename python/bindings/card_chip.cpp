#include "arrays.hpp"
#include "card.hpp"
#include "crops.hpp"
#include "cuda/chip.hpp"
#include "cuda/unit.hpp"
#include "lock.hpp"

using faceprint::cuda::OnDevice;

namespace {

CardArray chips(const py::object& image, const py::object& affines, const py::object& height, const py::object& width,
                const py::object& layout, const py::object& channels, const py::object& mean, const py::object& scale,
                bool whitening, bool twin, const py::object& dtype, const py::object& device,
                const py::object& stream_number) {
  const Crops wanted(image, affines, height, width, layout, channels, mean, scale, whitening, twin, dtype);
  const OnDevice here(static_cast<int>(as_integer("device", device)));
  const SharedStream stream = as_stream(stream_number);
  CardArray out(CardArray::floats(wanted.half), wanted.shape(), stream);
  const Unlocked unlocked;
  if (wanted.half) {
    faceprint::cuda::chips_on_card(wanted.crops, wanted.format, out.data<std::uint16_t>(), *stream);
  } else {
    faceprint::cuda::chips_on_card(wanted.crops, wanted.format, out.data<float>(), *stream);
  }
  if (stream_number.is_none()) stream->wait();
  return out;
}

// Whether every row has a direction comes with the means.
py::tuple unit_means(const CardArray& outputs, const py::object& faces_count, const py::object& views_count) {
  const py::ssize_t faces = as_integer("faces", faces_count), views = as_integer("views", views_count);
  if (outputs.shape().size() != 2 || faces < 0 || views < 1 || faces * views > outputs.shape()[0]) {
    throw py::value_error("outputs must have a row for each view of each face");
  }
  const OnDevice here(outputs.device());
  const SharedStream stream = as_stream(py::none());
  CardArray means(CardArray::Type::float32, {faces, outputs.shape()[1]}, stream);
  const auto write = [&](const auto* rows) {
    const Unlocked unlocked;
    return faceprint::cuda::unit_means(rows, views, means.matrix<float>(), *stream);
  };
  const bool half = outputs.type() == CardArray::Type::float16;
  const bool directed = half ? write(outputs.data<const faceprint::Half>()) : write(outputs.data<const float>());
  return py::make_tuple(means, directed);
}

}  // namespace

void bind_card_chip(py::module_& module) {
  module.def("chips", chips, py::arg("image"), py::arg("affines"), py::arg("height"), py::arg("width"),
             py::arg("layout") = "NCHW", py::arg("channels") = "RGB", py::arg("mean") = py::make_tuple(0, 0, 0),
             py::arg("scale") = py::make_tuple(1, 1, 1), py::arg("whitening") = false, py::arg("twin") = false,
             py::arg("dtype") = "float32", py::arg("device") = 0, py::arg("stream") = py::none(),
             "Chips cut from images of the host, on a card, ready for a network.");
  module.def("unit_means", unit_means, py::arg("outputs"), py::arg("faces"), py::arg("views"),
             "The mean unit row of the views of each face, and whether all rows had a direction.");
}
