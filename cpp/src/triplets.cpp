#include "faceprint/triplets.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "backend.hpp"
#include "check.hpp"
#include "groups.hpp"
#include "threads.hpp"

namespace faceprint {

void check_triplets(std::ptrdiff_t rows, std::ptrdiff_t depth, std::span<const std::int64_t> labels,
                    const TripletRule& rule) {
  check_columns("embeddings", depth);
  check_length("labels", labels.size(), rows);
  if (!(rule.margin > 0)) throw std::invalid_argument("margin must be above 0, not " + std::to_string(rule.margin));
  if (rule.anchors < 0 || rule.anchors > rows) {
    throw std::invalid_argument("anchors must be 0 (all) or at most the number of rows, " + std::to_string(rows) +
                                ", not " + std::to_string(rule.anchors));
  }
}

void check_hinge(const TripletRule& rule, Hinge hinge) {
  if (hinge == Hinge::soft && rule.kind == Mining::batch_all) {
    throw std::invalid_argument("a soft hinge has no sum over all triplets that need not name them; mine some");
  }
  if (hinge == Hinge::margin && std::isinf(rule.margin)) {
    throw std::invalid_argument("margin must be finite where it is part of the loss, not inf");
  }
}

Triplets mine_triplets(Matrix<const float> embeddings, std::span<const std::int64_t> labels, const TripletRule& rule,
                       int threads, Watch* watch) {
  threads = resolve_threads(threads);
  check_triplets(embeddings.rows, embeddings.columns, labels, rule);
  check_values("embeddings", embeddings);
  return active().mine_triplets(embeddings, Groups(labels), rule, threads, watch);
}

TripletLoss triplet_loss(Matrix<const float> embeddings, std::span<const std::int64_t> labels, const TripletRule& rule,
                         Hinge hinge, bool mean, Matrix<float> gradient, int threads, Watch* watch) {
  threads = resolve_threads(threads);
  check_triplets(embeddings.rows, embeddings.columns, labels, rule);
  check_values("embeddings", embeddings);
  check_shape("gradient", gradient, embeddings.rows, embeddings.columns);
  check_hinge(rule, hinge);
  return active().triplet_loss(embeddings, Groups(labels), rule, hinge, mean, gradient, threads, watch);
}

}  // namespace faceprint
