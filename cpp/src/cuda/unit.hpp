#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "half.hpp"

namespace faceprint::cuda {

// From what a network gave for `views` views of each face, rows without a gap, to a unit row for each: the mean of its
// views' rows, each scaled to unit length before, scaled to unit length. All of it lies on the card. Says whether every
// row had a direction; waits for the card.
template <class T>
bool unit_means(const T* outputs, std::int64_t views, Matrix<float> means, const Stream& stream);

}  // namespace faceprint::cuda
