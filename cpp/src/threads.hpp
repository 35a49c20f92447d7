#pragma once

#include <cstddef>
#include <functional>

#include "faceprint/threads.hpp"

namespace faceprint {

// Checks the parameter `threads` of an operation and returns how many to use, at least 1.
int resolve_threads(int threads);

// As many of `threads` as earn more than their start costs, for so many multiply-adds in all.
int worthwhile_threads(int threads, double multiply_adds);

// Calls work(0) ... work(chunks - 1), each once, in any order, on up to `threads` threads including this one. The
// first exception stops the handing out of chunks and is thrown again here.
void parallel_for(int threads, std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work);

}  // namespace faceprint
