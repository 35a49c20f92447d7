#pragma once

#include <span>

#include "backend.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// As Backend::count_pairs.
void count_pairs(const FacedRows& faced, std::span<const std::int64_t> bins, std::span<std::int64_t> counts,
                 Matrix<std::int64_t> places, Progress& progress);

}  // namespace faceprint::cuda
