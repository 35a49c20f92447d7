#pragma once
// What tests of kernels share: numbers that go to the card and come back.

#include <vector>

#include "cuda/device.hpp"

namespace faceprint::cuda {

template <class T>
std::vector<T> downloaded(const T* from, std::ptrdiff_t count, const Stream& stream) {
  std::vector<T> values(static_cast<std::size_t>(count));
  download(from, count, values.data(), stream);
  return values;
}

template <class T>
DeviceArray<T> uploaded(const std::vector<T>& values, const Stream& stream) {
  return uploaded(values.data(), std::ssize(values), stream);
}

}  // namespace faceprint::cuda
