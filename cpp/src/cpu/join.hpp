#pragma once
// How rows that meet each other, each pair once, are divided over threads and blocks, and run by the kernels of one
// instruction set. How they are divided changes no bit of the answers.

#include "backend.hpp"
#include "cpu/scan.hpp"
#include "faceprint/nearest.hpp"

namespace faceprint {

void search_neighbours(const ScanKernels& kernels, const Gallery& gallery, const Search& search, Matrix<float> values,
                       Matrix<std::int64_t> indices);
void join_rows(const ScanKernels& kernels, const JoinRows& one, const JoinRows& other, const Search& search);

}  // namespace faceprint
