#include "card.hpp"

#include <pybind11/stl.h>

#include <array>
#include <string>
#include <utility>

#include "arrays.hpp"
#include "check.hpp"
#include "cuda/distance.hpp"
#include "cuda/nearest.hpp"
#include "dlpack.hpp"
#include "faceprint/backend.hpp"

using faceprint::Matrix;
using faceprint::Metric;
using faceprint::cuda::OnDevice;
using faceprint::cuda::PackedRows;
using faceprint::cuda::Stream;
using SharedStream = std::shared_ptr<const Stream>;

namespace {

std::string text(const py::handle& object) { return py::str(object); }

std::uintptr_t number_of(const Stream& stream) {
  return reinterpret_cast<std::uintptr_t>(static_cast<cudaStream_t>(stream));
}

// One of our own for None; its results are waited for, while whoever names a stream goes on there.
SharedStream as_stream(const py::object& number) {
  if (number.is_none()) return std::make_shared<const Stream>();
  return std::make_shared<const Stream>(reinterpret_cast<cudaStream_t>(as_integer("stream", number)));
}

[[noreturn]] void refuse_type(const char* name, const std::string& came) {
  throw py::type_error(std::string(name) + " must be float32, not " + came);
}

// Steps count elements; without any, the rows follow each other.
Matrix<const float> matrix_of(const char* name, const void* data, const std::vector<std::int64_t>& shape,
                              const std::vector<std::int64_t>& steps) {
  if (shape.size() != 2) {
    throw py::value_error(std::string(name) + " must have two dimensions, not " + std::to_string(shape.size()));
  }
  Matrix<const float> rows = {static_cast<const float*>(data), shape[0], shape[1], shape[1]};
  if (steps.empty() || rows.rows * rows.columns == 0) return rows;
  if (rows.columns > 1 && steps[1] != 1) {
    throw py::value_error(std::string(name) + " must have adjacent elements in each row");
  }
  if (rows.rows > 1) rows.stride = steps[0];
  return rows;
}

}  // namespace

CardMatrix::CardMatrix(const char* name, const py::object& object)
    : name_(name), object_(object), dlpack_(py::hasattr(object, "__dlpack__")) {
  if (!dlpack_ && !py::hasattr(object, "__cuda_array_interface__")) {
    throw py::type_error(std::string(name) + " must speak __dlpack__ or __cuda_array_interface__, not " +
                         text(py::type::handle_of(object).attr("__name__")));
  }
  if (!dlpack_) {
    faceprint::cuda::check(cudaGetDevice(&device_));
    return;
  }
  const auto [type, number] = object.attr("__dlpack_device__")().cast<std::pair<int, int>>();
  if (type != dlpack::cuda) {
    throw faceprint::DeviceError(std::string(name) + " must lie on a CUDA card, not on DLPack device type " +
                                 std::to_string(type));
  }
  device_ = number;
}

Matrix<const float> CardMatrix::open(const Stream& stream) { return dlpack_ ? from_dlpack(stream) : from_interface(); }

Matrix<const float> CardMatrix::from_dlpack(const Stream& stream) {
  auto capsule = object_.attr("__dlpack__")(py::arg("stream") = number_of(stream)).cast<py::capsule>();
  auto* managed = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), dlpack::fresh));
  if (!managed) throw py::error_already_set();
  capsule.set_name(dlpack::taken);
  owner_ = py::capsule(managed, [](void* taken) {
    auto* tensor = static_cast<dlpack::ManagedTensor*>(taken);
    if (tensor->deleter) tensor->deleter(tensor);
  });
  const dlpack::Tensor& tensor = managed->tensor;
  const auto [code, bits, lanes] = tensor.type;
  if (code != dlpack::floating || bits != 32 || lanes != 1) {
    refuse_type(name_, "a type of " + std::to_string(bits) + " bits, DLPack code " + std::to_string(code));
  }
  const auto numbers = [&](const std::int64_t* from) {
    return from ? std::vector(from, from + tensor.dimensions) : std::vector<std::int64_t>();
  };
  return matrix_of(name_, static_cast<const std::byte*>(tensor.data) + tensor.byte_offset, numbers(tensor.shape),
                   numbers(tensor.strides));
}

