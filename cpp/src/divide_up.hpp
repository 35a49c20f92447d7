#pragma once

#include <cstddef>

namespace faceprint {

// How many pieces of `b` it takes to hold `a`, which is not negative.
inline std::ptrdiff_t divide_up(std::ptrdiff_t a, std::ptrdiff_t b) { return (a + b - 1) / b; }

}  // namespace faceprint
