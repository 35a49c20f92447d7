// The kernels that multiply tiles, in both shapes and for all kinds of rows, against plain ones.

#include <algorithm>
#include <tuple>
#include <vector>

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/count_pairs_plain.cuh"
#include "cuda/distance.cuh"
#include "cuda/nearest.cuh"
#include "cuda/nearest_plain.cuh"
#include "cuda/queries.hpp"
#include "cuda/within.cuh"
#include "on_card.hpp"

using namespace faceprint;
using namespace faceprint::cuda;

namespace {

template <class Value>
constexpr Storage storage_of = std::is_same_v<Value, float>  ? Storage::float32
                               : std::is_same_v<Value, Half> ? Storage::float16
                                                             : Storage::int8;

// Some queries and a gallery on the card, and the keys of all pairs by the plain kernel.
template <class Value>
struct Meeting {
  Metric metric;
  Stream stream;
  Rows<float> rows, asked;
  Gallery gallery;
  Slab slab;
  Queries<Value> queries;
  RowTerms terms;
  Pairs<Value> pairs;
  DeviceArray<float> keys;

  Meeting(std::ptrdiff_t query_count, std::ptrdiff_t row_count, std::ptrdiff_t depth, Metric chosen)
      : metric(chosen),
        rows(filled(row_count, depth)),
        asked(half_of(rows, query_count)),
        gallery(packed(rows)),
        slab(gallery, 0, gallery.panel_count(), stream),
        queries(pack_from_host(asked.view(), stream), static_cast<int>(gallery.groups()), metric, stream),
        terms(terms_of(slab, metric, stream)),
        pairs(queries.with(slab.panels<Value>(), terms)),
        keys(query_count * row_count, stream) {
    launch(keys_of_pairs<Value>, blocks_of(keys.size()), block_threads, 0, stream, pairs, keys.data());
  }

  static Rows<float> filled(std::ptrdiff_t count, std::ptrdiff_t depth) {
    Rows<float> rows = random_integers(count, depth, 2);
    for (std::ptrdiff_t row = 0; row < count; ++row) rows.at(row, 0) = 1;  // none is zero
    return rows;
  }

  // Every second one is a row itself, whose cosine may round to more than 1.
  static Rows<float> half_of(const Rows<float>& rows, std::ptrdiff_t count) {
    Rows<float> queries = random_fractions(count, rows.columns, 1);
    for (std::ptrdiff_t query = 0; query < count; query += 2) {
      for (std::ptrdiff_t d = 0; d < rows.columns; ++d) queries.at(query, d) = rows.at(query, d);
    }
    return queries;
  }

