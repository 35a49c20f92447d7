#pragma once

#include "cpu/anchors.hpp"

namespace faceprint {

// The sum of the margin loss over all triplets of a batch, without any of them named.
struct AllTriplets {
  double sum = 0;
  std::int64_t count = 0;
};

// Fills the gradient of the sum, [rows, depth].
AllTriplets sum_all(const TripletBatch& batch, Matrix<double> gradient);

}  // namespace faceprint
