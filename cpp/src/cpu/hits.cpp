#include "cpu/hits.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <utility>

#include "cpu/collect.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t sorted_at_once = 1 << 14;  // hits, by each thread
constexpr std::ptrdiff_t samples = 255;
constexpr double multiply_adds_per_hit = 1000;  // that take as long as sorting one

struct Hit {
  float key;
  std::int64_t place;

  bool operator<(const Hit& other) const { return key != other.key ? key < other.key : place < other.place; }
};

// Keys and places in parallel arrays.
struct HitSpan {
  float* keys;
  std::int64_t* places;
  std::ptrdiff_t size;

  Hit at(std::ptrdiff_t i) const { return {keys[i], places[i]}; }
  void set(std::ptrdiff_t i, Hit hit) const {
    keys[i] = hit.key;
    places[i] = hit.place;
  }
  void swap(std::ptrdiff_t i, std::ptrdiff_t j) const {
    std::swap(keys[i], keys[j]);
    std::swap(places[i], places[j]);
  }
  HitSpan slice(std::ptrdiff_t first, std::ptrdiff_t count) const { return {keys + first, places + first, count}; }
};

Hit near_the_median(HitSpan hits) {
  std::array<Hit, samples> some{};
  for (std::ptrdiff_t i = 0; i < samples; ++i) some[static_cast<std::size_t>(i)] = hits.at(i * (hits.size / samples));
  const auto middle = some.begin() + samples / 2;
  std::ranges::nth_element(some, middle, std::less<>());
  return *middle;
}

// Brings the hits before the pivot to the front, and returns how many they are.
std::ptrdiff_t part(HitSpan hits, Hit pivot) {
  std::ptrdiff_t low = 0, high = hits.size;
  while (true) {
    while (low < high && hits.at(low) < pivot) ++low;
    while (low < high && !(hits.at(high - 1) < pivot)) --high;
    if (low == high) return low;
    hits.swap(low++, --high);
  }
}

void sort_in_a_copy(HitSpan hits) {
  std::vector<Hit> copies;
  copies.reserve(static_cast<std::size_t>(hits.size));
  for (std::ptrdiff_t i = 0; i < hits.size; ++i) copies.push_back(hits.at(i));
  std::ranges::sort(copies, std::less<>());
  for (std::ptrdiff_t i = 0; i < hits.size; ++i) hits.set(i, copies[static_cast<std::size_t>(i)]);
}

// Quicksort down to what may be copied.
void sort_by_key(HitSpan all, Progress& progress) {
  std::vector<HitSpan> unsorted = {all};
  while (!unsorted.empty()) {
    const HitSpan hits = unsorted.back();
    unsorted.pop_back();
    if (hits.size > sorted_at_once) {
      const std::ptrdiff_t front = part(hits, near_the_median(hits));
      unsorted.push_back(hits.slice(front, hits.size - front));
      unsorted.push_back(hits.slice(0, front));
    } else {
      sort_in_a_copy(hits);
    }
    progress.add(0);
  }
}

}  // namespace

Hits::Hits(Neighbourhoods& found, std::ptrdiff_t queries, std::ptrdiff_t rows)
    : found_(found),
      row_bits_(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(rows)))),
      counts_(static_cast<std::size_t>(queries)) {}

void Hits::add(std::span<const float> keys, std::span<const std::int64_t> places) {
  const std::scoped_lock lock(mutex_);
  found_.values.append(keys);
  found_.indices.append(places);
  for (const std::int64_t place : places) ++counts_[query_of(place)];
}

void Hits::sort(Metric metric, int threads, Progress& progress) {
  const std::ptrdiff_t first = found_.offsets.size() - 1;
  for (const std::int64_t count : counts_) found_.offsets.append(found_.offsets.back() + count);
  const std::int64_t* offsets = found_.offsets.data() + first;
  group_by_query(offsets, progress);

  const Values values(metric);
  const std::int64_t row_mask = place(1, 0) - 1;
  const HitSpan all = {found_.values.data(), found_.indices.data(), found_.values.size()};
  const auto sort_one = [&](std::ptrdiff_t query) {
    const HitSpan hits = all.slice(offsets[query], offsets[query + 1] - offsets[query]);
    sort_by_key(hits, progress);
    for (std::ptrdiff_t i = 0; i < hits.size; ++i) hits.set(i, {values.value(hits.keys[i]), hits.places[i] & row_mask});
  };
  const auto hits = static_cast<double>(offsets[std::ssize(counts_)] - offsets[0]);
  parallel_for(worthwhile_threads(threads, hits * multiply_adds_per_hit), std::ssize(counts_), sort_one, &progress);
}

// Each hit that lies among another query's changes places with one that lies among its own: the American flag sort of
// McIlroy, Bostic and McIlroy, "Engineering radix sort", 1993.
void Hits::group_by_query(const std::int64_t* offsets, Progress& progress) {
  std::vector<std::int64_t> next(offsets, offsets + counts_.size());  // up to where each query's own are known to lie
  const HitSpan all = {found_.values.data(), found_.indices.data(), found_.values.size()};
  for (std::size_t query = 0; query < counts_.size(); ++query) {
    progress.add(0);
    for (std::int64_t at = next[query]; at < offsets[query + 1]; ++at) {
      while (query_of(all.places[at]) != query) all.swap(at, next[query_of(all.places[at])]++);
    }
  }
}

}  // namespace faceprint
