#include "cpu/collect.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace faceprint {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::size_t hits_at_once = 8192;

// Takes the lowest bit off, and returns its number.
int take_bit(std::uint32_t& bits) {
  const int lowest = std::countr_zero(bits);
  bits &= bits - 1;
  return lowest;
}

}  // namespace

Values::Values(Metric metric)
    : lowest(metric == Metric::squared_euclidean ? 0
             : metric == Metric::cosine          ? -1
                                                 : -infinity),
      highest(metric == Metric::cosine ? 1 : infinity),
      similarity(metric != Metric::squared_euclidean) {}

void turn_into_values(Metric metric, Matrix<float> keys) {
  const Values values(metric);
  if (!values.similarity) return;
  for (std::ptrdiff_t row = 0; row < keys.rows; ++row) {
    for (std::ptrdiff_t i = 0; i < keys.columns; ++i) keys.row(row)[i] = values.value(keys.row(row)[i]);
  }
}

float limit_of_keys(Values values, float limit) {
  const float key = values.similarity ? -limit : limit;
  return key >= values.highest ? infinity : std::nextafter(key, infinity);
}

NearestCollector::NearestCollector(Values values, Matrix<float> keys, Matrix<std::int64_t> indices, float* limits)
    : values_(values), keys_(keys), indices_(indices), limits_(limits) {
  for (std::ptrdiff_t query = 0; query < keys.rows; ++query) {
    Heap{keys.row(query), indices.row(query), keys.columns}.clear();
    limits[query] = infinity;
  }
}

void NearestCollector::offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) {
  const Heap heap = {keys_.row(query), indices_.row(query), keys_.columns};
  while (found) {
    const int lane = take_bit(found);
    const float key = values_.key(keys[lane]);
    // Rows ascend, so at equal keys the earlier one stays.
    if (key < heap.distances[0]) heap.replace_top(key, first_row_ + row + lane);
  }
  limits_[query] = heap.distances[0];
}

void WithinCollector::offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) {
  while (found) {
    const int lane = take_bit(found);
    keys_.push_back(values_.key(keys[lane]));
    places_.push_back(hits_.place(first_query_ + query, first_row_ + row + lane));
  }
  if (keys_.size() >= hits_at_once) hand_on();
}

void WithinCollector::hand_on() {
  hits_.add(keys_, places_);
  keys_.clear();
  places_.clear();
  progress_.add(0);
}

void JoinCollector::offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) {
  const std::int64_t one = first_query_ + query;
  const bool own = &of_queries_ == &of_rows_;
  while (found) {
    const int lane = take_bit(found);
    const std::int64_t other = first_row_ + row + lane;
    if ((own && one >= other) || keys[lane] == infinity)
      continue;  // nobody is infinitely far but in places without a row
    const float key = values_.key(keys[lane]);
    of_queries_.offer(one, key, other, scratch_);
    of_rows_.offer(other, key, one, scratch_);
  }
}

void CertifiedCollector::offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float*) {
  float keys[Gallery::panel_rows];
  kernels_.keys_of_floats(batch_, query, *block_, row, keys);
  computed_ += std::popcount(found);
  std::uint32_t closer = 0;
  while (found) {
    const int lane = take_bit(found);
    closer |= std::uint32_t{keys[lane] < batch_.limits[query]} << lane;
  }
  if (closer) collector_.offer(query, row, closer, keys);
}

}  // namespace faceprint
