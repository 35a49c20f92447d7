#pragma once

#include "cpu/mine.hpp"
#include "cuda/batch.hpp"

namespace faceprint::cuda {

// What the rule chooses for each pair: as `mine` of the CPU, but for the excess where it wants all triplets.
Mined mine(const Batch& batch, Watch* watch);

}  // namespace faceprint::cuda
