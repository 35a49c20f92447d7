#pragma once
// How searches are divided over threads and blocks of the gallery, and run by the kernels of one instruction set. How
// they are divided changes no bit of the answers.

#include "cpu/scan.hpp"
#include "faceprint/nearest.hpp"

namespace faceprint {

std::int64_t search_nearest(const ScanKernels& kernels, Matrix<const float> queries, const Gallery& gallery,
                            const Search& search, Matrix<float> values, Matrix<std::int64_t> indices);
void search_within(const ScanKernels& kernels, Matrix<const float> queries, const Gallery& gallery, float limit,
                   const Search& search, Neighbourhoods& found);

}  // namespace faceprint
