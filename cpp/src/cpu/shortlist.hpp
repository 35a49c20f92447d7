#pragma once
// The k nearest so far of each row, offered in any order. Nothing is sorted while they come in: the matrices of the
// answer hold what is kept and, in what room they have besides, what was offered since; when that is full, the farthest
// go. So an offer costs a few instructions where a heap moves a dozen entries.

#include <cstdint>
#include <vector>

#include "entry.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

class Shortlists {
 public:
  // Keys and indices of one answer a row, k columns each; indices are below 2^32. `limits`, one a row, are the highest
  // keys that are worth an offer, and fall. Infinite at first, or what more than k rows are known not to exceed, and
  // again at `highest`, to which keys are cut down before they are offered: kernels compare the limits with more.
  Shortlists(Matrix<float> keys, Matrix<std::int64_t> indices, float* limits, float highest);

  // Each row by one thread at a time; `scratch` is the thread's own.
  using Scratch = std::vector<Entry>;
  void offer(std::int64_t row, float key, std::int64_t index, Scratch& scratch);

  // Turns a row into its answer, the nearest first, equal keys by index; where fewer than k came, nobody infinitely far
  // stands behind them.
  void finish(std::int64_t row, Scratch& scratch) const;

 private:
  void gather(std::int64_t row, Scratch& scratch) const;

  Matrix<float> keys_;
  Matrix<std::int64_t> indices_;
  float* limits_;
  float highest_;
  std::ptrdiff_t room_;               // for entries, in both rows of an answer
  std::vector<std::int32_t> counts_;  // of entries there
};

}  // namespace faceprint
