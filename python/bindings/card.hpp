#pragma once
// The only code that turns Python's arrays on a card into the core's, and back. It never copies.

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cuda/device.hpp"
#include "faceprint/matrix.hpp"

namespace py = pybind11;

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

// A matrix of our own on a card, for others to view.
class CardArray {
 public:
  enum class Type { float32, int64 };

  CardArray(Type type, std::ptrdiff_t rows, std::ptrdiff_t columns,
            std::shared_ptr<const faceprint::cuda::Stream> stream);

  template <class T>
  faceprint::Matrix<T> matrix() const {
    return {static_cast<T*>(held_->memory.data()), rows_, columns_, columns_};
  }

  py::tuple shape() const { return py::make_tuple(rows_, columns_); }
  const char* dtype() const { return type_ == Type::float32 ? "float32" : "int64"; }
  int device() const { return device_; }
  py::array numpy() const;
  py::dict interface() const;
  py::capsule dlpack(const py::object& stream, const py::object& version, const py::object& device,
                     const py::object& copy) const;

 private:
  // Memory in the order of a stream that lives as long.
  struct Held {
    std::shared_ptr<const faceprint::cuda::Stream> stream;
    faceprint::cuda::DeviceMemory memory;
  };

  std::size_t bytes() const;

  Type type_;
  std::ptrdiff_t rows_, columns_;
  int device_ = 0;
  std::shared_ptr<const Held> held_;
};

void bind_card(py::module_& module);
