#include "card.hpp"

#include <pybind11/stl.h>

#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "arrays.hpp"
#include "dlpack.hpp"
#include "faceprint/backend.hpp"

using faceprint::Matrix;
using faceprint::cuda::OnDevice;
using faceprint::cuda::Stream;

namespace {

std::string text(const py::handle& object) { return py::str(object); }

std::uintptr_t number_of(const Stream& stream) {
  return reinterpret_cast<std::uintptr_t>(static_cast<cudaStream_t>(stream));
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

SharedStream as_stream(const py::object& number) {
  if (number.is_none()) return std::make_shared<const Stream>();
  const auto address = static_cast<std::uintptr_t>(as_integer("stream", number));
  return std::make_shared<const Stream>(reinterpret_cast<cudaStream_t>(address));  // NOLINT(performance-no-int-to-ptr)
}

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
  const auto* managed = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), dlpack::fresh));
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
  const auto* data = reinterpret_cast<const void*>(address);  // NOLINT(performance-no-int-to-ptr)
  return matrix_of(name_, data, interface["shape"].cast<std::vector<std::int64_t>>(), steps);
}

CardArray::CardArray(Type type, std::vector<py::ssize_t> shape, SharedStream stream)
    : type_(type), shape_(std::move(shape)) {
  faceprint::cuda::check(cudaGetDevice(&device_));
  faceprint::cuda::DeviceMemory memory(static_cast<std::size_t>(bytes()), *stream);
  held_ = std::make_shared<const Held>(Held{std::move(stream), std::move(memory)});
}

const char* CardArray::dtype() const {
  return type_ == Type::float16 ? "float16" : type_ == Type::float32 ? "float32" : "int64";
}

std::ptrdiff_t CardArray::item_bytes() const { return type_ == Type::float16 ? 2 : type_ == Type::float32 ? 4 : 8; }

std::ptrdiff_t CardArray::bytes() const {
  return std::accumulate(shape_.begin(), shape_.end(), item_bytes(), std::multiplies<>());
}

py::array CardArray::numpy() const {
  py::array result(py::dtype(dtype()), shape_);
  const OnDevice here(device_);
  faceprint::cuda::download(data<const std::byte>(), bytes(), static_cast<std::byte*>(result.mutable_data()),
                            *held_->stream);
  return result;
}

py::dict CardArray::interface() const {
  py::dict interface;
  interface["shape"] = py::tuple(py::cast(shape_));
  interface["typestr"] = (type_ == Type::int64 ? "<i" : "<f") + std::to_string(item_bytes());
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
    std::vector<std::int64_t> shape;
    std::shared_ptr<const Held> held;
  };
  auto lent = std::make_unique<Lent>(Lent{{}, {shape_.begin(), shape_.end()}, held_});
  const auto code = type_ == Type::int64 ? dlpack::integer : dlpack::floating;
  lent->managed = {.tensor = {.data = held_->memory.data(),
                              .device = {dlpack::cuda, device_},
                              .dimensions = static_cast<std::int32_t>(shape_.size()),
                              .type = {code, static_cast<std::uint8_t>(8 * item_bytes()), 1},
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
  static_cast<void>(lent.release());  // NOLINT(bugprone-unused-return-value): the capsule owns it
  return py::reinterpret_steal<py::capsule>(capsule);
}

namespace {

CardArray send(const py::object& x, const py::object& device, const py::object& stream_number) {
  const py::array array = as_array<float>("x", x);
  const auto rows = as_matrix<float>("x", array);
  const OnDevice here(static_cast<int>(as_integer("device", device)));
  const SharedStream stream = as_stream(stream_number);
  CardArray out(CardArray::Type::float32, {rows.rows, rows.columns}, stream);
  faceprint::cuda::upload_rows(rows, out.data<float>(), *stream);
  if (stream_number.is_none()) stream->wait();
  return out;
}

CardArray empty(const py::object& rows, const py::object& columns, bool half, const py::object& device) {
  const OnDevice here(static_cast<int>(as_integer("device", device)));
  return {CardArray::floats(half), {as_integer("rows", rows), as_integer("columns", columns)}, as_stream(py::none())};
}

}  // namespace

void bind_card_arrays(py::module_& module) {
  py::class_<CardArray>(module, "Array", "An array on a card.")
      .def_property_readonly("shape", [](const CardArray& self) { return py::tuple(py::cast(self.shape())); })
      .def_property_readonly("dtype", &CardArray::dtype)
      .def_property_readonly("device", &CardArray::device)
      .def("numpy", &CardArray::numpy, "A copy of it on the host.")
      .def_property_readonly("__cuda_array_interface__", &CardArray::interface)
      .def("__dlpack_device__", [](const CardArray& self) { return py::make_tuple(int{dlpack::cuda}, self.device()); })
      .def("__dlpack__", &CardArray::dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(), py::arg("copy") = py::none());
  module.def("empty", empty, py::arg("rows"), py::arg("columns"), py::arg("half") = false, py::arg("device") = 0,
             "A matrix of float32 or float16 on a card, for others to fill.");
  module.def("send", send, py::arg("x"), py::arg("device") = 0, py::arg("stream") = py::none(),
             "A copy of a float32 matrix of the host on a card.");
}
