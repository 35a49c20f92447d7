#include "cuda/nearest.cuh"

#include <algorithm>
#include <numeric>
#include <vector>

#include "cuda/nearest.hpp"
#include "cuda/queries.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t list_bytes = std::ptrdiff_t{1} << 30;  // of unmerged lists on the card, at most

// So much that lists need not be sorted after each tile.
template <class Shape>
int capacity_of(Shape, std::ptrdiff_t k) {
  return narrow("k", std::max<std::ptrdiff_t>(2 * k + Shape::rows, sorted_by_warp));
}

// Whether bounds by tensor cores pay: each stripe has so many more rows than its list has places that few rows are
// computed, though these take many times as long.
bool worth_bounding(std::ptrdiff_t queries, std::ptrdiff_t rows, std::ptrdiff_t k) {
  constexpr std::ptrdiff_t rows_per_place = 32;
  const TensorQueries shape;
  return queries > few_queries && current_card_has_tf32() &&
         std::ptrdiff_t{Stripes(shape, queries, rows).tiles} * shape.rows >= rows_per_place * capacity_of(shape, k);
}

// Calls work(Shape()).
template <class Value, class Work>
void with_fastest_shape(std::ptrdiff_t queries, std::ptrdiff_t rows, std::ptrdiff_t k, const Work& work) {
  if constexpr (!std::is_same_v<Value, Codes>) {
    if (worth_bounding(queries, rows, k)) return work(TensorQueries());
  }
  with_shape(queries, work);
}

// A whole number of panels, unless these are all.
std::ptrdiff_t queries_at_once(std::ptrdiff_t queries, std::ptrdiff_t k) {
  const auto bytes = static_cast<std::ptrdiff_t>(sizeof(Entry)) * capacity_of(FewQueries(), k) * most_stripes;
  const std::ptrdiff_t most = std::min(queries, most_queries), fit = list_bytes / bytes / panel_rows * panel_rows;
  return std::clamp<std::ptrdiff_t>(fit, std::min<std::ptrdiff_t>(panel_rows, most), most);
}

DeviceArray<Entry> no_entries(std::ptrdiff_t count, const Stream& stream) {
  DeviceArray<Entry> entries(count, stream);
  check(cudaMemsetAsync(entries.data(), 0xff, static_cast<std::size_t>(count) * sizeof(Entry), stream));
  return entries;
}

void merge(const Lists& lists, int stripes, DeviceArray<Entry>& nearest, const Stream& stream) {
  DeviceArray<Entry> merged = no_entries(nearest.size(), stream);
  launch(merge_lists, blocks_of((std::int64_t{stripes} + 1) * nearest.size()), block_threads, 0, stream, lists, stripes,
         nearest.data(), merged.data());
  nearest = std::move(merged);
}

// Puts the nearest of some rows among those found before, k for each query, and adds how many keys were computed after
// tensor cores, which is on the card too.
template <class Value>
void search_rows(const Pairs<Value>& pairs, Metric metric, int k, const Numbers& numbers, DeviceArray<Entry>& nearest,
                 const DeviceArray<Count>& computed, const Stream& stream) {
  with_fastest_shape<Value>(pairs.queries.rows, pairs.rows.rows, k, [&]<class Shape>(Shape shape) {
    const Stripes stripes(shape, pairs.queries.rows, pairs.rows.rows);
    Lists lists = {nullptr, pairs.queries.rows, capacity_of(shape, k), k, computed.data()};
    const DeviceArray<Entry> entries(std::ptrdiff_t{stripes.count} * lists.queries * lists.capacity, stream);
    lists.entries = entries.data();
    const dim3 grid(static_cast<unsigned>(divide_up(lists.queries, Shape::queries)),
                    static_cast<unsigned>(stripes.count));
    launch(scan_kernel<Shape, Value>(), grid, Shape::threads, 0, stream, pairs, range_of(metric), lists, nearest.data(),
           stripes.tiles, numbers);
    merge(lists, stripes.count, nearest, stream);
  });
}

// One batch of queries, the first of which has this number among the rows if these search each other.
struct Task {
  Matrix<const float> queries;
  Metric metric;
  int k;
  std::uint32_t first_query;
  bool join;
};

DeviceArray<Count> zero(const Stream& stream) {
  DeviceArray<Count> count(1, stream);
  clear(count, stream);
  return count;
}

