#include "cpu/search.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "cpu/coarse.hpp"
#include "cpu/collect.hpp"
#include "cpu/pack.hpp"
#include "cpu/shortlist.hpp"
#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr float infinity = std::numeric_limits<float>::infinity();

constexpr std::ptrdiff_t merge_bytes = 1 << 25;     // of partial results, at most
constexpr std::ptrdiff_t few_queries = 16;          // per thread: below, threads share the gallery instead
constexpr std::ptrdiff_t within_queries = 1 << 18;  // whose hits are sorted at once
constexpr std::ptrdiff_t hits_at_first = 1 << 23;

// A certified scan must exclude most rows to be worth it. It needs enough rows for the limits to become tight, and
// where it computes more than one pair in 16 of a block, the next blocks are scanned in full.
constexpr std::ptrdiff_t certified_columns = 16, certified_rows = 2048, certified_rows_per_k = 32;
constexpr std::int64_t pairs_per_computed = 16;
constexpr int full_blocks = 8;

bool certified(const Gallery& gallery, const Search& search, std::ptrdiff_t k) {
  if (!gallery.has_bounds()) return false;
  if (search.metric == Metric::cosine || search.scan == Scan::full) return false;
  if (search.scan == Scan::certified) return true;
  return gallery.columns() >= certified_columns && gallery.rows() >= certified_rows &&
         gallery.rows() / certified_rows_per_k >= k;
}

Task task_of(const ScanKernels& kernels, const Gallery& gallery, const Search& search, std::ptrdiff_t k) {
  const bool codes = gallery.storage() == Storage::int8 || certified(gallery, search, k);
  return {kernels, gallery, search.metric, codes ? Codes::bytes : Codes::none};
}

// What one thread does at a time: some of the queries against some of the gallery. `first_row` is where its answers
// begin, were those of all queries in the first part of the gallery followed by those in the second, and so on.
struct Chunk {
  std::ptrdiff_t first_query, queries, first_panel, last_panel, first_row;
};

// How the queries are cut into batches and, where they are too few to occupy all threads, the gallery into parts.
struct Division {
  int threads;
  std::ptrdiff_t queries, panels, parts, part_panels, batch;

  // `most_parts` is what memory allows.
  Division(std::ptrdiff_t query_count, const Gallery& gallery, int wanted, std::ptrdiff_t most_parts)
      : threads(threads_for(wanted, query_count, gallery.rows(), gallery.columns())),
        queries(query_count),
        panels(gallery.panel_count()),
        parts(queries >= few_queries * threads ? 1 : std::min<std::ptrdiff_t>({threads, panels, most_parts})),
        part_panels(divide_up(panels, parts)),
        batch(queries_per_batch(queries, gallery.columns(), divide_up(threads, parts))) {}

  std::ptrdiff_t chunks() const { return parts * divide_up(queries, batch); }

  Chunk chunk(std::ptrdiff_t index) const {
    const std::ptrdiff_t part = index % parts, first_query = index / parts * batch;
    const std::ptrdiff_t first_panel = std::min(part * part_panels, panels);
    return {.first_query = first_query,
            .queries = std::min(batch, queries - first_query),
            .first_panel = first_panel,
            .last_panel = std::min(first_panel + part_panels, panels),
            .first_row = part * queries + first_query};
  }
};

