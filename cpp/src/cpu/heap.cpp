#include "cpu/heap.hpp"

#include <algorithm>
#include <limits>

namespace faceprint {

namespace {

struct Entry {
  float distance;
  std::int64_t index;
};

bool before(Entry a, Entry b) { return a.distance != b.distance ? a.distance < b.distance : a.index < b.index; }

// Puts `entry` into the heap of the given size, whose top is free.
void sink(const Heap& heap, std::ptrdiff_t size, Entry entry) {
  std::ptrdiff_t hole = 0;
  for (std::ptrdiff_t child = 1; child < size; child = 2 * hole + 1) {
    const auto at = [&](std::ptrdiff_t i) { return Entry{heap.distances[i], heap.indices[i]}; };
    if (child + 1 < size && before(at(child), at(child + 1))) ++child;
    if (!before(entry, at(child))) break;
    heap.distances[hole] = heap.distances[child];
    heap.indices[hole] = heap.indices[child];
    hole = child;
  }
  heap.distances[hole] = entry.distance;
  heap.indices[hole] = entry.index;
}

}  // namespace

void Heap::clear() const {
  std::fill_n(distances, size, std::numeric_limits<float>::infinity());
  std::fill_n(indices, size, std::numeric_limits<std::int64_t>::max());
}

void Heap::replace_top(float distance, std::int64_t index) const { sink(*this, size, {distance, index}); }

void Heap::offer(float distance, std::int64_t index) const {
  if (before({distance, index}, {distances[0], indices[0]})) replace_top(distance, index);
}

void Heap::sort() const {
  for (std::ptrdiff_t last = size - 1; last > 0; --last) {
    const Entry entry = {distances[last], indices[last]};
    distances[last] = distances[0];
    indices[last] = indices[0];
    sink(*this, last, entry);
  }
}

}  // namespace faceprint