  static Gallery packed(const Rows<float>& rows) {
    Gallery gallery(rows.columns, storage_of<Value>);
    gallery.append(rows.view());
    return gallery;
  }
};

template <class Value, class Work>
void with_meetings(const Work& work) {
  work(Meeting<Value>(3, 600, 1, Metric::dot));
  work(Meeting<Value>(17, 257, 9, Metric::cosine));
  work(Meeting<Value>(130, 300, 37, Metric::squared_euclidean));
}

// In several numbers of stripes, k of them. Returns how many keys were computed after tensor cores in the last one,
// of 3.
template <class Shape, class Value>
Count compare_nearest(const Meeting<Value>& meeting, int k) {
  const Stream& stream = meeting.stream;
  const int queries = meeting.pairs.queries.rows, row_count = meeting.pairs.rows.rows;
  const KeyRange range = range_of(meeting.metric);
  const DeviceArray<Entry> expected(queries * k, stream);
  launch(nearest_of_keys, blocks_of(queries), block_threads, 0, stream, meeting.keys.data(), queries, row_count, range,
         k, expected.data());
  Count keys_computed = 0;
  for (const int stripes : {1, 2, 3}) {
    const int tiles = static_cast<int>(divide_up(divide_up(row_count, Shape::rows), stripes));
    const int capacity = std::max(2 * k + Shape::rows, sorted_by_warp);
    const DeviceArray<Entry> entries(std::ptrdiff_t{stripes} * queries * capacity, stream);
    const std::vector<Entry> none(static_cast<std::size_t>(queries * k), no_entry);
    const DeviceArray<Entry> before = uploaded(none, stream), merged = uploaded(none, stream);
    const DeviceArray<Count> computed(1, stream);
    clear(computed, stream);
    const Lists lists = {entries.data(), queries, capacity, k, computed.data()};
    const dim3 grid(static_cast<unsigned>(divide_up(queries, Shape::queries)), static_cast<unsigned>(stripes));
    launch(scan_kernel<Shape, Value>(), grid, Shape::threads, 0, stream, meeting.pairs, range, lists, before.data(),
           tiles, Numbers{0, 0, false});
    launch(merge_lists, blocks_of((stripes + 1) * queries * k), block_threads, 0, stream, lists, stripes, before.data(),
           merged.data());
    CHECK(downloaded(merged.data(), merged.size(), stream) == downloaded(expected.data(), expected.size(), stream));
    download(computed.data(), 1, &keys_computed, stream);
  }
  return keys_computed;
}

// All below the key that a third of the pairs are below.
template <class Shape, class Value>
void compare_within(const Meeting<Value>& meeting) {
  const Stream& stream = meeting.stream;
  const int queries = meeting.pairs.queries.rows, row_count = meeting.pairs.rows.rows;
  const KeyRange range = range_of(meeting.metric);
  std::vector<std::int64_t> offsets = {0};
  std::vector<Entry> expected;
  const std::vector<float> keys = downloaded(meeting.keys.data(), meeting.keys.size(), stream);
  std::vector<float> sorted = keys;
  std::ranges::sort(sorted);
  const float limit = sorted[sorted.size() / 3];
  for (int query = 0; query < queries; ++query) {
    for (int row = 0; row < row_count; ++row) {
      const float key = keys[static_cast<std::size_t>(query * row_count + row)];
      if (key < limit) expected.push_back(entry_of(range.clamp(key), static_cast<std::uint32_t>(row)));
    }
    std::sort(expected.begin() + offsets.back(), expected.end());
    offsets.push_back(std::ssize(expected));
  }
  const std::vector<Count> zeros(static_cast<std::size_t>(queries));
  const DeviceArray<Count> counted = uploaded(zeros, stream), places = uploaded(zeros, stream);
  const DeviceArray<std::int64_t> begins = uploaded(offsets, stream);
  const DeviceArray<Entry> found(std::ssize(expected), stream);
  const dim3 grid(static_cast<unsigned>(divide_up(queries, Shape::queries)), 2);
  const int tiles = static_cast<int>(divide_up(divide_up(row_count, Shape::rows), 2));
  for (const bool write : {false, true}) {
    const cuda::Hits hits = {write ? places.data() : counted.data(), write ? begins.data() : nullptr,
                             write ? found.data() : nullptr};
    launch(scan_within<Shape, Value>, grid, Shape::threads, 0, stream, meeting.pairs, range, limit, hits, tiles,
           std::uint32_t{0});
  }
  launch(sort_hits<block_threads>, static_cast<unsigned>(queries), block_threads, 0, stream, begins.data(),
         found.data());
  const std::vector<Count> counts = downloaded(counted.data(), queries, stream);
  for (std::size_t query = 0; query < counts.size(); ++query) {
    CHECK_EQUAL(static_cast<std::int64_t>(counts[query]), offsets[query + 1] - offsets[query]);
  }
  CHECK(downloaded(found.data(), found.size(), stream) == expected);
}

// In two stripes; with places of every third bin, of all pairs or of those behind a query.
template <class Shape>
void compare_counts(const Meeting<float>& meeting, bool own) {
  const Stream& stream = meeting.stream;
  const int queries = meeting.pairs.queries.rows, row_count = meeting.pairs.rows.rows;
  std::vector<std::int32_t> numbers(std::size_t{distance_bins}, -1);
  std::int32_t chosen = 0;
  for (const float key : downloaded(meeting.keys.data(), meeting.keys.size(), stream)) {
    const std::uint32_t bin = std::bit_cast<std::uint32_t>(std::max(key, 0.0f)) >> place_bits;
    if (bin % 3 == 0 && numbers[bin] < 0) numbers[bin] = chosen++;
  }
  const DeviceArray<std::int32_t> numbered = uploaded(numbers, stream);
  const PairNumbers places_of = {16, 3, own};
  std::vector<std::vector<Count>> found;
  for (const bool plainly : {false, true}) {
    const DeviceArray<Count> counts(distance_bins, stream), places((chosen + 1) * bin_places, stream);
    clear(counts, stream);
    clear(places, stream);
    const PairBins bins = {counts.data(), places.data(), numbered.data()};
    if (plainly) {
      launch(count_plainly, blocks_of(meeting.keys.size()), block_threads, 0, stream, meeting.keys.data(), queries,
             row_count, bins, places_of);
    } else {
      const dim3 grid(static_cast<unsigned>(divide_up(queries, Shape::queries)), 2);
      const int tiles = static_cast<int>(divide_up(divide_up(row_count, Shape::rows), 2));
      launch(count_keys<Shape>, grid, Shape::threads, 0, stream, meeting.pairs, bins, places_of, tiles);
    }
    found.push_back(downloaded(counts.data(), counts.size(), stream));
    found.push_back(downloaded(places.data(), places.size(), stream));
  }
  CHECK(found[0] == found[2]);
  CHECK(found[1] == found[3]);
}

template <class Value>
void compare_searches() {
  with_meetings<Value>([](const Meeting<Value>& meeting) {
    for (const int k : {1, 10}) {
      compare_nearest<ManyQueries>(meeting, k);
      compare_nearest<FewQueries>(meeting, k);
      if constexpr (!std::is_same_v<Value, Codes>) {
        if (current_card_has_tf32()) compare_nearest<TensorQueries>(meeting, k);
      }
    }
    compare_within<ManyQueries>(meeting);
    compare_within<FewQueries>(meeting);
  });
}

}  // namespace

