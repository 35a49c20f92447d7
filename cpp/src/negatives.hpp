#pragma once
// Which negatives a rule wants of an anchor and a positive. All constexpr, so that kernels of every kind may call it.

#include <bit>
#include <cstdint>

#include "faceprint/triplets.hpp"

namespace faceprint {

// An anchor's positive. Negatives make triplets with both where lowest <= distance < limit.
struct Pair {
  float distance, lowest, limit;
  std::int64_t positive;
};

// The next float above one that is neither negative nor infinite: std::nextafter is slow.
constexpr float next_float(float value) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) + 1); }

// The least float that is not below.
constexpr float rounded_up(double value) {
  const auto near = static_cast<float>(value);
  return static_cast<double>(near) < value ? next_float(near) : near;
}

constexpr bool wants_farther_negatives(Mining kind) {
  return kind == Mining::semihard || kind == Mining::easy_positive;
}

// Whether only one positive of an anchor counts: its farthest or its nearest.
constexpr bool wants_one_positive(Mining kind) { return kind == Mining::batch_hard || kind == Mining::easy_positive; }

constexpr Pair pair_of(const TripletRule& rule, std::int64_t positive, float distance) {
  return {.distance = distance,
          .lowest = wants_farther_negatives(rule.kind) ? next_float(distance) : 0.0f,
          .limit = rounded_up(static_cast<double>(distance) + rule.margin),
          .positive = positive};
}

// Sums of products run in float32 over so many anchors or rows at a time, from multiples of this on.
inline constexpr std::ptrdiff_t anchor_multiple = 128;

// What triplets add up to.
struct TripletSum {
  double sum = 0;
  std::int64_t count = 0;
};

// Which of the negatives that a pair wants: the nearest of all of the anchor's, the nearest that is farther than the
// positive, one of those within its limits, or all of them.
enum class Pick { nearest, next, any, all };

constexpr Pick pick_of(const TripletRule& rule) {
  switch (rule.kind) {
    case Mining::hardest:
    case Mining::batch_hard:
      return Pick::nearest;
    case Mining::random_in_margin:
      return Pick::any;
    case Mining::batch_all:
      return Pick::all;
    case Mining::semihard:
    case Mining::easy_positive:
      break;
  }
  return rule.choice == Choice::random ? Pick::any : Pick::next;
}

// The mixing function of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
constexpr std::uint64_t mixed(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

// A whole number below `count`, itself below 2^32.
constexpr std::ptrdiff_t draw(std::uint64_t seed, std::int64_t anchor, std::int64_t positive, std::ptrdiff_t count) {
  constexpr std::uint64_t step = 0x9e3779b97f4a7c15;
  std::uint64_t bits = mixed(seed + step);
  bits = mixed(bits + step * static_cast<std::uint64_t>(anchor + 1));
  bits = mixed(bits + step * static_cast<std::uint64_t>(positive + 1));
  return static_cast<std::ptrdiff_t>((bits >> 32) * static_cast<std::uint64_t>(count) >> 32);
}

}  // namespace faceprint
