#pragma once
// What a run of the tests may vary, read from the environment once.

#include <cstddef>

namespace emulated {

enum class Order { forward, reverse, shuffled };

struct Settings {
  Order order;         // FACEPRINT_EMULATED_ORDER: of blocks, warps and threads; forward
  int cards;           // FACEPRINT_EMULATED_CARDS; 1. Every second one has compute capability 7.5, the others 8.0
  std::size_t memory;  // FACEPRINT_EMULATED_MEMORY: bytes of each card; 4 GiB
};

const Settings& settings();

}  // namespace emulated
