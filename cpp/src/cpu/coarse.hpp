#pragma once
// One or two queries, for which a search waits for memory: nibbles bound every row's key, and only rows whose bound is
// near enough are computed.

#include <optional>

#include "cpu/collect.hpp"
#include "cpu/pack.hpp"
#include "threads.hpp"

namespace faceprint {

inline constexpr std::ptrdiff_t coarse_queries = 2;  // at most

// Finds the nearest rows among the panels from one to another, as heaps, and returns how many rows were computed; or
// nothing, where the bounds exclude too few rows to be worth it.
std::optional<std::int64_t> search_coarsely(const ScanKernels& kernels, const Gallery& gallery, Metric metric,
                                            Matrix<const float> queries, std::ptrdiff_t first_panel,
                                            std::ptrdiff_t last_panel, Matrix<float> keys, Matrix<std::int64_t> indices,
                                            Progress& progress);

}  // namespace faceprint
