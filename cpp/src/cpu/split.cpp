#include "cpu/split.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <vector>

#include "cpu/heap.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t block_bytes = 1 << 18;         // of gallery: half of a small second-level cache
constexpr std::ptrdiff_t packed_query_bytes = 1 << 20;  // packed at once; they stream through once per block
constexpr std::ptrdiff_t merge_bytes = 1 << 25;         // of partial results, at most
constexpr std::ptrdiff_t few_queries = 16;              // per thread: below, threads share the gallery instead
constexpr std::ptrdiff_t chip_rows = 16;                // of a chip in one slice
constexpr double multiply_adds_per_sample = 200;        // what one sample costs, in multiply-adds

std::ptrdiff_t divide_up(std::ptrdiff_t a, std::ptrdiff_t b) { return (a + b - 1) / b; }

std::ptrdiff_t floats(std::ptrdiff_t bytes) { return bytes / static_cast<std::ptrdiff_t>(sizeof(float)); }

std::ptrdiff_t panels_per_block(std::ptrdiff_t depth) {
  return std::max<std::ptrdiff_t>(1, floats(block_bytes) / (panel_rows * depth));
}

// Whole tiles, few enough for the memory set aside for packing, many enough batches for all threads.
std::ptrdiff_t queries_per_batch(std::ptrdiff_t queries, std::ptrdiff_t depth, std::ptrdiff_t batches) {
  const std::ptrdiff_t most = std::max<std::ptrdiff_t>(1, floats(packed_query_bytes) / depth / tile_multiple);
  const std::ptrdiff_t even = divide_up(divide_up(queries, batches), tile_multiple);
  return tile_multiple * std::clamp<std::ptrdiff_t>(even, 1, most);
}

int threads_for(int threads, std::ptrdiff_t queries, std::ptrdiff_t gallery, std::ptrdiff_t depth) {
  return worthwhile_threads(threads,
                            static_cast<double>(queries) * static_cast<double>(gallery) * static_cast<double>(depth));
}

// How many parts the gallery is cut into: one, unless there are too few queries to occupy all threads.
std::ptrdiff_t gallery_parts(std::ptrdiff_t queries, std::ptrdiff_t panels, std::ptrdiff_t k, std::ptrdiff_t threads) {
  if (queries >= few_queries * threads) return 1;
  const auto entry_bytes = static_cast<std::ptrdiff_t>(sizeof(float) + sizeof(std::int64_t));
  const std::ptrdiff_t affordable = std::max<std::ptrdiff_t>(1, merge_bytes / entry_bytes / k / queries);
  return std::min({threads, panels, affordable});
}

// Takes the nearest of all parts together. Row part * queries + i of `distances` holds query i's nearest in one part.
// Parts hold ascending rows of the gallery, so of equal distances the earlier part's comes first.
void merge(Matrix<float> part_distances, Matrix<std::int64_t> part_indices, Matrix<float> distances,
           Matrix<std::int64_t> indices) {
  const std::ptrdiff_t parts = part_distances.rows / distances.rows;
  std::vector<std::ptrdiff_t> next(static_cast<std::size_t>(parts));
  for (std::ptrdiff_t query = 0; query < distances.rows; ++query) {
    std::ranges::fill(next, 0);
    for (std::ptrdiff_t place = 0; place < distances.columns; ++place) {
      std::ptrdiff_t best = 0;
      float best_distance = std::numeric_limits<float>::infinity();
      for (std::ptrdiff_t part = 0; part < parts; ++part) {
        const float* row = part_distances.row(part * distances.rows + query);
        const float distance = row[next[static_cast<std::size_t>(part)]];
        if (distance < best_distance) {
          best = part;
          best_distance = distance;
        }
      }
      const std::ptrdiff_t taken = next[static_cast<std::size_t>(best)]++;
      distances.row(query)[place] = best_distance;
      indices.row(query)[place] = part_indices.row(best * distances.rows + query)[taken];
    }
  }
}

}  // namespace

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     void (*kernel)(const DistanceSlice&)) {
  if (queries.rows == 0 || gallery.rows == 0) return;
  const std::ptrdiff_t depth = queries.columns;
  threads = threads_for(threads, queries.rows, gallery.rows, depth);
  const std::ptrdiff_t parts = std::min<std::ptrdiff_t>(threads, divide_up(gallery.rows, panel_rows));
  const std::ptrdiff_t part_rows = panel_rows * divide_up(divide_up(gallery.rows, panel_rows), parts);
  const std::ptrdiff_t batch = queries_per_batch(queries.rows, depth, divide_up(threads, parts));
  const std::ptrdiff_t block = std::min(panels_per_block(depth), part_rows / panel_rows);

  parallel_for(threads, parts * divide_up(queries.rows, batch), [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t first_query = chunk / parts * batch, first_row = chunk % parts * part_rows;
    const std::ptrdiff_t query_count = std::min(batch, queries.rows - first_query);
    const std::ptrdiff_t row_count = std::min(part_rows, gallery.rows - first_row);
    if (row_count <= 0) return;  // rounding up to whole panels may leave the last parts empty
    const Buffer packed(batch * depth), query_norms(batch + panel_rows);
    const Buffer panels(block * panel_rows * depth), panel_norms(block * panel_rows);
    kernel({.queries = queries.slice(first_query, query_count),
            .gallery = gallery.slice(first_row, row_count),
            .out = {out.row(first_query) + first_row, query_count, row_count, out.stride},
            .packed_queries = packed.data(),
            .query_norms = query_norms.data(),
            .panels = panels.data(),
            .panel_norms = panel_norms.data(),
            .block_panels = block});
  });
}

