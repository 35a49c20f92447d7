#pragma once

#include <vector>

#include "cpu/anchors.hpp"
#include "cpu/mine.hpp"

namespace faceprint {

// What triplets cost, and the derivative of each one's hinge.
struct Hinged {
  TripletSum sum;
  std::vector<double> slopes;
};

Hinged hinged(const Mined& mined, Hinge hinge, double margin);

TripletLoss loss_of(const TripletBatch& batch, Hinge hinge, bool mean, Matrix<float> gradient);

}  // namespace faceprint
