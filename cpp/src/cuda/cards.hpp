#pragma once

#include <string>
#include <vector>

namespace faceprint::cuda {

// The cards of this machine for which there are kernels, as CUDA numbers them.
std::vector<int> cards_that_run();

// Why there are none, or nothing.
std::string why_none_runs();

// Whether tensor cores of the current card multiply numbers of TF32, which have the range of float32.
bool current_card_has_tf32();

// How many blocks of a kernel the current card runs at once, if a multiprocessor holds so many.
int blocks_at_once(int blocks_per_multiprocessor);

}  // namespace faceprint::cuda
