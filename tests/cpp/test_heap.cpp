#include "cpu/heap.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "check.hpp"

using faceprint::Heap;

TEST(keeps_the_least_by_distance_then_index) {
  std::mt19937 random(1);
  for (const std::ptrdiff_t size : {1, 2, 3, 10, 64, 100}) {
    std::vector<std::pair<float, std::int64_t>> offered;
    for (std::int64_t index = 0; index < 500; ++index) offered.emplace_back(static_cast<float>(random() % 40), index);
    std::vector<float> distances(static_cast<std::size_t>(size));
    std::vector<std::int64_t> indices(distances.size());
    const Heap heap = {distances.data(), indices.data(), size};
    heap.clear();
    for (const auto& [distance, index] : offered) {
      if (distance < heap.distances[0]) heap.replace_top(distance, index);
    }
    heap.sort();
    std::ranges::sort(offered);
    for (std::size_t i = 0; i < distances.size(); ++i) {
      CHECK_EQUAL(distances[i], offered[i].first);
      CHECK_EQUAL(indices[i], offered[i].second);
    }
  }
}

TEST(sorts_what_was_never_filled_to_the_end) {
  float distances[3];
  std::int64_t indices[3];
  const Heap heap = {distances, indices, 3};
  heap.clear();
  heap.replace_top(2, 7);
  heap.sort();
  CHECK_EQUAL(distances[0], 2.0f);
  CHECK_EQUAL(indices[0], 7);
  CHECK_EQUAL(distances[1], std::numeric_limits<float>::infinity());
}
