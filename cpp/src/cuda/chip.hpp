#pragma once

#include <cstdint>
#include <span>

#include "cuda/device.hpp"
#include "faceprint/chip.hpp"

namespace faceprint::cuda {

// As the public header has it, for arguments that have been checked: what lies under the chips is sent to the card.
template <class T>
void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<T> out, const Stream& stream);

// The same, written on the card, [crops, values_per_chip], for the network to read them there.
template <class T>
void chips_on_card(std::span<const Crop> crops, const ChipFormat& format, T* out, const Stream& stream);

}  // namespace faceprint::cuda
