#pragma once

#include "cpu/anchors.hpp"

namespace faceprint {

struct Mined {
  Triplets triplets;
  Growing<double> excess;  // of each, d(a, p) - d(a, n)
};

Mined mine(const TripletBatch& batch);

}  // namespace faceprint
