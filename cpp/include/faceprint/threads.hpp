#pragma once
// What the parameter `threads` of every operation means.

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// 0 takes every CPU this process may run on; otherwise the number of threads to use at most. Threads live only as
// long as the call that started them, so a process may fork between calls. No result depends on their number.
// Every operation throws std::invalid_argument for a negative number.

// The number of CPUs this process may run on: what `threads = 0` stands for.
int default_threads();

}  // namespace faceprint
