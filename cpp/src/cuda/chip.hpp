#pragma once

#include <cstdint>
#include <span>

#include "cuda/device.hpp"
#include "faceprint/chip.hpp"

namespace faceprint::cuda {

// As the public header has it; what lies under the chips is sent to the card.
template <class T>
void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<T> out, const Stream& stream);

}  // namespace faceprint::cuda
