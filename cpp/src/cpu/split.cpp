#include "cpu/split.hpp"

#include <algorithm>
#include <iterator>

#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "faceprint/buffer.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t band_rows = 16;         // of a chip in one slice
constexpr double multiply_adds_per_pixel = 200;  // what a pixel of a chip costs, in multiply-adds

}  // namespace

void split_distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                     Watch* watch, void (*kernel)(const DistanceSlice&)) {
  if (queries.rows == 0 || gallery.rows == 0) return;
  const std::ptrdiff_t depth = queries.columns;
  threads = threads_for(threads, queries.rows, gallery.rows, depth);
  const std::ptrdiff_t parts = std::min<std::ptrdiff_t>(threads, divide_up(gallery.rows, panel_rows));
  const std::ptrdiff_t part_rows = panel_rows * divide_up(divide_up(gallery.rows, panel_rows), parts);
  const std::ptrdiff_t batch = queries_per_batch(queries.rows, depth, divide_up(threads, parts));
  const std::ptrdiff_t block = std::min(panels_per_block(4 * depth), part_rows / panel_rows);

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

template <class T>
void split_chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<T> out, int threads,
                 void (*kernel)(const ChipSlice<T>&), Halve halve) {
  threads = worthwhile_threads(
      threads, static_cast<double>(std::ssize(crops) * format.height * format.width) * multiply_adds_per_pixel);
  // Chips whole where there are enough of them, or where they are whitened: bands of one share pixels of the image.
  const bool whole_chips = format.whitening || std::ssize(crops) >= threads;
  const std::ptrdiff_t rows = whole_chips ? format.height : std::min(band_rows, format.height);
  const std::ptrdiff_t bands = divide_up(format.height, rows);
  const std::ptrdiff_t pixels = format.width * (format.whitening ? format.height : 1);
  parallel_for(threads, std::ssize(crops) * bands, [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t chip = chunk / bands, first_row = chunk % bands * rows;
    const std::ptrdiff_t last_row = std::min(first_row + rows, format.height);
    const Crop& crop = crops[static_cast<std::size_t>(chip)];
    const Grid grid = sample_grid(crop.affine);
    Buffer<std::uint8_t> copy;
    const Window window = open_window(crop.image, grid, format.width, first_row, last_row, halve, copy);
    const Buffer<float> scratch(4 * (pixels + 1));
    kernel({.grid = grid,
            .window = window,
            .format = format,
            .first_row = first_row,
            .last_row = last_row,
            .pixels = scratch.data(),
            .out = out.row(chip)});
  });
}

template void split_chips(std::span<const Crop>, const ChipFormat&, Matrix<float>, int,
                          void (*)(const ChipSlice<float>&), Halve);
template void split_chips(std::span<const Crop>, const ChipFormat&, Matrix<std::uint16_t>, int,
                          void (*)(const ChipSlice<std::uint16_t>&), Halve);

}  // namespace faceprint
