#pragma once
// The only code that turns Python's arrays on a card into the core's, and back. It never copies.

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/device.hpp"
#include "faceprint/matrix.hpp"

namespace py = pybind11;

using SharedStream = std::shared_ptr<const faceprint::cuda::Stream>;

// One of our own for None; its results are waited for, while whoever names a stream goes on there.
SharedStream as_stream(const py::object& number);

// A float32 matrix that somebody else owns, on a card, for as long as this lives.
class CardMatrix {
 public:
  // Raises TypeError or DeviceError with the name where the object is no array on a card.
  CardMatrix(const char* name, const py::object& object);

  int device() const { return device_; }

  // Asks for __dlpack__, which lets the stream wait for what is being written to the matrix, or else for
  // __cuda_array_interface__. Raises TypeError or ValueError.
  faceprint::Matrix<const float> open(const faceprint::cuda::Stream& stream);

 private:
  faceprint::Matrix<const float> from_dlpack(const faceprint::cuda::Stream& stream);
  faceprint::Matrix<const float> from_interface() const;

  const char* name_;
  py::object object_, owner_;
  bool dlpack_;
  int device_ = 0;
};

// An array of our own on the current card, for others to view.
class CardArray {
 public:
  enum class Type { float16, float32, int64 };
  static Type floats(bool half) { return half ? Type::float16 : Type::float32; }

  CardArray(Type type, std::vector<py::ssize_t> shape, SharedStream stream);

  template <class T>
  T* data() const {
    return static_cast<T*>(held_->memory.data());
  }
  template <class T>
  faceprint::Matrix<T> matrix() const {
    return {data<T>(), shape_[0], shape_[1], shape_[1]};
  }

  Type type() const { return type_; }
  const std::vector<py::ssize_t>& shape() const { return shape_; }
  const char* dtype() const;
  int device() const { return device_; }
  py::array numpy() const;
  py::dict interface() const;
  py::capsule dlpack(const py::object& stream, const py::object& version, const py::object& device,
                     const py::object& copy) const;

 private:
  // Memory in the order of a stream that lives as long.
  struct Held {
    SharedStream stream;
    faceprint::cuda::DeviceMemory memory;
  };

  std::ptrdiff_t item_bytes() const;
  std::ptrdiff_t bytes() const;

  Type type_;
  std::vector<py::ssize_t> shape_;
  int device_ = 0;
  std::shared_ptr<const Held> held_;
};

void bind_card_arrays(py::module_& module);
void bind_card_chip(py::module_& module);
void bind_card_search(py::module_& module);
void bind_card_triplets(py::module_& module);
