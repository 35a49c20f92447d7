#include "cpu/window.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "divide_up.hpp"

namespace faceprint {

namespace {

constexpr std::int64_t columns_per_load = (bytes_per_load + 2) / 3;

// Extremes of a linear function are at the corners.
Range range(const SampleAxis& axis, std::ptrdiff_t width, std::ptrdiff_t first_row, std::ptrdiff_t last_row) {
  const std::int64_t from = axis.begin + first_row * axis.down, to = axis.begin + (last_row - 1) * axis.down;
  const std::int64_t across = (width - 1) * axis.along;
  const auto [first, last] = std::minmax({from, from + across, to, to + across});
  return {first_tap(first), first_tap(last)};
}

// A box that begins `max_taps` before the first pixel, or behind the last, is black wherever it begins.
Range within(Range range, std::int64_t size) {
  return {std::clamp<std::int64_t>(range.first, -max_taps, size),
          std::clamp<std::int64_t>(range.last, -max_taps, size)};
}

void add(const std::uint8_t* from, std::span<std::int32_t> sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += from[i];
}

// The sums of blocks of `columns` pixels, the last of which may be cut off.
void join(std::span<const std::int32_t> sums, std::size_t columns, std::span<std::int32_t> blocks) {
  for (std::size_t first = 0, to = 0; first < sums.size(); first += 3 * columns, to += 3) {
    const std::size_t last = std::min(first + 3 * columns, sums.size());
    std::int32_t red = 0, green = 0, blue = 0;
    for (std::size_t i = first; i < last; i += 3) {
      red += sums[i];
      green += sums[i + 1];
      blue += sums[i + 2];
    }
    blocks[to] = red;
    blocks[to + 1] = green;
    blocks[to + 2] = blue;
  }
}

// Means rounded half up. Sums are whole numbers: a quarter more decides nothing, but outweighs what float64 rounds.
void divide(std::span<const std::int32_t> sums, double area, std::uint8_t* out) {
  const double share = 1 / area, half = (area / 2 + 0.25) * share;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(sums[i] * share + half));
  }
}

struct Copy {
  const Image& image;
  const SampleAxis &x, &y;
  Range rows, columns;  // of the reduced image
  std::uint8_t* out;
  std::ptrdiff_t stride;

  // Pixels beyond the image stay as they are: black.
  void make() const {
    const std::int64_t first_column = std::max<std::int64_t>(columns.first, 0) * x.reduction;
    const std::int64_t last_column = std::min((columns.last + 1) * x.reduction, image.width);
    if (first_column >= last_column) return;
    const std::int64_t width = last_column - first_column;
    std::uint8_t* to = out + 3 * (std::max<std::int64_t>(columns.first, 0) - columns.first);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(3 * width));
    std::vector<std::int32_t> blocks(static_cast<std::size_t>(3 * divide_up(width, x.reduction)));
    const double area = static_cast<double>(x.reduction) * static_cast<double>(y.reduction);
    for (std::int64_t row = std::max<std::int64_t>(rows.first, 0); row <= rows.last; ++row) {
      const std::int64_t first = row * y.reduction, last = std::min(first + y.reduction, image.height);
      if (first >= last) return;
      std::uint8_t* target = to + (row - rows.first) * stride;
      if (x.reduction == 1 && y.reduction == 1) {
        std::copy_n(image.row(row) + 3 * first_column, 3 * width, target);
        continue;
      }
      std::ranges::fill(sums, 0);
      for (std::int64_t line = first; line < last; ++line) {
        add(image.row(line) + 3 * first_column, sums);
      }
      join(sums, static_cast<std::size_t>(x.reduction), blocks);
      divide(blocks, area, target);
    }
  }
};

}  // namespace

Window open_window(const Image& image, const Grid& grid, std::ptrdiff_t width, std::ptrdiff_t first_row,
                   std::ptrdiff_t last_row, Buffer<std::uint8_t>& copy) {
  const Range rows = range(grid.y, width, first_row, last_row), columns = range(grid.x, width, first_row, last_row);
  const bool reduced = grid.x.reduction > 1 || grid.y.reduction > 1;
  if (!reduced && rows.first >= 0 && rows.last + max_taps <= image.height && columns.first >= 0 &&
      columns.last + columns_per_load <= image.width) {
    return {image.row(rows.first) + 3 * columns.first, image.stride, rows, columns};
  }
  const Range near_rows = within(rows, divide_up(image.height, grid.y.reduction));
  const Range near_columns = within(columns, divide_up(image.width, grid.x.reduction));
  const Range all_rows = {near_rows.first, near_rows.last + max_taps - 1};
  const Range all_columns = {near_columns.first, near_columns.last + columns_per_load - 1};
  const std::ptrdiff_t stride = 3 * (all_columns.last - all_columns.first + 1);
  copy = Buffer<std::uint8_t>((all_rows.last - all_rows.first + 1) * stride);
  Copy{image, grid.x, grid.y, all_rows, all_columns, copy.data(), stride}.make();
  return {copy.data(), stride, near_rows, near_columns};
}

}  // namespace faceprint
