#pragma once
// How far apart the pairs of two identities lie, counted and never kept: validation and false accept rates (Schroff et
// al., "FaceNet", 2015, section 4) over any number of pairs.

#include <cstdint>
#include <optional>
#include <span>

#include "faceprint/export.h"
#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace FACEPRINT_API faceprint {

// Rows of one depth, and the identity of each: rows are of the same one where their labels are equal.
struct Labelled {
  Matrix<const float> embeddings;
  std::span<const std::int64_t> labels;
};

// Each of the rows with each of the others; or, where there are no others, each two of the rows, once.
struct RowPairs {
  Labelled rows;
  std::optional<Labelled> others;
};

// Distances are those of `distances`: squared Euclidean, float32, never negative. So the bits of one, read as a whole
// number, ascend with it. The bits above the last 13 are its bin, and the last 13 its place among the distances there.
inline constexpr int place_bits = 13;
inline constexpr std::ptrdiff_t bin_places = std::ptrdiff_t{1} << place_bits;
inline constexpr std::ptrdiff_t distance_bins = std::ptrdiff_t{0x7f80'0000} >> place_bits;  // of all finite distances

// How many pairs are in each bin, and how many at each place of some bins, which tells their distances to the bit.
//
//   bins    ascending, without repeats, each in [0, distance_bins)
//   counts  [2, distance_bins]      int64: of the same identity, and of different ones
//   places  [2 * bins, bin_places]  int64: two rows for each of the bins, as above
//
// Each distance is computed once, and counted while others are computed. Neither the backend nor the number of threads
// changes a count. Memory beyond the result: a packed copy of the rows that are compared with, and for each thread 7 MB
// at most and 32 kB for each of the bins.
//
// Throws std::invalid_argument if shapes do not agree, if the depth is not in [1, 2^20], if a value is not finite or
// lies outside [-1e15, 1e15], or if the bins are not as stated.
void count_pairs(const RowPairs& pairs, std::span<const std::int64_t> bins, Matrix<std::int64_t> counts,
                 Matrix<std::int64_t> places, int threads = 0, Watch* watch = nullptr);

// How many pairs of the same identity lie at most `limit` apart, by their first row.
//
//   accepted  [rows]  int64
//
// Throws as count_pairs does, and if the limit is not a number.
void count_same_within(const RowPairs& pairs, float limit, std::span<std::int64_t> accepted, int threads = 0,
                       Watch* watch = nullptr);

}  // namespace faceprint
