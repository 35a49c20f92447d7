#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace faceprint {

// The rows of a batch by identity.
class Groups {
 public:
  explicit Groups(std::span<const std::int64_t> labels);

  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>(starts_.size()) - 1; }
  std::span<const std::int64_t> group(std::ptrdiff_t index) const;  // its rows, in order

  std::ptrdiff_t rows() const { return static_cast<std::ptrdiff_t>(groups_.size()); }

  // All rows, identity by identity.
  std::span<const std::int64_t> members() const { return members_; }

  // The part of them that is of the identity of this row, itself included, in order.
  std::span<const std::int64_t> of(std::ptrdiff_t row) const;

 private:
  std::vector<std::int64_t> members_;   // the rows, sorted by label
  std::vector<std::ptrdiff_t> starts_;  // where each group begins among the members, and where the last one ends
  std::vector<std::ptrdiff_t> groups_;  // the group of each row
};

}  // namespace faceprint
