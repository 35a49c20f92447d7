#include "cpu/shortlist.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "backend.hpp"
#include "entry.hpp"

namespace faceprint {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

Shortlists::Shortlists(Matrix<float> keys, Matrix<std::int64_t> indices, float* limits, float highest)
    : keys_(keys),
      indices_(indices),
      limits_(limits),
      highest_(highest),
      room_(keys.columns + keys.columns / 2),
      counts_(static_cast<std::size_t>(keys.rows), 0) {}

void Shortlists::offer(std::int64_t row, float key, std::int64_t index, Scratch& scratch) {
  if (key > limits_[row]) return;
  const Entry entry = entry_of(key, static_cast<std::uint32_t>(index));
  const std::ptrdiff_t k = keys_.columns;
  std::int32_t& count = counts_[static_cast<std::size_t>(row)];
  if (key == limits_[row]) {
    Entry last;
    std::memcpy(&last, indices_.row(row) + k - 1, sizeof last);
    if (entry > last) return;
  }
  if (count < k) {
    std::memcpy(indices_.row(row) + count++, &entry, sizeof entry);
  } else if (count < room_) {
    std::memcpy(keys_.row(row) + 2 * (count++ - k), &entry, sizeof entry);
  } else {
    gather(row, scratch);
    scratch.push_back(entry);
    const auto last = scratch.begin() + k - 1;
    std::ranges::nth_element(scratch, last);
    std::memcpy(indices_.row(row), scratch.data(), static_cast<std::size_t>(k) * sizeof entry);
    limits_[row] = key_of(*last) < highest_ ? key_of(*last) : infinity;
    count = static_cast<std::int32_t>(k);
  }
}

void Shortlists::finish(std::int64_t row, Scratch& scratch) const {
  gather(row, scratch);
  const std::ptrdiff_t found = std::min(keys_.columns, std::ssize(scratch));
  const auto last = scratch.begin() + found;
  std::ranges::nth_element(scratch, last);
  std::ranges::sort(scratch.begin(), last);
  for (std::ptrdiff_t place = 0; place < found; ++place) {
    keys_.row(row)[place] = key_of(scratch[static_cast<std::size_t>(place)]);
    indices_.row(row)[place] = row_of(scratch[static_cast<std::size_t>(place)]);
  }
  std::fill(keys_.row(row) + found, keys_.row(row) + keys_.columns, infinity);
  std::fill(indices_.row(row) + found, indices_.row(row) + keys_.columns, nobody);
}

void Shortlists::gather(std::int64_t row, Scratch& scratch) const {
  const std::ptrdiff_t count = counts_[static_cast<std::size_t>(row)], first = std::min(count, keys_.columns);
  scratch.resize(static_cast<std::size_t>(count));
  if (count == 0) return;  // an empty vector may be nowhere
  std::memcpy(scratch.data(), indices_.row(row), static_cast<std::size_t>(first) * sizeof(Entry));
  std::memcpy(scratch.data() + first, keys_.row(row), static_cast<std::size_t>(count - first) * sizeof(Entry));
}

}  // namespace faceprint
