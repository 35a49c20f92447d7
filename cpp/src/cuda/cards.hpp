#pragma once

#include <string>
#include <vector>

namespace faceprint::cuda {

// The cards of this machine for which there are kernels, as CUDA numbers them.
std::vector<int> cards_that_run();

// Why there are none, or nothing.
std::string why_none_runs();

// How many blocks of a kernel the current card runs at once, if a multiprocessor holds so many.
int blocks_at_once(int blocks_per_multiprocessor);

}  // namespace faceprint::cuda
