#pragma once
// What the parameter `threads` of every operation means.

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// 0 takes `default_threads()`; otherwise the number of threads to use at most. Threads live only as long as the call
// that started them, so a process may fork between calls. No result depends on their number.
// Every operation throws std::invalid_argument for a negative number.

// What `threads = 0` stands for: the number of CPUs this process may run on now, but no more than the control groups of
// Linux (containers, systemd) give it time for, rounded up. Their limit is read once, when it is first needed.
int default_threads();

}  // namespace faceprint