// The nearest on one card, [queries][k], of the task's queries, which have been sent there. Adds how many keys were
// computed after tensor cores.
template <class Value>
DeviceArray<Entry> search_card(PackedRows sent, const Task& task, const CardGallery& cards, std::ptrdiff_t card,
                               const DeviceArray<Count>& computed, Progress& progress, const Stream& stream) {
  const Queries<Value> queries(std::move(sent), cards.groups(), task.metric, stream);
  DeviceArray<Entry> nearest = no_entries(task.queries.rows * task.k, stream);
  cards.for_slabs(card, stream, [&](const Slab& slab) {
    const RowTerms terms = terms_of(slab, task.metric, stream);
    const Numbers numbers = {static_cast<std::uint32_t>(slab.first_row()), task.first_query, task.join};
    search_rows(queries.with(slab.panels<Value>(), terms), task.metric, task.k, numbers, nearest, computed, stream);
    stream.wait();
    progress.add(static_cast<double>(task.queries.rows) * slab.rows());
  });
  return nearest;
}

// The nearest on each card, [cards][queries][k], on the host, where the queries are too. Adds how many keys each
// computed after tensor cores.
template <class Value>
std::vector<Entry> search_cards(const Task& task, const CardGallery& cards, Progress& progress,
                                std::vector<std::int64_t>& computed) {
  const std::ptrdiff_t size = task.queries.rows * task.k;
  std::vector<Entry> found(static_cast<std::size_t>(cards.cards() * size));
  cards.on_each_card(progress, [&](std::ptrdiff_t card, const Stream& stream) {
    const DeviceArray<Count> computed_here = zero(stream);
    PackedRows sent = pack_from_host(task.queries, stream);
    const auto nearest = search_card<Value>(std::move(sent), task, cards, card, computed_here, progress, stream);
    download(nearest.data(), size, found.data() + card * size, stream);
    Count count = 0;
    download(computed_here.data(), 1, &count, stream);
    computed[static_cast<std::size_t>(card)] += static_cast<std::int64_t>(count);
  });
  return found;
}

// Takes the nearest of all cards together.
void read_all(const std::vector<Entry>& found, Metric metric, Matrix<float> values, Matrix<std::int64_t> indices) {
  const Values meaning(metric);
  const std::ptrdiff_t k = values.columns, size = values.rows * k;
  const std::ptrdiff_t cards = std::ssize(found) / size;
  std::vector<Entry> of_query(static_cast<std::size_t>(cards * k));
  for (std::ptrdiff_t query = 0; query < values.rows; ++query) {
    for (std::ptrdiff_t card = 0; card < cards; ++card) {
      std::copy_n(found.begin() + card * size + query * k, k, of_query.begin() + card * k);
    }
    if (cards > 1) std::ranges::partial_sort(of_query, of_query.begin() + k);
    for (std::ptrdiff_t i = 0; i < k; ++i) {
      const Entry entry = of_query[static_cast<std::size_t>(i)];
      values.row(query)[i] = meaning.value(key_of(entry));
      indices.row(query)[i] = row_of(entry);
    }
  }
}

double pairs_of(std::ptrdiff_t rows, const Gallery& gallery) {
  return static_cast<double>(rows) * static_cast<double>(gallery.rows());
}

// Of `count` queries, some at a time: rows_of(first, count) has their values. Returns how many keys were computed after
// tensor cores.
template <class RowsOf>
std::int64_t search(std::ptrdiff_t count, const RowsOf& rows_of, bool join, const Gallery& gallery, Metric metric,
                    Matrix<float> values, Matrix<std::int64_t> indices, Progress& progress) {
  if (count == 0) return 0;
  const CardGallery cards(gallery);
  const int k = narrow("k", values.columns);
  const std::ptrdiff_t most = queries_at_once(count, k);
  std::vector<std::int64_t> computed(static_cast<std::size_t>(cards.cards()));
  for (std::ptrdiff_t first = 0; first < count; first += most) {
    const std::ptrdiff_t some = std::min(most, count - first);
    const Task task = {rows_of(first, some), metric, k, static_cast<std::uint32_t>(first), join};
    with_values(gallery.storage(), [&]<class Value>(Value) {
      read_all(search_cards<Value>(task, cards, progress, computed), metric, values.slice(first, some),
               indices.slice(first, some));
    });
  }
  return std::accumulate(computed.begin(), computed.end(), std::int64_t{0});
}

// The same of rows that a gallery holds.
void search_rows_of(const Gallery& queries, bool join, const Gallery& gallery, Metric metric, Matrix<float> values,
                    Matrix<std::int64_t> indices, Progress& progress) {
  const std::ptrdiff_t depth = queries.columns();
  std::vector<float> copies;
  const auto rows_of = [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    copies.resize(static_cast<std::size_t>(count * depth));
    for (std::ptrdiff_t i = 0; i < count; ++i) queries.copy_row(first + i, copies.data() + i * depth);
    return Matrix<const float>{copies.data(), count, depth, depth};
  };
  search(queries.rows(), rows_of, join, gallery, metric, values, indices, progress);
}

