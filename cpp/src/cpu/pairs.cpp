#include "cpu/pairs.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cpu/pack.hpp"
#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "faceprint/pairs.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::int64_t everything = std::numeric_limits<std::int32_t>::min();  // lies before every row
constexpr std::size_t bin_patterns = std::size_t{distance_bins} + 1;  // with that of places without a row: infinite
constexpr std::int64_t most_counted = std::int64_t{1} << 31;          // in 32 bits, before it is handed on

// Where all threads add what they have counted.
struct Totals {
  std::span<const std::int64_t> bins;
  std::span<std::int64_t> counts;
  Matrix<std::int64_t> places;
  std::mutex mutex;
};

void hand_on(std::span<std::uint32_t> counts, std::int64_t* total) {
  for (std::uint32_t& count : counts) *total++ += std::exchange(count, 0);
}

// Counts what one thread's batches of rows meet.
class Counter {
 public:
  Counter(const ScanKernels& kernels, Totals& totals, std::ptrdiff_t most_keys)
      : kernels_(kernels),
        totals_(totals),
        counts_(bin_patterns),
        places_(totals.bins.size() * std::size_t{bin_places}),
        chosen_(bin_patterns),
        numbers_(bin_patterns),
        patterns_(std::make_unique_for_overwrite<std::uint32_t[]>(static_cast<std::size_t>(most_keys))),
        keys_(most_tile_keys) {
    for (std::size_t i = 0; i < totals.bins.size(); ++i) {
      const auto bin = static_cast<std::size_t>(totals.bins[i]);
      chosen_[bin] = 1;
      numbers_[bin] = static_cast<std::uint32_t>(i);
    }
  }

  void meet(const Batch& batch, const Block& block, std::int64_t first_query) {
    Tally tally = {.counts = counts_.data(),
                   .chosen = chosen_.data(),
                   .patterns = patterns_.get(),
                   .first_query = first_query,
                   .keys = keys_.data()};
    kernels_.count_floats(batch, block, tally);
    count_places({patterns_.get(), tally.patterns});
    counted_ += batch.count * block.panels * panel_rows;
    if (counted_ >= most_counted) finish();
  }

  void finish() {
    const std::scoped_lock lock(totals_.mutex);
    hand_on(std::span(counts_).first(totals_.counts.size()), totals_.counts.data());
    for (std::ptrdiff_t i = 0; i < totals_.places.rows; ++i) {
      hand_on(std::span(places_).subspan(static_cast<std::size_t>(i * bin_places), std::size_t{bin_places}),
              totals_.places.row(i));
    }
    counted_ = 0;
  }

 private:
  // All at once, so that the processor waits for many of them at a time: they lie in memory, not in its caches.
  void count_places(std::span<const std::uint32_t> patterns) {
    for (const std::uint32_t pattern : patterns) {
      ++places_[numbers_[pattern >> place_bits] * std::size_t{bin_places} + (pattern & (bin_places - 1))];
    }
  }

  const ScanKernels& kernels_;
  Totals& totals_;
  std::vector<std::uint32_t> counts_, places_;
  std::vector<std::uint8_t> chosen_;
  std::vector<std::uint32_t> numbers_;  // of the chosen among themselves
  const std::unique_ptr<std::uint32_t[]> patterns_;
  std::vector<float> keys_;
  std::int64_t counted_ = 0;
};

}  // namespace

void count_all_pairs(const ScanKernels& kernels, const FacedRows& faced, std::span<const std::int64_t> bins,
                     std::span<std::int64_t> counts, Matrix<std::int64_t> places, int threads, Progress& progress) {
  const std::ptrdiff_t rows = faced.rows.rows, depth = faced.rows.columns, end = faced.gallery.panel_count();
  const Task task = {kernels, faced.gallery, Metric::squared_euclidean, Codes::none};
  threads = threads_for(threads, rows, faced.gallery.rows(), depth);
  const std::ptrdiff_t batch_rows = queries_per_batch(rows, depth, 8 * std::ptrdiff_t{threads});
  const std::ptrdiff_t most = panels_per_block(4 * depth);
  Totals totals{.bins = bins, .counts = counts, .places = places, .mutex = {}};
  std::atomic<std::ptrdiff_t> next_row = 0;
  const auto run = [&](std::ptrdiff_t) {
    Counter counter(kernels, totals, batch_rows * most * panel_rows);
    PackedBatch batch(task, batch_rows);
    Blocks blocks(task, most);
    for (std::ptrdiff_t first; (first = next_row.fetch_add(batch_rows)) < rows;) {
      batch.pack(faced.rows.slice(first, std::min(batch_rows, rows - first)));
      for (std::ptrdiff_t panel = faced.own ? first / panel_rows : 0; panel < end; panel += most) {
        const Block block = blocks.make(panel, std::min(most, end - panel));
        counter.meet(batch.batch(), block, faced.own ? first - block.first_row : everything);
        progress.add(static_cast<double>(batch.batch().count * block.panels * panel_rows));
      }
    }
    counter.finish();
  };
  parallel_for(threads, threads, run, &progress);
}

}  // namespace faceprint
