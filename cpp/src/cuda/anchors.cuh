#pragma once
// The pairs of anchors with their positives, and one negative for each. Batches are as in negatives.hpp; distances are
// never negative, so the order of their bits is theirs.

#include "cuda/block.cuh"
#include "negatives.hpp"

namespace faceprint::cuda {

inline constexpr std::uint32_t above_all = 0xffffffff;  // the bits of no distance
inline constexpr std::int32_t none = -1;

// The rows of a batch by identity: those of row r's are members[begins[r]] ... members[ends[r] - 1], in order.
struct Identities {
  const std::int32_t *members, *begins, *ends;

  __device__ bool same(std::int32_t row, std::int32_t other) const { return begins[row] == begins[other]; }
};

// Some neighbouring rows as anchors. Their pairs follow each other, in the order of anchor and positive: those of the
// i-th from begins[i] on.
struct Anchors {
  std::int32_t first, count, rows;
  float* distances;  // [count, rows]
  const std::int64_t* begins;

  __device__ const float* apart(std::int32_t i) const { return distances + std::int64_t{i} * rows; }
};

// A pair and its negative, or none.
struct Found {
  std::int32_t positive, negative;
  float near, far;  // how far they are from the anchor
};

constexpr std::uint32_t bits(float distance) { return std::bit_cast<std::uint32_t>(distance); }

// How many of these numbers in order are at most this one.
template <class Number>
__device__ std::int32_t up_to(Number value, const Number* numbers, std::int32_t count) {
  std::int32_t first = 0, last = count;
  while (first < last) {
    const std::int32_t middle = first + (last - first) / 2;
    if (numbers[middle] <= value) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

}  // namespace faceprint::cuda
