#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// Numbers of which nobody knows beforehand how many there will be. Unlike a vector it grows by realloc, which moves
// pages of large memory instead of bytes, so that no second copy is ever made; and what it does not use is not touched.
template <class T>
class Growing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Growing() = default;
  explicit Growing(std::ptrdiff_t capacity) { reallocate(capacity); }

  void append(std::span<const T> values) {
    const std::ptrdiff_t wanted = size_ + std::ssize(values);
    if (wanted > capacity_) reallocate(std::max(wanted, capacity_ + capacity_ / 2));
    std::ranges::copy(values, data() + size_);
    size_ = wanted;
  }
  void append(T value) { append(std::span<const T>(&value, 1)); }

  // Gives back what is not used.
  void fit() { reallocate(size_); }

  std::ptrdiff_t size() const { return size_; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T back() const { return data()[size_ - 1]; }

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };

  void reallocate(std::ptrdiff_t capacity) {
    const std::size_t bytes = static_cast<std::size_t>(std::max<std::ptrdiff_t>(capacity, 1)) * sizeof(T);
    auto* moved = static_cast<T*>(std::realloc(data_.get(), bytes));
    if (!moved) throw std::bad_alloc();
    static_cast<void>(data_.release());
    data_.reset(moved);
    capacity_ = capacity;
  }

  std::unique_ptr<T[], Free> data_;
  std::ptrdiff_t size_ = 0, capacity_ = 0;
};

}  // namespace faceprint