Matrix<const float> CardMatrix::from_interface() const {
  const auto interface = object_.attr("__cuda_array_interface__").cast<py::dict>();
  if (const auto type = interface["typestr"].cast<std::string>(); type != "<f4") refuse_type(name_, type);
  std::vector<std::int64_t> steps;
  if (interface.contains("strides") && !interface["strides"].is_none()) {
    steps = interface["strides"].cast<std::vector<std::int64_t>>();
    for (std::int64_t& step : steps) step /= static_cast<std::int64_t>(sizeof(float));
  }
  const auto address = interface["data"].cast<std::pair<std::uintptr_t, bool>>().first;
  return matrix_of(name_, reinterpret_cast<const void*>(address), interface["shape"].cast<std::vector<std::int64_t>>(),
                   steps);
}

CardArray::CardArray(Type type, std::ptrdiff_t rows, std::ptrdiff_t columns, SharedStream stream)
    : type_(type), rows_(rows), columns_(columns) {
  faceprint::cuda::check(cudaGetDevice(&device_));
  faceprint::cuda::DeviceMemory memory(bytes(), *stream);
  held_ = std::make_shared<const Held>(Held{std::move(stream), std::move(memory)});
}

std::size_t CardArray::bytes() const {
  return static_cast<std::size_t>(rows_ * columns_) * (type_ == Type::float32 ? sizeof(float) : sizeof(std::int64_t));
}

py::array CardArray::numpy() const {
  const bool floats = type_ == Type::float32;
  py::array result(floats ? py::dtype::of<float>() : py::dtype::of<std::int64_t>(), {rows_, columns_});
  const OnDevice here(device_);
  faceprint::cuda::download(static_cast<const std::byte*>(held_->memory.data()), static_cast<std::ptrdiff_t>(bytes()),
                            static_cast<std::byte*>(result.mutable_data()), *held_->stream);
  return result;
}

py::dict CardArray::interface() const {
  py::dict interface;
  interface["shape"] = shape();
  interface["typestr"] = type_ == Type::float32 ? "<f4" : "<i8";
  interface["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(held_->memory.data()), false);
  interface["strides"] = py::none();
  interface["stream"] = number_of(*held_->stream);
  interface["version"] = 3;
  return interface;
}

// Who asks on another stream finds everything done.
py::capsule CardArray::dlpack(const py::object& stream, const py::object&, const py::object& device,
                              const py::object& copy) const {
  if (!copy.is_none() && copy.cast<bool>()) throw py::buffer_error("a copy must be made by whoever wants one");
  if (!device.is_none() && device.cast<std::pair<int, int>>() != std::pair(int{dlpack::cuda}, device_)) {
    throw py::buffer_error("the array must stay on its card, " + std::to_string(device_));
  }
  if (stream.is_none() || stream.cast<std::intptr_t>() != static_cast<std::intptr_t>(number_of(*held_->stream))) {
    const OnDevice here(device_);
    held_->stream->wait();
  }
  struct Lent {
    dlpack::ManagedTensor managed;
    std::array<std::int64_t, 2> shape;
    std::shared_ptr<const Held> held;
  };
  auto lent = std::make_unique<Lent>(Lent{{}, {rows_, columns_}, held_});
  const bool floats = type_ == Type::float32;
  const auto bits = static_cast<std::uint8_t>(floats ? 32 : 64);
  lent->managed = {.tensor = {.data = held_->memory.data(),
                              .device = {dlpack::cuda, device_},
                              .dimensions = 2,
                              .type = {floats ? dlpack::floating : dlpack::integer, bits, 1},
                              .shape = lent->shape.data(),
                              .strides = nullptr,
                              .byte_offset = 0},
                   .context = lent.get(),
                   .deleter = [](dlpack::ManagedTensor* tensor) { delete static_cast<Lent*>(tensor->context); }};
  const auto forget = [](PyObject* capsule) {
    if (!PyCapsule_IsValid(capsule, dlpack::fresh)) return;  // somebody has taken it
    auto* tensor = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule, dlpack::fresh));
    tensor->deleter(tensor);
  };
  PyObject* capsule = PyCapsule_New(&lent->managed, dlpack::fresh, forget);
  if (!capsule) throw py::error_already_set();
  static_cast<void>(lent.release());
  return py::reinterpret_steal<py::capsule>(capsule);
}

