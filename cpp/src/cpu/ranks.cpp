#include "cpu/ranks.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>

namespace faceprint {

Ranks::Ranks(const TripletKernels& kernels, const Anchor& anchor, std::vector<float> thresholds)
    : thresholds_(std::move(thresholds)),
      size_(std::ssize(thresholds_)),
      below_(static_cast<std::size_t>(anchor.columns / Gallery::panel_rows)),
      bins_(static_cast<std::size_t>(anchor.columns)) {
  std::ranges::sort(thresholds_);
  // The kernel searches a tree of 2^n - 1 numbers; no distance reaches what is no number.
  const std::size_t tree = std::bit_ceil(thresholds_.size() + 1) - 1;
  thresholds_.resize(tree, std::numeric_limits<float>::quiet_NaN());
  const float limit = anchor.pairs.empty() ? 0 : std::ranges::max(anchor.pairs, {}, &Pair::limit).limit;
  kernels.rank(anchor.distances, anchor.columns, limit, thresholds_.data(), size_, below_.data(), bins_.data());
}

std::int32_t Ranks::first_from(float value) const {
  std::int32_t found = 0;
  for (std::size_t step = (thresholds_.size() + 1) / 2; step > 0; step /= 2) {
    const std::size_t at = static_cast<std::size_t>(found) + step - 1;
    found += thresholds_[at] <= value ? static_cast<std::int32_t>(step) : 0;
  }
  return found;
}

}  // namespace faceprint