void split_nearest(Matrix<const float> queries, const Gallery& gallery, bool skip_own, Matrix<float> distances,
                   Matrix<std::int64_t> indices, int threads, void (*kernel)(const NearestSlice&)) {
  if (queries.rows == 0) return;
  const std::ptrdiff_t depth = gallery.columns(), k = distances.columns;
  threads = threads_for(threads, queries.rows, gallery.rows(), depth);
  const std::ptrdiff_t parts = gallery_parts(queries.rows, gallery.panel_count(), k, threads);
  const std::ptrdiff_t part_panels = divide_up(gallery.panel_count(), parts);
  const std::ptrdiff_t batch = queries_per_batch(queries.rows, depth, divide_up(threads, parts));

  std::vector<float> part_distances(static_cast<std::size_t>(parts > 1 ? parts * queries.rows * k : 0));
  std::vector<std::int64_t> part_indices(part_distances.size());
  const bool whole = parts == 1;
  const Matrix<float> to_distances =
      whole ? distances : Matrix<float>{part_distances.data(), parts * queries.rows, k, k};
  const Matrix<std::int64_t> to_indices =
      whole ? indices : Matrix<std::int64_t>{part_indices.data(), parts * queries.rows, k, k};

  parallel_for(threads, parts * divide_up(queries.rows, batch), [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t part = chunk % parts, first_query = chunk / parts * batch;
    const std::ptrdiff_t query_count = std::min(batch, queries.rows - first_query);
    const Buffer packed(batch * depth), query_norms(batch + panel_rows);
    const NearestSlice slice = {.queries = queries.slice(first_query, query_count),
                                .panels = gallery.panels(),
                                .norms = gallery.norms(),
                                .first_panel = std::min(part * part_panels, gallery.panel_count()),
                                .last_panel = std::min((part + 1) * part_panels, gallery.panel_count()),
                                .block_panels = panels_per_block(depth),
                                .own_row = skip_own ? first_query : nobody,
                                .distances = to_distances.slice(part * queries.rows + first_query, query_count),
                                .indices = to_indices.slice(part * queries.rows + first_query, query_count),
                                .packed_queries = packed.data(),
                                .query_norms = query_norms.data()};
    for (std::ptrdiff_t i = 0; i < query_count; ++i) Heap{slice.distances.row(i), slice.indices.row(i), k}.clear();
    kernel(slice);
    for (std::ptrdiff_t i = 0; i < query_count; ++i) Heap{slice.distances.row(i), slice.indices.row(i), k}.sort();
  });
  if (!whole) merge(to_distances, to_indices, distances, indices);
}

void split_chips(const Image& image, std::span<const Affine> affines, const ChipFormat& format, Matrix<float> out,
                 int threads, void (*kernel)(const ChipSlice&)) {
  const std::ptrdiff_t bands = divide_up(format.height, chip_rows);
  std::vector<Grid> grids;
  double samples = 0;
  for (const Affine& affine : affines) {
    const Grid& grid = grids.emplace_back(sample_grid(affine, format.width));
    samples += static_cast<double>(format.height * format.width * grid.along.count * grid.down.count);
  }
  parallel_for(worthwhile_threads(threads, samples * multiply_adds_per_sample), std::ssize(grids) * bands,
               [&](std::ptrdiff_t chunk) {
                 const std::ptrdiff_t chip = chunk / bands, first_row = chunk % bands * chip_rows;
                 kernel({.image = image,
                         .grid = grids[static_cast<std::size_t>(chip)],
                         .format = format,
                         .first_row = first_row,
                         .last_row = std::min(first_row + chip_rows, format.height),
                         .out = out.row(chip)});
               });
}

}  // namespace faceprint
