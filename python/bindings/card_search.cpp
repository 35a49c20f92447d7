#include <string>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "card.hpp"
#include "check.hpp"
#include "cuda/distance.hpp"
#include "cuda/nearest.hpp"
#include "faceprint/backend.hpp"

using faceprint::Matrix;
using faceprint::Metric;
using faceprint::cuda::OnDevice;
using faceprint::cuda::PackedRows;

namespace {

// Two matrices on one card, with as many columns.
class CardPair {
 public:
  CardPair(const py::object& first, const char* name, const py::object& second, const py::object& stream_number)
      : name_(name), x_("x", first), y_(name, second), here_(x_.device()), stream_(as_stream(stream_number)) {
    if (x_.device() != y_.device()) {
      throw faceprint::DeviceError(std::string(name) + " must lie on card " + std::to_string(x_.device()) +
                                   " like x, not on card " + std::to_string(y_.device()));
    }
    x = x_.open(*stream_);
    y = y_.open(*stream_);
    faceprint::check_columns("x", x.columns);
    faceprint::check_width(name, y, x.columns);
  }

  const SharedStream& stream() const { return stream_; }

  // Both as kernels read them, checked.
  std::pair<PackedRows, PackedRows> pack(Metric metric) const {
    return {pack_one("x", x, metric), pack_one(name_, y, metric)};
  }

  Matrix<const float> x{}, y{};

 private:
  PackedRows pack_one(const char* name, Matrix<const float> rows, Metric metric) const {
    PackedRows packed = faceprint::cuda::pack_on_card(rows, *stream_);
    if (packed.rows > 0) faceprint::cuda::check_rows(name, packed, metric, *stream_);
    return packed;
  }

  const char* name_;
  CardMatrix x_, y_;
  OnDevice here_;
  SharedStream stream_;
};

CardArray distances(const py::object& first, const py::object& second, const py::object& stream_number) {
  const CardPair pair(first, "y", second, stream_number);
  const CardArray out(CardArray::Type::float32, {pair.x.rows, pair.y.rows}, pair.stream());
  const Unlocked unlocked;
  const auto [x, y] = pair.pack(Metric::squared_euclidean);
  if (x.rows > 0 && y.rows > 0) {
    faceprint::cuda::distances(x, y, out.matrix<float>().data, pair.y.rows, *pair.stream());
  }
  if (stream_number.is_none()) pair.stream()->wait();
  return out;
}

py::tuple nearest(const py::object& first, const py::object& second, const py::object& k, const py::object& name,
                  const py::object& stream_number) {
  const Metric metric = as_metric(name);
  const py::ssize_t kept = as_integer("k", k);
  const CardPair pair(first, "gallery", second, stream_number);
  faceprint::check_nearest(kept, pair.y.rows);
  const CardArray values(CardArray::Type::float32, {pair.x.rows, kept}, pair.stream());
  const CardArray indices(CardArray::Type::int64, {pair.x.rows, kept}, pair.stream());
  {
    const Unlocked unlocked;
    const auto [x, gallery] = pair.pack(metric);
    faceprint::cuda::nearest_on_card(x, gallery, metric, values.matrix<float>(), indices.matrix<std::int64_t>(),
                                     *pair.stream());
    if (stream_number.is_none()) pair.stream()->wait();
  }
  return py::make_tuple(values, indices);
}

// A gallery of the host, which its cards keep.
py::tuple search(const py::object& queries, const SharedGallery& shared, const py::object& k, const py::object& name,
                 const py::object& stream_number) {
  const Metric metric = as_metric(name);
  const py::ssize_t kept = as_integer("k", k);
  CardMatrix matrix("x", queries);
  const OnDevice here(matrix.device());
  const SharedStream stream = as_stream(stream_number);
  const Matrix<const float> x = matrix.open(*stream);
  faceprint::check_width("x", x, shared.gallery.columns());
  faceprint::check_nearest(kept, shared.rows());
  const CardArray values(CardArray::Type::float32, {x.rows, kept}, stream);
  const CardArray indices(CardArray::Type::int64, {x.rows, kept}, stream);
  {
    const Unlocked unlocked;
    const std::shared_lock lock(shared.mutex);
    faceprint::check_metric(shared.gallery, {.metric = metric});
    if (x.rows > 0) faceprint::cuda::check_rows("x", faceprint::cuda::pack_on_card(x, *stream), metric, *stream);
    faceprint::cuda::nearest_on_card(x, shared.gallery, metric, values.matrix<float>(), indices.matrix<std::int64_t>(),
                                     *stream);
    if (stream_number.is_none()) stream->wait();
  }
  return py::make_tuple(values, indices);
}

}  // namespace

void bind_card_search(py::module_& module) {
  module.def("distances", distances, py::arg("x"), py::arg("y"), py::arg("stream") = py::none(),
             "All squared Euclidean distances, on the card.");
  module.def("nearest", nearest, py::arg("x"), py::arg("gallery"), py::arg("k"),
             py::arg("metric") = "squared-euclidean", py::arg("stream") = py::none(),
             "The k nearest rows of the gallery for each row of x, on the card.");
  module.def("search", search, py::arg("x"), py::arg("gallery"), py::arg("k"), py::arg("metric") = "squared-euclidean",
             py::arg("stream") = py::none(), "The same for a gallery of the core.");
}