namespace {

CardArray send(const py::object& x, const py::object& device, const py::object& stream_number) {
  const py::array array = as_array<float>("x", x);
  const auto rows = as_matrix<float>("x", array);
  const OnDevice here(static_cast<int>(as_integer("device", device)));
  const SharedStream stream = as_stream(stream_number);
  CardArray out(CardArray::Type::float32, rows.rows, rows.columns, stream);
  faceprint::cuda::upload_rows(rows, out.matrix<float>().data, *stream);
  if (stream_number.is_none()) stream->wait();
  return out;
}

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
  CardArray out(CardArray::Type::float32, pair.x.rows, pair.y.rows, pair.stream());
  const py::gil_scoped_release unlocked;
  const auto [x, y] = pair.pack(Metric::squared_euclidean);
  if (x.rows > 0 && y.rows > 0) {
    faceprint::cuda::distances(x, y, out.matrix<float>().data, pair.y.rows, *pair.stream());
  }
  if (stream_number.is_none()) pair.stream()->wait();
  return out;
}

py::tuple nearest(const py::object& first, const py::object& second, const py::object& k, const std::string& name,
                  const py::object& stream_number) {
  const Metric metric = as_metric(name);
  const py::ssize_t kept = as_integer("k", k);
  const CardPair pair(first, "gallery", second, stream_number);
  faceprint::check_nearest(kept, pair.y.rows);
  CardArray values(CardArray::Type::float32, pair.x.rows, kept, pair.stream());
  CardArray indices(CardArray::Type::int64, pair.x.rows, kept, pair.stream());
  {
    const py::gil_scoped_release unlocked;
    const auto [x, gallery] = pair.pack(metric);
    faceprint::cuda::nearest_on_card(x, gallery, metric, values.matrix<float>(), indices.matrix<std::int64_t>(),
                                     *pair.stream());
    if (stream_number.is_none()) pair.stream()->wait();
  }
  return py::make_tuple(values, indices);
}

}  // namespace

void bind_card(py::module_& module) {
  py::class_<CardArray>(module, "Array", "A matrix on a card.")
      .def_property_readonly("shape", &CardArray::shape)
      .def_property_readonly("dtype", &CardArray::dtype)
      .def_property_readonly("device", &CardArray::device)
      .def("numpy", &CardArray::numpy, "A copy of it on the host.")
      .def_property_readonly("__cuda_array_interface__", &CardArray::interface)
      .def("__dlpack_device__", [](const CardArray& self) { return py::make_tuple(int{dlpack::cuda}, self.device()); })
      .def("__dlpack__", &CardArray::dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(), py::arg("copy") = py::none());
  module.def("send", send, py::arg("x"), py::arg("device") = 0, py::arg("stream") = py::none(),
             "A copy of a float32 matrix of the host on a card.");
  module.def("distances", distances, py::arg("x"), py::arg("y"), py::arg("stream") = py::none(),
             "All squared Euclidean distances, on the card.");
  module.def("nearest", nearest, py::arg("x"), py::arg("gallery"), py::arg("k"),
             py::arg("metric") = "squared-euclidean", py::arg("stream") = py::none(),
             "The k nearest rows of the gallery for each row of x, on the card.");
}
