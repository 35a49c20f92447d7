#include "cuda/count_pairs.cuh"

#include <algorithm>
#include <mutex>
#include <vector>

#include "cuda/count_pairs.hpp"
#include "cuda/queries.hpp"

namespace faceprint::cuda {

namespace {

std::vector<std::int32_t> numbers_of(std::span<const std::int64_t> bins) {
  std::vector<std::int32_t> numbers(std::size_t{distance_bins}, -1);
  for (std::size_t i = 0; i < bins.size(); ++i) {
    numbers[static_cast<std::size_t>(bins[i])] = static_cast<std::int32_t>(i);
  }
  return numbers;
}

// What one card counts.
class CardCounts {
 public:
  CardCounts(std::span<const std::int64_t> bins, const Stream& stream)
      : stream_(stream),
        numbers_(uploaded(numbers_of(bins).data(), distance_bins, stream)),
        counts_(distance_bins, stream),
        places_(std::ssize(bins) * bin_places, stream) {
    stream.wait();  // for the numbers, which are gone after this
    clear(counts_, stream);
    if (places_.size() > 0) clear(places_, stream);
  }

  void add(const Pairs<float>& pairs, const PairNumbers& numbers) {
    with_shape(pairs.queries.rows, [&]<class Shape>(Shape shape) {
      const Stripes stripes(shape, pairs.queries.rows, pairs.rows.rows);
      const dim3 grid(static_cast<unsigned>(divide_up(pairs.queries.rows, Shape::queries)),
                      static_cast<unsigned>(stripes.count));
      launch(count_keys<Shape>, grid, Shape::threads, 0, stream_, pairs,
             PairBins{counts_.data(), places_.data(), numbers_.data()}, numbers, stripes.tiles);
    });
  }

  void add_to(std::span<std::int64_t> counts, Matrix<std::int64_t> places) const {
    std::vector<Count> found(std::size_t{distance_bins});
    download(counts_.data(), distance_bins, found.data(), stream_);
    for (std::size_t bin = 0; bin < counts.size(); ++bin) counts[bin] += static_cast<std::int64_t>(found[bin]);
    for (std::ptrdiff_t i = 0; i < places.rows; ++i) {
      download(places_.data() + i * bin_places, bin_places, found.data(), stream_);
      for (std::ptrdiff_t place = 0; place < bin_places; ++place) {
        places.row(i)[place] += static_cast<std::int64_t>(found[static_cast<std::size_t>(place)]);
      }
    }
  }

 private:
  const Stream& stream_;
  DeviceArray<std::int32_t> numbers_;
  DeviceArray<Count> counts_, places_;
};

}  // namespace

void count_pairs(const FacedRows& faced, std::span<const std::int64_t> bins, std::span<std::int64_t> counts,
                 Matrix<std::int64_t> places, Progress& progress) {
  if (faced.rows.rows == 0 || faced.gallery.rows() == 0) return;
  const Metric metric = Metric::squared_euclidean;
  const CardGallery cards(faced.gallery);
  std::mutex mutex;
  cards.on_each_card(progress, [&](std::ptrdiff_t card, const Stream& stream) {
    CardCounts counted(bins, stream);
    for (std::ptrdiff_t first = 0; first < faced.rows.rows; first += most_queries) {
      const std::ptrdiff_t count = std::min(most_queries, faced.rows.rows - first);
      const Queries<float> queries(pack_from_host(faced.rows.slice(first, count), stream), 0, metric, stream);
      cards.for_slabs(card, stream, [&](const Slab& slab) {
        const RowTerms terms = terms_of(slab, metric, stream);
        counted.add(queries.with(slab.panels<float>(), terms), {slab.first_row(), first, faced.own});
        stream.wait();
        progress.add(static_cast<double>(count) * slab.rows());
      });
    }
    const std::scoped_lock lock(mutex);
    counted.add_to(counts, places);
  });
}

}  // namespace faceprint::cuda