// An entry for each of the `count` values and indices, without a gap between rows.
void write_entries(const DeviceArray<Entry>& found, Metric metric, float* values, std::int64_t* indices,
                   const Stream& stream) {
  launch(read_entries, blocks_of(found.size()), block_threads, 0, stream, found.data(), found.size(),
         Values(metric).similarity, values, indices);
}

// Rows of the card on the host, by way of the memory that they span.
class BroughtRows {
 public:
  BroughtRows(Matrix<const float> rows, const Stream& stream) : rows_(rows) {
    const float *first = rows.row(0), *last = rows.row(rows.rows - 1), *lowest = std::min(first, last);
    values_.resize(static_cast<std::size_t>(std::max(first, last) - lowest + rows.columns));
    download(lowest, std::ssize(values_), values_.data(), stream);
    rows_.data = values_.data() + (first - lowest);
  }
  const Matrix<const float>& view() const { return rows_; }

 private:
  Matrix<const float> rows_;
  std::vector<float> values_;
};

}  // namespace

std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, const Search& wanted, Matrix<float> values,
                     Matrix<std::int64_t> indices) {
  const auto rows_of = [&](std::ptrdiff_t first, std::ptrdiff_t count) { return queries.slice(first, count); };
  Progress progress(wanted.watch, pairs_of(queries.rows, gallery));
  return search(queries.rows, rows_of, false, gallery, wanted.metric, values, indices, progress);
}

void neighbours(const Gallery& gallery, const Search& wanted, Matrix<float> values, Matrix<std::int64_t> indices) {
  Progress progress(wanted.watch, pairs_of(gallery.rows(), gallery));
  search_rows_of(gallery, true, gallery, wanted.metric, values, indices, progress);
}

void join(const JoinRows& one, const JoinRows& other, const Search& wanted) {
  Progress progress(wanted.watch, 2 * pairs_of(one.gallery.rows(), other.gallery));
  search_rows_of(one.gallery, false, other.gallery, wanted.metric, one.values, one.indices, progress);
  search_rows_of(other.gallery, false, one.gallery, wanted.metric, other.values, other.indices, progress);
}

void nearest_on_card(const PackedRows& queries, const PackedRows& gallery, Metric metric, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Stream& stream) {
  if (queries.rows == 0) return;
  const int k = narrow("k", values.columns);
  const RowTerms query_terms = terms_of(Side::query, queries.norms.data(), nullptr, queries.rows, metric, stream);
  const RowTerms terms = terms_of(Side::row, gallery.norms.data(), nullptr, gallery.rows, metric, stream);
  const int most = narrow("queries", queries_at_once(queries.rows, k));
  for (int first = 0; first < queries.rows; first += most) {
    const int some = std::min(most, queries.rows - first);
    const Pairs<float> pairs = {queries.panels().slice(first, some), gallery.panels(), query_terms.view().from(first),
                                terms.view()};
    DeviceArray<Entry> found = no_entries(std::ptrdiff_t{some} * k, stream);
    search_rows(pairs, metric, k, {0, 0, false}, found, zero(stream), stream);
    write_entries(found, metric, values.row(first), indices.row(first), stream);
  }
}

void nearest_on_card(Matrix<const float> queries, const Gallery& gallery, Metric metric, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Stream& stream) {
  if (queries.rows == 0) return;
  const CardGallery cards(gallery);
  if (!cards.all_on_current_card()) {
    const BroughtRows brought(queries, stream);
    std::vector<float> found(static_cast<std::size_t>(queries.rows * values.columns));
    std::vector<std::int64_t> rows(found.size());
    const std::ptrdiff_t k = values.columns;
    nearest(brought.view(), gallery, {.metric = metric}, {found.data(), queries.rows, k, k},
            {rows.data(), queries.rows, k, k});
    upload(found.data(), std::ssize(found), values.data, stream);
    upload(rows.data(), std::ssize(rows), indices.data, stream);
    return stream.wait();
  }
  Progress unwatched(nullptr, 1);
  const int k = narrow("k", values.columns);
  const std::ptrdiff_t most = queries_at_once(queries.rows, k);
  for (std::ptrdiff_t first = 0; first < queries.rows; first += most) {
    const Task task = {queries.slice(first, std::min(most, queries.rows - first)), metric, k, 0, false};
    with_values(gallery.storage(), [&]<class Value>(Value) {
      PackedRows packed = pack_on_card(task.queries, stream);
      const auto found = search_card<Value>(std::move(packed), task, cards, 0, zero(stream), unwatched, stream);
      write_entries(found, metric, values.row(first), indices.row(first), stream);
    });
  }
}

}  // namespace faceprint::cuda
