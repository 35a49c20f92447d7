#pragma once
// Triplets of an anchor a, a positive p of the same identity and a negative n of another one, and what they teach.
// Distances are those of `distances`: squared Euclidean, float32. An inequality between them and a margin is decided as
// if without rounding.

#include <cstdint>
#include <span>

#include "faceprint/export.h"
#include "faceprint/growing.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace FACEPRINT_API faceprint {

// Which triplets are wanted. d(a, n) < d(a, p) + margin holds in all of them: of others the loss is zero.
enum class Mining {
  // Of every anchor and positive, one negative with d(a, p) < d(a, n): Schroff et al., "FaceNet", 2015, section 3.2.
  semihard,
  // Of every anchor and positive, the nearest negative, even one that is nearer than the positive (the same section).
  hardest,
  // Of every anchor and positive, any negative within the margin.
  random_in_margin,
  // Of every anchor, its farthest positive and its nearest negative: Hermans et al., "In defense of the triplet loss",
  // 2017, equation 5.
  batch_hard,
  // All of them (equation 7 there).
  batch_all,
  // Of every anchor, its nearest positive and one negative with d(a, p) < d(a, n): Xuan et al., "Improved embeddings
  // with easy positive triplet mining", 2020.
  easy_positive,
};

// Which negative of several: the nearest or any. Only semihard and easy_positive leave it open.
enum class Choice { hardest, random };

struct TripletRule {
  Mining kind = Mining::semihard;
  Choice choice = Choice::hardest;
  double margin = 0.2;         // above 0; may be infinite
  std::uint64_t seed = 0;      // of what is chosen at random
  std::ptrdiff_t anchors = 0;  // only the first so many rows are anchors; 0: all are
};

// In the order of anchor, positive, negative; row numbers.
struct Triplets {
  Growing<std::int64_t> anchors, positives, negatives;
};

// The triplets of a batch.
//
//   embeddings  [rows, depth]  float32
//   labels      [rows]         identities: rows are of the same one where their labels are equal
//
// Of equally near or far rows the lower one is taken. A random choice is uniform and depends on the seed, the anchor,
// the positive and the distances of the anchor alone. Identities of one row have no pair and serve as negatives; of a
// single identity there is no triplet. Neither the backend nor the number of threads changes anything.
//
// Memory beyond the result: 4 MB, from 8,192 rows on 512 bytes a row, and for each thread some bytes a row.
//
// Throws std::invalid_argument if shapes do not agree, if depth is not in [1, 2^20], if a value is not finite or lies
// outside [-1e15, 1e15], if the margin is not above 0, or if there are fewer rows than anchors.
Triplets mine_triplets(Matrix<const float> embeddings, std::span<const std::int64_t> labels, const TripletRule& rule,
                       int threads = 0, Watch* watch = nullptr);

// Throws as `mine_triplets` does for a batch of such a shape, whatever its values.
void check_triplets(std::ptrdiff_t rows, std::ptrdiff_t depth, std::span<const std::int64_t> labels,
                    const TripletRule& rule);

// What one triplet costs.
enum class Hinge {
  margin,  // d(a, p) - d(a, n) + margin, never below zero: FaceNet, equation 3
  soft,    // log(1 + exp(d(a, p) - d(a, n))): Hermans et al., section 2
};

struct TripletLoss {
  double value;           // the mean over the triplets, or their sum; 0 where there are none
  std::int64_t triplets;  // how many there were
};

// The loss over the triplets that the rule wants, and its gradient.
//
//   gradient  [rows, depth]  float32; must not overlap the embeddings
//
// With Mining::batch_all no triplet is enumerated: the negatives of an anchor are binned by its sorted positives, whose
// prefix sums give the exact sum over all triplets; so time grows with rows^2 * (depth + log rows), not rows^3.
// It has no soft hinge. Which triplets there are counts as constant, so at distances where one comes or goes the
// gradient is that of one side. Sums run over float32 distances in float64. Memory beyond that of
// mine_triplets: 12 bytes for each number of the embeddings.
//
// Throws as mine_triplets does, and if a soft hinge is asked of batch_all.
TripletLoss triplet_loss(Matrix<const float> embeddings, std::span<const std::int64_t> labels, const TripletRule& rule,
                         Hinge hinge, bool mean, Matrix<float> gradient, int threads = 0, Watch* watch = nullptr);

// Throws as `triplet_loss` does for what these cannot have together.
void check_hinge(const TripletRule& rule, Hinge hinge);

}  // namespace faceprint
