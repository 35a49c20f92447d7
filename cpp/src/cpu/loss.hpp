#pragma once

#include "cpu/anchors.hpp"

namespace faceprint {

TripletLoss loss_of(const TripletBatch& batch, Hinge hinge, bool mean, Matrix<float> gradient);

}  // namespace faceprint
