#pragma once
// Memory that each block works in, for a launch whose blocks take anchors or nodes in turns.

#include <algorithm>
#include <cstddef>

#include "cuda/block.cuh"
#include "cuda/device.hpp"

namespace faceprint::cuda {

class Rooms {
 public:
  // For up to `most` blocks.
  Rooms(std::int64_t most, std::size_t bytes, const Stream& stream) : bytes_(aligned(bytes)) {
    blocks_ = static_cast<unsigned>(bytes_ <= most_shared ? most : std::min<std::int64_t>(most, most_with_scratch));
    if (bytes_ > most_shared) scratch_ = {static_cast<std::ptrdiff_t>(blocks_ * bytes_), stream};
  }

  // So that every block's part of scratch memory may begin with numbers of any kind.
  static constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

  unsigned blocks() const { return blocks_; }
  std::size_t shared_bytes() const { return bytes_ <= most_shared ? bytes_ : 0; }
  Room room() const { return {scratch_.data(), bytes_}; }

 private:
  static constexpr std::size_t most_shared = 48 << 10;  // what every card has without being asked
  static constexpr std::int64_t most_with_scratch = 1024;

  std::size_t bytes_;
  unsigned blocks_;
  DeviceArray<std::byte> scratch_;
};

}  // namespace faceprint::cuda
