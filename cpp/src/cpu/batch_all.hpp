#pragma once

#include "cpu/anchors.hpp"

namespace faceprint {

// Fills the gradient of the sum, [rows, depth], without any triplet named.
TripletSum sum_all(const TripletBatch& batch, Matrix<double> gradient);

}  // namespace faceprint
