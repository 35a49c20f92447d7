#include "cpu/loss.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/batch_all.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t slice_columns = 16;  // of the gradient, for one task: a cache line of the embeddings

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// Its derivative.
double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

// Each triplet pulls its anchor and positive together and pushes its anchor and negative apart, weighted by the
// derivative of its hinge. Tasks share columns, not triplets, so that sums run in the order of triplets.
void add_gradient(const TripletBatch& batch, const Triplets& triplets, const std::vector<double>& weights,
                  Matrix<double> gradient) {
  const std::ptrdiff_t count = triplets.anchors.size(), depth = batch.embeddings.columns;
  const auto work = [&](std::ptrdiff_t slice) {
    const std::ptrdiff_t first = slice * slice_columns, columns = std::min(slice_columns, depth - first);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const std::int64_t rows[] = {triplets.anchors.data()[i], triplets.positives.data()[i],
                                   triplets.negatives.data()[i]};
      const float* anchor = batch.embeddings.row(rows[0]) + first;
      const float* positive = batch.embeddings.row(rows[1]) + first;
      const float* negative = batch.embeddings.row(rows[2]) + first;
      const double weight = 2 * weights[at(i)];
      for (std::ptrdiff_t d = 0; d < columns; ++d) {
        const auto a = static_cast<double>(anchor[d]), p = static_cast<double>(positive[d]),
                   n = static_cast<double>(negative[d]);
        gradient.row(rows[0])[first + d] += weight * (n - p);
        gradient.row(rows[1])[first + d] += weight * (p - a);
        gradient.row(rows[2])[first + d] += weight * (a - n);
      }
    }
  };
  const int threads = worthwhile_threads(batch.threads, 6.0 * static_cast<double>(count * depth));
  parallel_for(threads, divide_up(depth, slice_columns), work);
}

TripletSum sum_mined(const TripletBatch& batch, Hinge hinge, Matrix<double> gradient) {
  const Mined mined = mine(batch);
  const Hinged found = hinged(mined, hinge, batch.rule.margin);
  add_gradient(batch, mined.triplets, found.slopes, gradient);
  return found.sum;
}

}  // namespace

Hinged hinged(const Mined& mined, Hinge hinge, double margin) {
  Hinged found = {.sum = {.sum = 0, .count = mined.excess.size()},
                  .slopes = std::vector<double>(at(mined.excess.size()), 1)};
  for (std::ptrdiff_t i = 0; i < found.sum.count; ++i) {
    const double excess = mined.excess.data()[i];
    found.sum.sum += hinge == Hinge::soft ? softplus(excess) : excess + margin;
    if (hinge == Hinge::soft) found.slopes[at(i)] = sigmoid(excess);
  }
  return found;
}

TripletLoss loss_of(const TripletBatch& batch, Hinge hinge, bool mean, Matrix<float> gradient) {
  std::vector<double> memory(at(gradient.rows * gradient.columns));
  const Matrix<double> sums = {memory.data(), gradient.rows, gradient.columns, gradient.columns};
  const TripletSum found = batch.rule.kind == Mining::batch_all ? sum_all(batch, sums) : sum_mined(batch, hinge, sums);
  const double scale = mean && found.count > 0 ? 1 / static_cast<double>(found.count) : 1;
  for (std::ptrdiff_t row = 0; row < gradient.rows; ++row) {
    for (std::ptrdiff_t d = 0; d < gradient.columns; ++d) {
      gradient.row(row)[d] = static_cast<float>(sums.row(row)[d] * scale);
    }
  }
  return {.value = found.sum * scale, .triplets = found.count};
}

}  // namespace faceprint
