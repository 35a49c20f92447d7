#pragma once

#include "cuda/device.hpp"
#include "faceprint/triplets.hpp"
#include "groups.hpp"

namespace faceprint::cuda {

Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Watch* watch,
                       const Stream& stream);
TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Hinge hinge,
                         bool mean, Matrix<float> gradient, Watch* watch, const Stream& stream);

}  // namespace faceprint::cuda