// Lets a batch pass over the panels from one to another, block after block, and returns how many rows a certified scan
// computed.
template <class Offered>
std::int64_t scan_panels(const Task& task, const PackedBatch& packed, std::ptrdiff_t first_panel,
                         std::ptrdiff_t last_panel, Offered& collector, Progress& progress) {
  const Batch& batch = packed.batch();
  const ScanKernels& kernels = task.kernels;
  const ScanKernel whole = task.gallery.storage() == Storage::float32   ? kernels.scan_floats
                           : task.gallery.storage() == Storage::float16 ? kernels.scan_halves
                                                                        : kernels.scan_codes;
  CertifiedCollector certifier(kernels, batch, collector);
  const std::ptrdiff_t most = panels_at_a_time(task);
  Blocks blocks(task, most);
  int full = 0;
  for (std::ptrdiff_t panel = first_panel; panel < last_panel; panel += most) {
    const Block block = blocks.make(panel, std::min(most, last_panel - panel));
    const std::int64_t pairs = block.panels * panel_rows * batch.count;
    collector.begin(block);
    if (task.certify() && full == 0) {
      const std::int64_t before = certifier.computed();
      certifier.begin(block);
      kernels.bound_codes(batch, block, certifier);
      if ((certifier.computed() - before) * pairs_per_computed > pairs) full = full_blocks;
    } else {
      whole(batch, block, collector);
      full -= full > 0 ? 1 : 0;
    }
    progress.add(static_cast<double>(pairs));
  }
  return certifier.computed();
}

// The nearest of a batch among the panels from one to another, as heaps.
std::int64_t nearest_in_panels(const Task& task, Matrix<const float> queries, std::ptrdiff_t first_panel,
                               std::ptrdiff_t last_panel, Matrix<float> keys, Matrix<std::int64_t> indices,
                               Progress& progress) {
  PackedBatch packed(task, queries.rows);
  std::vector<float> limits(static_cast<std::size_t>(queries.rows));
  packed.pack(queries);
  packed.set_limits(limits.data());
  NearestCollector collector(Values(task.metric), keys, indices, limits.data());
  return scan_panels(task, packed, first_panel, last_panel, collector, progress);
}

Progress progress_of(const Search& search, std::ptrdiff_t queries, const Gallery& gallery) {
  return {search.watch,
          static_cast<double>(queries) * static_cast<double>(gallery.panel_count() * Gallery::panel_rows)};
}

// Takes the nearest of all parts together. Row part * queries + i of the parts' keys holds query i's nearest in one
// part. Parts hold ascending rows of the gallery, so of equal keys the earlier part's comes first.
void merge(Matrix<float> part_keys, Matrix<std::int64_t> part_indices, Matrix<float> keys,
           Matrix<std::int64_t> indices) {
  const std::ptrdiff_t parts = part_keys.rows / keys.rows;
  std::vector<std::ptrdiff_t> next(static_cast<std::size_t>(parts));
  for (std::ptrdiff_t query = 0; query < keys.rows; ++query) {
    std::ranges::fill(next, 0);
    for (std::ptrdiff_t place = 0; place < keys.columns; ++place) {
      std::ptrdiff_t best = 0;
      float best_key = infinity;
      for (std::ptrdiff_t part = 0; part < parts; ++part) {
        const std::ptrdiff_t at = next[static_cast<std::size_t>(part)];
        if (at == keys.columns) continue;
        const float key = part_keys.row(part * keys.rows + query)[at];
        if (key < best_key) {
          best = part;
          best_key = key;
        }
      }
      const std::ptrdiff_t taken = next[static_cast<std::size_t>(best)]++;
      keys.row(query)[place] = best_key;
      indices.row(query)[place] = part_indices.row(best * keys.rows + query)[taken];
    }
  }
}

void sort_heaps(Matrix<float> keys, Matrix<std::int64_t> indices) {
  for (std::ptrdiff_t i = 0; i < keys.rows; ++i) Heap{keys.row(i), indices.row(i), keys.columns}.sort();
}

}  // namespace

