#pragma once
// The k nearest so far of one query: a heap of (distance, index) with the worst on top, in two parallel arrays.
// It begins full of entries farther than any row, so it never has to be asked how full it is.

#include <cstddef>
#include <cstdint>

namespace faceprint {

struct Heap {
  float* distances;
  std::int64_t* indices;
  std::ptrdiff_t size;

  void clear() const;
  void replace_top(float distance, std::int64_t index) const;
  void offer(float distance, std::int64_t index) const;  // in any order: kept if nearer than the top, ties by index
  void sort() const;                                     // ascending by distance, then index; no heap afterwards
};

}  // namespace faceprint
