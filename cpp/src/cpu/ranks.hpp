#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "cpu/anchors.hpp"

namespace faceprint {

// The negatives of an anchor that are within some pair's limit, in bins: the bin of a row is how many thresholds are at
// most its distance, so that bins follow each other in the order of distance, and all pairs begin and end between bins.
class Ranks {
 public:
  Ranks(const TripletKernels& kernels, const Anchor& anchor, std::vector<float> thresholds);

  std::int32_t count() const { return static_cast<std::int32_t>(size_) + 1; }

  // The first bin in which all distances are `value`, one of the thresholds or 0, or more.
  std::int32_t first_from(float value) const;

  // Calls visit(row, bin) for each, in the order of rows.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t panel = 0; panel < below_.size(); ++panel) {
      for (unsigned left = below_[panel]; left != 0; left &= left - 1) {
        const std::size_t row = panel * Gallery::panel_rows + static_cast<std::size_t>(std::countr_zero(left));
        visit(static_cast<std::ptrdiff_t>(row), static_cast<std::size_t>(bins_[row]));
      }
    }
  }

 private:
  std::vector<float> thresholds_;
  std::ptrdiff_t size_;
  std::vector<std::uint16_t> below_;  // a bit for each row of a panel
  std::vector<std::int32_t> bins_;
};

}  // namespace faceprint
