#pragma once

#include "faceprint/export.h"
#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace FACEPRINT_API faceprint {

// The squared Euclidean distance of every row of x to every row of y.
//
//   x    [rows, depth]   float32
//   y    [others, depth] float32
//   out  [rows, others]  float32, all >= 0; must not overlap the inputs
//
// Each distance is max((|x|^2 + |y|^2) - 2 <x, y>, 0), where the norms and the product are chains of fused
// multiply-adds in float32 over depth 0, 1, 2, ... So equal rows have distance exactly 0, the matrix of x with x is
// symmetric to the bit, and neither the backend nor the number of threads changes a bit. For rows of unit length,
// distances lie in [0, 4] and carry an error of at most about depth * 2.4e-7, typically far less.
//
// Throws std::invalid_argument if shapes do not agree, if depth is not in [1, 2^20], or if a value is not finite or
// lies outside [-1e15, 1e15], where distances could overflow.
void distances(Matrix<const float> x, Matrix<const float> y, Matrix<float> out, int threads = 0,
               Watch* watch = nullptr);

}  // namespace faceprint