TEST(searches_of_floats) { compare_searches<float>(); }
TEST(searches_of_halves) { compare_searches<Half>(); }
TEST(searches_of_codes) { compare_searches<Codes>(); }

// Not on the smallest of cards, which are there for slabs: all bins of two kernels would not fit.
TEST(counts_of_pairs) {
  if (free_bytes() < std::ptrdiff_t{64} * distance_bins) return;
  for (const auto& [queries, rows, depth] : {std::tuple{3, 600, 1}, {17, 257, 9}, {130, 300, 37}}) {
    const Meeting<float> meeting(queries, rows, depth, Metric::squared_euclidean);
    for (const bool own : {false, true}) {
      compare_counts<ManyQueries>(meeting, own);
      compare_counts<FewQueries>(meeting, own);
    }
  }
}

// Those of the first two tiles of a stripe, and few after these.
TEST(few_keys_are_computed_after_tensor_cores) {
  if (!current_card_has_tf32()) return;
  constexpr int queries = 33, rows = 4000;
  const Meeting<float> meeting(queries, rows, 8, Metric::squared_euclidean);
  const Count computed = compare_nearest<TensorQueries>(meeting, 5);
  CHECK(computed >= 5 * queries && computed < queries * rows / 3);
}

// Lists that whole blocks sort, in shared memory and beside it.
TEST(long_lists) {
  const Meeting<float> meeting(5, 1000, 5, Metric::squared_euclidean);
  for (const int k : {90, 500, 1000}) {
    compare_nearest<ManyQueries>(meeting, k);
    compare_nearest<FewQueries>(meeting, k);
    if (current_card_has_tf32()) compare_nearest<TensorQueries>(meeting, k);
  }
}

TEST(distances_with_and_without_alignment) {
  constexpr std::ptrdiff_t row_count = 303;
  const Meeting<float> meeting(140, row_count, 37, Metric::squared_euclidean);
  const std::vector<float> keys = downloaded(meeting.keys.data(), meeting.keys.size(), meeting.stream);
  for (const std::ptrdiff_t stride : {row_count, row_count + 1}) {
    const DeviceArray<float> out =
        uploaded(std::vector<float>(static_cast<std::size_t>(140 * stride), -7), meeting.stream);
    const dim3 grid(static_cast<unsigned>(divide_up(140, ManyQueries::queries)),
                    static_cast<unsigned>(divide_up(row_count, ManyQueries::rows)));
    launch(distances_of_tiles<ManyQueries>, grid, ManyQueries::threads, 0, meeting.stream, meeting.pairs, out.data(),
           stride);
    const std::vector<float> found = downloaded(out.data(), out.size(), meeting.stream);
    for (std::ptrdiff_t query = 0; query < 140; ++query) {
      for (std::ptrdiff_t row = 0; row < row_count; ++row) {
        const float key = keys[static_cast<std::size_t>(query * row_count + row)];
        CHECK_EQUAL(found[static_cast<std::size_t>(query * stride + row)], std::max(key, 0.0f));
      }
      if (stride > row_count) CHECK_EQUAL(found[static_cast<std::size_t>(query * stride + row_count)], -7.0f);
    }
  }
}
