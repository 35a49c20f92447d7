#include "cpu/anchors.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>

#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t block_numbers = 1 << 20;  // distances in memory at once: 4 MB
constexpr std::ptrdiff_t anchors_per_chunk = 8;
constexpr double work_per_distance = 16;  // of a visit, in multiply-adds
constexpr float infinity = std::numeric_limits<float>::infinity();

// One part of the work of a watched call.
class Part final : public Watch {
 public:
  Part(Watch* whole, double begin, double end) : whole_(whole), begin_(begin), end_(end) {}

  void look(double done) override { whole_->look(begin_ + done * (end_ - begin_)); }
  Watch* watch() { return whole_ ? this : nullptr; }

 private:
  Watch* const whole_;
  const double begin_, end_;
};

std::ptrdiff_t whole_panels(std::ptrdiff_t rows) { return divide_up(rows, Gallery::panel_rows) * Gallery::panel_rows; }

void list_pairs(const TripletRule& rule, std::int64_t row, std::span<const std::int64_t> own, const float* distances,
                std::vector<Pair>& pairs) {
  pairs.clear();
  for (const std::int64_t positive : own) {
    if (positive != row) pairs.push_back(pair_of(rule, positive, distances[positive]));
  }
  if (pairs.empty()) return;
  if (rule.kind == Mining::batch_hard) pairs = {*std::ranges::max_element(pairs, {}, &Pair::distance)};
  if (rule.kind == Mining::easy_positive) pairs = {*std::ranges::min_element(pairs, {}, &Pair::distance)};
}

}  // namespace

std::ptrdiff_t anchors_per_block(std::ptrdiff_t rows) {
  return std::max<std::ptrdiff_t>(1, block_numbers / whole_panels(rows) / anchor_multiple) * anchor_multiple;
}

void visit_anchors(const TripletBatch& batch, const std::function<void(const AnchorBlock&)>& open,
                   const std::function<void(const Anchor&)>& visit,
                   const std::function<void(const AnchorBlock&)>& close) {
  const std::ptrdiff_t all = batch.anchors(), rows = batch.embeddings.rows;
  if (all == 0) return;
  const std::ptrdiff_t columns = whole_panels(rows);
  const std::ptrdiff_t most = std::min(all, anchors_per_block(rows));
  const auto memory = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(most * columns));
  const auto share = [&](std::ptrdiff_t anchors) { return static_cast<double>(anchors) / static_cast<double>(all); };

  Progress whole(batch.watch, static_cast<double>(all));
  for (std::ptrdiff_t first = 0; first < all; first += most) {
    const std::ptrdiff_t count = std::min(most, all - first);
    const Matrix<float> distances = {memory.get(), count, rows, columns};
    const double begin = share(first), end = share(first + count), middle = (begin + end) / 2;
    Part computing(batch.watch, begin, middle);
    split_distances(batch.embeddings.slice(first, count), batch.embeddings, distances, batch.threads, computing.watch(),
                    batch.kernels.distances);

    open({first, distances});
    Part visiting(batch.watch, middle, end);
    Progress progress(visiting.watch(), static_cast<double>(count));
    const auto visit_some = [&](std::ptrdiff_t chunk) {
      std::vector<Pair> pairs;
      const std::ptrdiff_t last = std::min((chunk + 1) * anchors_per_chunk, count);
      for (std::ptrdiff_t i = chunk * anchors_per_chunk; i < last; ++i) {
        float* apart = distances.row(i);
        const std::span<const std::int64_t> own = batch.groups.of(first + i);
        list_pairs(batch.rule, first + i, own, apart, pairs);
        for (const std::int64_t row : own) apart[row] = infinity;
        std::fill(apart + rows, apart + columns, infinity);
        visit({.row = first + i, .own = own, .pairs = pairs, .distances = apart, .columns = columns});
        progress.add(1);
      }
    };
    const double work = static_cast<double>(count) * static_cast<double>(rows) * work_per_distance;
    parallel_for(worthwhile_threads(batch.threads, work), divide_up(count, anchors_per_chunk), visit_some, &progress);
    close({first, distances});
    whole.add(static_cast<double>(count));  // a block alone may be too short to be looked at
  }
}

}  // namespace faceprint