std::int64_t search_nearest(const ScanKernels& kernels, Matrix<const float> queries, const Gallery& gallery,
                            const Search& search, Matrix<float> values, Matrix<std::int64_t> indices) {
  if (queries.rows == 0) return 0;
  const std::ptrdiff_t k = values.columns;
  const Task task = task_of(kernels, gallery, search, k);
  Progress progress = progress_of(search, queries.rows, gallery);
  if (task.certify() && queries.rows <= coarse_queries) {
    const int threads = threads_for(search.threads, queries.rows, gallery.rows(), gallery.columns());
    const std::optional<std::int64_t> few =
        search_coarsely(kernels, gallery, search.metric, queries, values, indices, threads, progress);
    if (few) {
      turn_into_values(search.metric, values);
      return *few;
    }
  }
  const auto entry_bytes = static_cast<std::ptrdiff_t>(sizeof(float) + sizeof(std::int64_t));
  const Division division(queries.rows, gallery, search.threads,
                          std::max<std::ptrdiff_t>(1, merge_bytes / entry_bytes / k / queries.rows));
  const bool whole = division.parts == 1;
  std::vector<float> part_keys(static_cast<std::size_t>(whole ? 0 : division.parts * queries.rows * k));
  std::vector<std::int64_t> part_indices(part_keys.size());
  const Matrix<float> keys = whole ? values : Matrix<float>{part_keys.data(), division.parts * queries.rows, k, k};
  const Matrix<std::int64_t> found =
      whole ? indices : Matrix<std::int64_t>{part_indices.data(), division.parts * queries.rows, k, k};

  std::atomic<std::int64_t> computed = 0;
  const auto scan = [&](std::ptrdiff_t index) {
    const Chunk chunk = division.chunk(index);
    const Matrix<float> heap_keys = keys.slice(chunk.first_row, chunk.queries);
    const Matrix<std::int64_t> heap_indices = found.slice(chunk.first_row, chunk.queries);
    computed += nearest_in_panels(task, queries.slice(chunk.first_query, chunk.queries), chunk.first_panel,
                                  chunk.last_panel, heap_keys, heap_indices, progress);
    sort_heaps(heap_keys, heap_indices);
  };
  parallel_for(division.threads, division.chunks(), scan, &progress);
  if (!whole) merge(keys, found, values, indices);
  turn_into_values(search.metric, values);
  return computed;
}

namespace {

// With room for many hits: none of it is touched before it is used, and memory this large comes from the system and
// goes back to it, where smaller pieces would stay with the C library.
void make_room(std::ptrdiff_t queries, std::ptrdiff_t rows, Neighbourhoods& found) {
  const std::ptrdiff_t hits = queries < hits_at_first / rows ? queries * rows : hits_at_first;
  found.values = Growing<float>(hits);
  found.indices = Growing<std::int64_t>(hits);
}

}  // namespace

void search_within(const ScanKernels& kernels, Matrix<const float> all_queries, const Gallery& gallery, float limit,
                   const Search& search, Neighbourhoods& found) {
  const Values values(search.metric);
  const Task task = task_of(kernels, gallery, search, 1);
  make_room(all_queries.rows, gallery.rows(), found);
  Progress progress = progress_of(search, all_queries.rows, gallery);
  std::atomic<std::int64_t> computed = 0;
  for (std::ptrdiff_t first = 0; first < all_queries.rows; first += within_queries) {
    const Matrix<const float> queries = all_queries.slice(first, std::min(within_queries, all_queries.rows - first));
    const Division division(queries.rows, gallery, search.threads, gallery.panel_count());
    const std::vector<float> limits(static_cast<std::size_t>(division.batch), limit_of_keys(values, limit));
    Hits hits(found, queries.rows, gallery.rows());
    const auto scan = [&](std::ptrdiff_t index) {
      const Chunk chunk = division.chunk(index);
      PackedBatch packed(task, chunk.queries);
      packed.pack(queries.slice(chunk.first_query, chunk.queries));
      packed.set_limits(limits.data());
      WithinCollector collector(values, hits, chunk.first_query, progress);
      computed += scan_panels(task, packed, chunk.first_panel, chunk.last_panel, collector, progress);
      collector.hand_on();
    };
    parallel_for(division.threads, division.chunks(), scan, &progress);
    hits.sort(search.metric, search.threads, progress);
  }
  found.values.fit();
  found.indices.fit();
  found.computed = computed;
}

}  // namespace faceprint
