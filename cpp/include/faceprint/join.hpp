#pragma once

#include <span>

#include "faceprint/export.h"
#include "faceprint/gallery.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/nearest.hpp"

namespace FACEPRINT_API faceprint {

// One side of a join: some rows of a larger whole, what these are called there, and the k nearest others of each that
// are known so far.
//
//   gallery  float32 or float16 rows
//   numbers  [rows]     what each row is called, rising
//   values   [rows, k]  float32: distances, ascending, or similarities, descending; infinitely far where none is known
//   indices  [rows, k]  int64, numbers of other rows; of equal values the lower comes first
struct JoinSide {
  const Gallery& gallery;
  std::span<const std::int64_t> numbers;
  Matrix<float> values;
  Matrix<std::int64_t> indices;
};

// Puts the rows of each side among the nearest of those of the other, where they are near enough. So many rows may be
// kept in blocks: once `neighbours` has listed each block's own and each two blocks were joined, in any order, the
// lists are those of `neighbours` over all rows to the bit. Each pair of rows is computed once and offered to both.
//
// Where fewer than k are known, the places behind them hold the infinitely far value and the largest index.
//
// Throws std::invalid_argument if shapes do not agree, if a side is empty or has more than 2^32 rows, if numbers do not
// rise, if known values are NaN or not in order, or if a side's storage is int8; then no list has changed.
void join(const JoinSide& one, const JoinSide& other, const Search& search = {});

}  // namespace faceprint
