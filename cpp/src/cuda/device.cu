#include "cuda/device.hpp"

#include <cstdint>
#include <string>

#include "faceprint/backend.hpp"

namespace faceprint::cuda {

void check(cudaError_t status) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // else the next call would report it again
  throw DeviceError("CUDA: " + std::string(cudaGetErrorString(status)));
}

OnDevice::OnDevice(int device) {
  check(cudaGetDevice(&before_));
  check(cudaSetDevice(device));
}

OnDevice::~OnDevice() { static_cast<void>(cudaSetDevice(before_)); }

Stream::Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }

Stream::~Stream() {
  if (own_) static_cast<void>(cudaStreamDestroy(stream_));
}

DeviceMemory::DeviceMemory(std::size_t bytes, const Stream& stream) : bytes_(bytes), stream_(stream) {
  check(cudaGetDevice(&device_));
  if (bytes > 0) check(cudaMallocAsync(&data_, bytes, stream_));
}

DeviceMemory::~DeviceMemory() {
  if (!data_) return;
  int before = device_;  // whoever gives it back may have chosen another card meanwhile
  static_cast<void>(cudaGetDevice(&before));
  static_cast<void>(cudaSetDevice(device_));
  static_cast<void>(cudaMemsetAsync(data_, 0, bytes_, stream_));
  static_cast<void>(cudaFreeAsync(data_, stream_));
  static_cast<void>(cudaSetDevice(before));
}

namespace {

template <class T>
void copy_rows(const T* from, std::ptrdiff_t from_stride, T* to, std::ptrdiff_t to_stride, std::ptrdiff_t rows,
               std::ptrdiff_t columns, cudaMemcpyKind kind, const Stream& stream) {
  if (rows == 0 || columns == 0) return;
  const std::size_t width = static_cast<std::size_t>(columns) * sizeof(T);
  if (from_stride >= columns && to_stride >= columns) {
    check(cudaMemcpy2DAsync(to, static_cast<std::size_t>(to_stride) * sizeof(T), from,
                            static_cast<std::size_t>(from_stride) * sizeof(T), width, static_cast<std::size_t>(rows),
                            kind, stream));
    return;
  }
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    check(cudaMemcpyAsync(to + row * to_stride, from + row * from_stride, width, kind, stream));
  }
}

}  // namespace

void upload_rows(Matrix<const float> from, float* to, const Stream& stream) {
  copy_rows(from.data, from.stride, to, from.columns, from.rows, from.columns, cudaMemcpyHostToDevice, stream);
}

template <class T>
void download_rows(const T* from, Matrix<T> to, const Stream& stream) {
  copy_rows(from, to.columns, to.data, to.stride, to.rows, to.columns, cudaMemcpyDeviceToHost, stream);
  stream.wait();
}

template void download_rows(const float*, Matrix<float>, const Stream&);
template void download_rows(const std::int64_t*, Matrix<std::int64_t>, const Stream&);
template void download_rows(const std::uint16_t*, Matrix<std::uint16_t>, const Stream&);

std::ptrdiff_t free_bytes() {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total));
  return static_cast<std::ptrdiff_t>(free - free / 16);
}

}  // namespace faceprint::cuda
