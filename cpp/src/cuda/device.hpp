#pragma once
// The card as the host code sees it: errors, streams, memory, launches. Everything that is begun here is ordered by its
// stream; only `download` and `Stream::wait` wait for the card.

#include <cuda_runtime.h>

#include <cstddef>
#include <tuple>
#include <utility>

#include "faceprint/matrix.hpp"

namespace faceprint::cuda {

// Throws DeviceError with CUDA's own text unless the call succeeded.
void check(cudaError_t status);

#if defined(__CUDACC__)

// Kernels are launched, and declare what their blocks share, without syntax of CUDA's own, so that a plain C++ compiler
// can read every source: the tests run them on the CPU, with a <cuda_runtime.h> that brings these two.
#define FACEPRINT_SHARED(type, name, extents) __shared__ type name extents

template <class... Parameters>
cudaError_t begin(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                  std::tuple<Parameters...> arguments) {
  const auto begin_with = [&](auto&... each) {
    void* pointers[] = {&each..., nullptr};
    return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, shared_bytes, stream);
  };
  return std::apply(begin_with, arguments);
}

#endif

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
            Arguments... arguments) {
  check(begin(kernel, grid, block, shared_bytes, stream, std::tuple<Parameters...>(arguments...)));
}

// Lets this thread's calls go to one card while it lives.
class OnDevice {
 public:
  explicit OnDevice(int device);
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice();

 private:
  int before_ = 0;
};

// A stream of the current card of its own, or one that a caller lent.
class Stream {
 public:
  Stream();
  explicit Stream(cudaStream_t lent) : stream_(lent), own_(false) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  operator cudaStream_t() const { return stream_; }  // NOLINT(google-explicit-constructor): kernels take it as it is
  void wait() const { check(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
  bool own_ = true;
};

// Memory of the current card, in the order of a stream that must outlive it, and overwritten with zeros before it is
// given back: embeddings identify people, so none are left behind.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(std::size_t bytes, const Stream& stream);
  DeviceMemory(DeviceMemory&& other) noexcept { swap(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    DeviceMemory taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~DeviceMemory();

  void* data() const { return data_; }

 private:
  void swap(DeviceMemory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(stream_, other.stream_);
    std::swap(device_, other.device_);
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  cudaStream_t stream_ = nullptr;
  int device_ = 0;
};

// Such memory for `size` numbers, not initialised.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(std::ptrdiff_t size, const Stream& stream)
      : memory_(static_cast<std::size_t>(size) * sizeof(T), stream), size_(size) {}

  T* data() const { return static_cast<T*>(memory_.data()); }
  std::ptrdiff_t size() const { return size_; }

 private:
  DeviceMemory memory_;
  std::ptrdiff_t size_ = 0;
};

template <class T>
void upload(const T* from, std::ptrdiff_t count, T* to, const Stream& stream) {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyHostToDevice, stream));
}

template <class T>
DeviceArray<T> uploaded(const T* from, std::ptrdiff_t count, const Stream& stream) {
  DeviceArray<T> array(count, stream);
  upload(from, count, array.data(), stream);
  return array;
}

template <class T>
void clear(const DeviceArray<T>& array, const Stream& stream) {
  check(cudaMemsetAsync(array.data(), 0, static_cast<std::size_t>(array.size()) * sizeof(T), stream));
}

// Waits until the numbers are there.
template <class T>
void download(const T* from, std::ptrdiff_t count, T* to, const Stream& stream) {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDeviceToHost, stream));
  stream.wait();
}

// Rows that may lie anywhere on the host, to rows without a gap on the card, and back. Rows of either may go backwards.
void upload_rows(Matrix<const float> from, float* to, const Stream& stream);
template <class T>
void download_rows(const T* from, Matrix<T> to, const Stream& stream);

// Bytes of the current card that are free, less what it needs itself.
std::ptrdiff_t free_bytes();

}  // namespace faceprint::cuda
