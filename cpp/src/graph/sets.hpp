#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace faceprint {

// Sets of numbers that are joined and never parted (Galler & Fischer 1964); each is known by its lowest number.
class Sets {
 public:
  explicit Sets(std::ptrdiff_t count) : parents_(static_cast<std::size_t>(count)) {
    std::iota(parents_.begin(), parents_.end(), 0);
  }

  std::int64_t first(std::int64_t member) {
    while (parent(member) != member) {
      parent(member) = parent(parent(member));
      member = parent(member);
    }
    return member;
  }

  void join(std::int64_t a, std::int64_t b) {
    a = first(a);
    b = first(b);
    parent(std::max(a, b)) = std::min(a, b);
  }

 private:
  std::int64_t& parent(std::int64_t member) { return parents_[static_cast<std::size_t>(member)]; }

  std::vector<std::int64_t> parents_;
};

}  // namespace faceprint
