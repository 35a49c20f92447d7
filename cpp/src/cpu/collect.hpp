#pragma once
// What becomes of the keys that the kernels offer.

#include <vector>

#include "cpu/heap.hpp"
#include "cpu/hits.hpp"
#include "cpu/scan.hpp"
#include "cpu/shortlist.hpp"
#include "faceprint/nearest.hpp"
#include "threads.hpp"

namespace faceprint {

// How keys become the values that are given out: distances are never below 0, cosines within [-1, 1].
struct Values {
  float lowest, highest;  // of keys
  bool similarity;

  explicit Values(Metric metric);
  float key(float found) const { return found < lowest ? lowest : found > highest ? highest : found; }
  float value(float key) const { return similarity ? 0.0f - key : key; }
};

// Turns keys of any number of rows into values where they are.
void turn_into_values(Metric metric, Matrix<float> keys);

// What `within` lets be a hit, for kernels, whose comparison is strict.
float limit_of_keys(Values values, float limit);

// Keeps each query's k least keys, by key and then index. Rows must be offered in ascending order.
class NearestCollector final : public Collector {
 public:
  // One heap a query, and its top as its limit.
  NearestCollector(Values values, Matrix<float> keys, Matrix<std::int64_t> indices, float* limits);

  void begin(const Block& block) { first_row_ = block.first_row; }
  void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) override;

 private:
  Values values_;
  Matrix<float> keys_;
  Matrix<std::int64_t> indices_;
  float* limits_;
  std::int64_t first_row_ = 0;
};

// Hands every key that is offered on to the hits; `first_query` is the number there of the first one here.
class WithinCollector final : public Collector {
 public:
  WithinCollector(Values values, Hits& hits, std::ptrdiff_t first_query, Progress& progress)
      : values_(values), hits_(hits), first_query_(first_query), progress_(progress) {}

  void begin(const Block& block) { first_row_ = block.first_row; }
  void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) override;
  void hand_on();  // many at a time; also to be called at the end

 private:
  Values values_;
  Hits& hits_;
  const std::ptrdiff_t first_query_;
  Progress& progress_;  // may want to look: where all rows are hits, they take longer than the scan
  std::int64_t first_row_ = 0;
  std::vector<float> keys_;
  std::vector<std::int64_t> places_;
};

// Offers each pair of rows to both, in any order. Where the queries are rows of the same gallery, with the same
// shortlists, pairs whose query is not before the row are left out: else each would come twice, and a row to itself.
class JoinCollector final : public Collector {
 public:
  JoinCollector(Values values, Shortlists& of_queries, Shortlists& of_rows)
      : values_(values), of_queries_(of_queries), of_rows_(of_rows) {}

  void begin(std::int64_t first_query, const Block& block) {
    first_query_ = first_query;
    first_row_ = block.first_row;
  }
  void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) override;

 private:
  Values values_;
  Shortlists &of_queries_, &of_rows_;
  Shortlists::Scratch scratch_;
  std::int64_t first_query_ = 0, first_row_ = 0;
};

// Computes the exact keys of rows that bounds did not exclude, and passes on those below the limits.
class CertifiedCollector final : public Collector {
 public:
  CertifiedCollector(const ScanKernels& kernels, const Batch& batch, Collector& collector)
      : kernels_(kernels), batch_(batch), collector_(collector) {}

  void begin(const Block& block) { block_ = &block; }
  void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* bounds) override;
  std::int64_t computed() const { return computed_; }

 private:
  const ScanKernels& kernels_;
  const Batch& batch_;
  Collector& collector_;
  const Block* block_ = nullptr;
  std::int64_t computed_ = 0;
};

}  // namespace faceprint
