#pragma once

#include "cuda/device.hpp"
#include "faceprint/triplets.hpp"
#include "groups.hpp"

namespace faceprint::cuda {

// As the public header has them, for arguments that have been checked.
Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Watch* watch,
                       const Stream& stream);
TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Hinge hinge,
                         bool mean, Matrix<float> gradient, Watch* watch, const Stream& stream);

// The same for embeddings, and a gradient, that lie on the card. What is named comes to the host all the same.
Triplets mine_triplets_on_card(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                               Watch* watch, const Stream& stream);
TripletLoss triplet_loss_on_card(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                                 Hinge hinge, bool mean, Matrix<float> gradient, Watch* watch, const Stream& stream);

}  // namespace faceprint::cuda
