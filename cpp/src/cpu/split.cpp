#include "cpu/split.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t chip_rows = 16;          // of a chip in one slice
constexpr double multiply_adds_per_sample = 200;  // what one sample costs, in multiply-adds

std::ptrdiff_t floats(std::ptrdiff_t bytes) { return bytes / static_cast<std::ptrdiff_t>(sizeof(float)); }

std::ptrdiff_t panels_per_block(std::ptrdiff_t depth) {
  return std::max<std::ptrdiff_t>(1, floats(block_bytes) / (panel_rows * depth));
}

}  // namespace

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     Watch* watch, void (*kernel)(const DistanceSlice&)) {
  if (queries.rows == 0 || gallery.rows == 0) return;
  const std::ptrdiff_t depth = queries.columns;
  threads = threads_for(threads, queries.rows, gallery.rows, depth);
  const std::ptrdiff_t parts = std::min<std::ptrdiff_t>(threads, divide_up(gallery.rows, panel_rows));
  const std::ptrdiff_t part_rows = panel_rows * divide_up(divide_up(gallery.rows, panel_rows), parts);
  const std::ptrdiff_t batch = queries_per_batch(queries.rows, depth, divide_up(threads, parts));
  const std::ptrdiff_t block = std::min(panels_per_block(depth), part_rows / panel_rows);

  Progress progress(watch, static_cast<double>(queries.rows) * static_cast<double>(gallery.rows));
  const auto compute = [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t first_query = chunk / parts * batch, first_row = chunk % parts * part_rows;
    const std::ptrdiff_t query_count = std::min(batch, queries.rows - first_query);
    const std::ptrdiff_t row_count = std::min(part_rows, gallery.rows - first_row);
    if (row_count <= 0) return;  // rounding up to whole panels may leave the last parts empty
    const Buffer<float> packed(batch * depth), query_norms(batch + panel_rows);
    const Buffer<float> panels(block * panel_rows * depth), panel_norms(block * panel_rows);
    kernel({.queries = queries.slice(first_query, query_count),
            .gallery = gallery.slice(first_row, row_count),
            .out = {out.row(first_query) + first_row, query_count, row_count, out.stride},
            .packed_queries = packed.data(),
            .query_norms = query_norms.data(),
            .panels = panels.data(),
            .panel_norms = panel_norms.data(),
            .block_panels = block,
            .progress = &progress});
  };
  parallel_for(threads, parts * divide_up(queries.rows, batch), compute, &progress);
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
