#pragma once
// How large the pieces are in which queries meet a gallery; none changes a bit of a result.

#include <cstddef>

namespace faceprint {

// A multiple of the number of queries that any backend works on at once.
inline constexpr std::ptrdiff_t tile_multiple = 12;

// Panels of the gallery that a batch of queries passes over at a time: half of a small second-level cache.
std::ptrdiff_t panels_per_block(std::ptrdiff_t row_bytes);

// Whole tiles, few enough for the memory set aside for packing, many enough batches for all threads.
std::ptrdiff_t queries_per_batch(std::ptrdiff_t queries, std::ptrdiff_t depth, std::ptrdiff_t batches);

// As many of `threads` as earn their start.
int threads_for(int threads, std::ptrdiff_t queries, std::ptrdiff_t gallery, std::ptrdiff_t depth);

}  // namespace faceprint
