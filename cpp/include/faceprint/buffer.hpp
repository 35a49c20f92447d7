#pragma once

#include <cstddef>
#include <memory>

namespace faceprint {

// Floats aligned to 64 bytes, all zero at first, and overwritten with zeros before their memory is given back:
// embeddings identify people, so none are left behind.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::ptrdiff_t size);

  float* data() const { return data_.get(); }

 private:
  struct Wipe {
    std::size_t bytes;
    void operator()(float* data) const;
  };
  std::unique_ptr<float[], Wipe> data_;
};

}  // namespace faceprint
