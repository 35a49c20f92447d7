#pragma once
// The host code of `count_pairs`: batch after batch of rows against the whole gallery.

#include <cstdint>
#include <span>

#include "backend.hpp"
#include "cpu/scan.hpp"
#include "threads.hpp"

namespace faceprint {

// As Backend::count_pairs.
void count_all_pairs(const ScanKernels& kernels, const FacedRows& faced, std::span<const std::int64_t> bins,
                     std::span<std::int64_t> counts, Matrix<std::int64_t> places, int threads, Progress& progress);

}  // namespace faceprint
