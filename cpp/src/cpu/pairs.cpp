#include "cpu/pairs.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <mutex>
#include <vector>

#include "cpu/pack.hpp"
#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "faceprint/pairs.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::int64_t everything = std::numeric_limits<std::int32_t>::min();  // lies before every row
constexpr std::size_t patterns = std::size_t{distance_bins} + 1;           // with that of places without a row: infinite
constexpr std::int64_t most_counted = std::int64_t{1} << 31;               // in 32 bits, before it is handed on

// Adds what a thread has counted to what all have.
template <class Count>
void hand_on(std::vector<Count>& counts, std::span<std::int64_t> total, std::mutex& mutex) {
  const std::scoped_lock lock(mutex);
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += counts[i];
  std::ranges::fill(counts, 0);
}

// Counts what one batch of rows meets, by bins.
class BinCounter {
 public:
  BinCounter(const ScanKernels& kernels, PackedBatch& batch, std::span<std::int64_t> total, std::mutex& mutex)
      : kernels_(kernels),
        batch_(batch.batch()),
        total_(total),
        mutex_(mutex),
        counts_(patterns),
        keys_(most_tile_keys) {}

  void meet(const Block& block, std::int64_t first_query) {
    Tally tally = {.counts = counts_.data(), .first_query = first_query, .keys = keys_.data()};
    kernels_.count_floats(batch_, block, tally);
    counted_ += batch_.count * block.panels * panel_rows;
    if (counted_ >= most_counted) finish();
  }

  void finish() {
    hand_on(counts_, total_, mutex_);
    counted_ = 0;
  }

 private:
  const ScanKernels& kernels_;
  const Batch& batch_;
  const std::span<std::int64_t> total_;
  std::mutex& mutex_;
  std::vector<std::uint32_t> counts_;
  std::vector<float> keys_;
  std::int64_t counted_ = 0;
};

// The bins whose places are told apart, and where all threads add to.
class Places {
 public:
  Places(std::span<const std::int64_t> bins, std::span<std::int64_t> counts, Matrix<std::int64_t> places)
      : bins_(bins), counts_(counts), places_(places), numbers_(counts.size(), -1) {
    for (std::size_t i = 0; i < bins.size(); ++i) {
      numbers_[static_cast<std::size_t>(bins[i])] = static_cast<std::int32_t>(i);
    }
  }

  std::size_t bins() const { return numbers_.size(); }  // up to the last
  std::size_t places() const { return bins_.size() * std::size_t{bin_places}; }
  float end() const { return std::bit_cast<float>(static_cast<std::uint32_t>((bins_.back() + 1) << place_bits)); }
  std::int32_t number(std::size_t bin) const { return numbers_[bin]; }  // among the chosen, or -1

  void add(std::vector<std::int64_t>& counts, std::vector<std::int64_t>& places) {
    hand_on(counts, counts_, mutex_);
    const std::scoped_lock lock(mutex_);
    for (std::ptrdiff_t i = 0; i < places_.rows; ++i) {
      for (std::ptrdiff_t place = 0; place < bin_places; ++place) {
        places_.row(i)[place] += places[static_cast<std::size_t>(i * bin_places + place)];
      }
    }
  }

 private:
  const std::span<const std::int64_t> bins_;
  const std::span<std::int64_t> counts_;
  const Matrix<std::int64_t> places_;
  std::vector<std::int32_t> numbers_;
  std::mutex mutex_;
};

// Counts what one batch of rows meets below the end of the last bin, by bins and by places of some.
class PlaceCounter final : public Collector {
 public:
  PlaceCounter(const ScanKernels& kernels, PackedBatch& batch, Places& places)
      : kernels_(kernels),
        batch_(batch.batch()),
        all_(places),
        limits_(static_cast<std::size_t>(batch_.count), places.end()),
        counts_(places.bins()),
        places_(places.places()) {
    batch.set_limits(limits_.data());
  }

  void meet(const Block& block, std::int64_t first_query) {
    first_query_ = first_query;
    kernels_.scan_floats(batch_, block, *this);
  }

  void offer(std::ptrdiff_t query, std::ptrdiff_t row, std::uint32_t found, const float* keys) override {
    for (; found; found &= found - 1) {
      const int lane = std::countr_zero(found);
      if (row + lane <= first_query_ + query) continue;
      const auto bits = std::bit_cast<std::uint32_t>(std::max(keys[lane], 0.0f));
      const std::size_t bin = bits >> place_bits, place = bits & (bin_places - 1);
      ++counts_[bin];
      const std::int32_t number = all_.number(bin);
      if (number >= 0) ++places_[static_cast<std::size_t>(number) * std::size_t{bin_places} + place];
    }
  }

  void finish() { all_.add(counts_, places_); }

 private:
  const ScanKernels& kernels_;
  const Batch& batch_;
  Places& all_;
  const std::vector<float> limits_;
  std::vector<std::int64_t> counts_, places_;
  std::int64_t first_query_ = 0;
};

// Lets every batch of rows meet every block of the gallery, counted by what make(batch) gives.
template <class Make>
void count_meetings(const ScanKernels& kernels, const FacedRows& faced, int threads, Progress& progress,
                    const Make& make) {
  const std::ptrdiff_t rows = faced.rows.rows, depth = faced.rows.columns, end = faced.gallery.panel_count();
  const Task task = {kernels, faced.gallery, Metric::squared_euclidean, Codes::none};
  threads = threads_for(threads, rows, faced.gallery.rows(), depth);
  const std::ptrdiff_t batch_rows = queries_per_batch(rows, depth, 8 * std::ptrdiff_t{threads});
  const std::ptrdiff_t most = panels_per_block(4 * depth);
  const auto run = [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t first = chunk * batch_rows, count = std::min(batch_rows, rows - first);
    PackedBatch batch(task, count);
    batch.pack(faced.rows.slice(first, count));
    Blocks blocks(task, most);
    auto counter = make(batch);
    for (std::ptrdiff_t panel = faced.own ? first / panel_rows : 0; panel < end; panel += most) {
      const Block block = blocks.make(panel, std::min(most, end - panel));
      counter.meet(block, faced.own ? first - block.first_row : everything);
      progress.add(static_cast<double>(count * block.panels * panel_rows));
    }
    counter.finish();
  };
  parallel_for(threads, divide_up(rows, batch_rows), run, &progress);
}

}  // namespace

void count_all_pairs(const ScanKernels& kernels, const FacedRows& faced, std::span<std::int64_t> counts, int threads,
                     Progress& progress) {
  std::mutex mutex;
  count_meetings(kernels, faced, threads, progress,
                 [&](PackedBatch& batch) { return BinCounter(kernels, batch, counts, mutex); });
}

void count_all_pairs_in(const ScanKernels& kernels, const FacedRows& faced, std::span<const std::int64_t> bins,
                        std::span<std::int64_t> counts, Matrix<std::int64_t> places, int threads, Progress& progress) {
  Places all(bins, counts, places);
  count_meetings(kernels, faced, threads, progress,
                 [&](PackedBatch& batch) { return PlaceCounter(kernels, batch, all); });
}

}  // namespace faceprint
