#pragma once

#include "cuda/prepare.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// All distances of rows on the card, written there, `stride` floats from row to row. Neither may have no rows.
void distances(const PackedRows& queries, const PackedRows& rows, float* out, std::ptrdiff_t stride,
               const Stream& stream);

// The same of rows of the host, as the public header has it.
void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, Progress& progress,
               const Stream& stream);

}  // namespace faceprint::cuda
