#pragma once
// One or two queries, for which a search waits for memory: nibbles bound every row's key, and only rows whose bound is
// near enough are computed.

#include <optional>

#include "cpu/collect.hpp"
#include "cpu/pack.hpp"
#include "threads.hpp"

namespace faceprint {

inline constexpr std::ptrdiff_t coarse_queries = 2;  // at most

// Finds the nearest rows, sorted, and returns how many rows were computed; or nothing, where the bounds exclude too few
// rows to be worth it. Threads share the gallery while it is bounded, not the limit: with one of its own, a part of the
// gallery that holds nobody near would compute many rows in vain.
std::optional<std::int64_t> search_coarsely(const ScanKernels& kernels, const Gallery& gallery, Metric metric,
                                            Matrix<const float> queries, Matrix<float> keys,
                                            Matrix<std::int64_t> indices, int threads, Progress& progress);

}  // namespace faceprint
