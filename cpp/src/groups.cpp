#include "groups.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace faceprint {

namespace {
std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }
}  // namespace

Groups::Groups(std::span<const std::int64_t> labels) : members_(labels.size()), groups_(labels.size()) {
  std::iota(members_.begin(), members_.end(), 0);
  std::ranges::sort(members_, {}, [&](std::int64_t row) { return std::pair(labels[at(row)], row); });
  for (std::ptrdiff_t i = 0; i < std::ssize(members_); ++i) {
    const std::int64_t row = members_[at(i)];
    if (i == 0 || labels[at(row)] != labels[at(members_[at(i - 1)])]) starts_.push_back(i);
    groups_[at(row)] = std::ssize(starts_) - 1;
  }
  starts_.push_back(std::ssize(members_));
}

std::span<const std::int64_t> Groups::group(std::ptrdiff_t index) const {
  return std::span(members_).subspan(at(starts_[at(index)]), at(starts_[at(index + 1)] - starts_[at(index)]));
}

std::span<const std::int64_t> Groups::of(std::ptrdiff_t row) const { return group(groups_[at(row)]); }

}  // namespace faceprint
