#pragma once

#include <cstddef>
#include <memory>

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// Bytes aligned to 64, all zero at first, and overwritten with zeros before they are given back: embeddings identify
// people, so none are left behind.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t bytes);

  void* data() const { return data_.get(); }

 private:
  struct Wipe {
    std::size_t bytes;
    void operator()(void* data) const;
  };
  std::unique_ptr<void, Wipe> data_{nullptr, Wipe{0}};
};

// Such memory for `size` numbers.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::ptrdiff_t size) : memory_(static_cast<std::size_t>(size) * sizeof(T)) {}

  T* data() const { return static_cast<T*>(memory_.data()); }

 private:
  Memory memory_;
};

}  // namespace faceprint
