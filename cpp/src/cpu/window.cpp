#include "cpu/window.hpp"

#include <algorithm>
#include <utility>

#include "divide_up.hpp"

namespace faceprint {

namespace {

// What kernels read of a row, from the first pixel of a box on: two strips.
constexpr std::int64_t columns_per_load = taps_per_strip + (bytes_per_strip + 2) / 3;

// Some rows and columns of an image, halved or not, that is `height` x `width` as a whole.
struct Part {
  const std::uint8_t* data;
  std::ptrdiff_t stride;
  Range rows, columns;
  std::int64_t height, width;

  const std::uint8_t* pixel(std::int64_t row, std::int64_t column) const {
    return data + (row - rows.first) * stride + 3 * (column - columns.first);
  }
};

// These rows and columns of the halved image; black fills up its last blocks.
Part halved(const Part& part, Range rows, Range columns, Halve halve, Buffer<std::uint8_t>& memory) {
  const std::int64_t width = length(columns), odd = 2 * (columns.last + 1) > part.width ? 1 : 0;
  memory = Buffer<std::uint8_t>(3 * width * length(rows));
  const Buffer<std::uint8_t> black(6 * width);
  for (std::int64_t row = rows.first; width > 0 && row <= rows.last; ++row) {
    const std::uint8_t* upper = part.pixel(2 * row, 2 * columns.first);
    const std::uint8_t* lower = 2 * row + 1 < part.height ? upper + part.stride : black.data();
    std::uint8_t* out = memory.data() + 3 * width * (row - rows.first);
    halve(upper, lower, width - odd, out);
    for (std::int64_t i = 3 * (width - odd); i < 3 * width; ++i) {
      const std::int64_t from = 6 * (width - 1) + i % 3;
      out[i] = static_cast<std::uint8_t>((upper[from] + lower[from] + 2) / 4);
    }
  }
  return {memory.data(), 3 * width, rows, columns, divide_up(part.height, 2), divide_up(part.width, 2)};
}

}  // namespace

Window open_window(const Image& image, const Grid& grid, std::ptrdiff_t width, std::ptrdiff_t first_row,
                   std::ptrdiff_t last_row, Halve halve, Buffer<std::uint8_t>& copy) {
  const Range rows = first_pixels(grid.y, width, first_row, last_row),
              columns = first_pixels(grid.x, width, first_row, last_row);
  if (grid.halvings == 0 && rows.first >= 0 && rows.last + max_taps <= image.height && columns.first >= 0 &&
      columns.last + columns_per_load <= image.width) {
    return {image.row(rows.first) + 3 * columns.first, image.stride, rows, columns};
  }
  const std::int64_t pixels = std::int64_t{1} << grid.halvings;
  const Range near_rows = touching(rows, divide_up(image.height, pixels));
  const Range near_columns = touching(columns, divide_up(image.width, pixels));
  const Range all_rows = {near_rows.first, near_rows.last + max_taps - 1};
  const Range all_columns = {near_columns.first, near_columns.last + columns_per_load - 1};

  Part part = {image.data, image.stride, {0, image.height - 1}, {0, image.width - 1}, image.height, image.width};
  Buffer<std::uint8_t> memory;
  for (int left = grid.halvings - 1; left >= 0; --left) {
    Buffer<std::uint8_t> halves;
    part = halved(part, clip(unhalved(all_rows, left), divide_up(part.height, 2)),
                  clip(unhalved(all_columns, left), divide_up(part.width, 2)), halve, halves);
    memory = std::move(halves);
  }

  const std::ptrdiff_t stride = 3 * length(all_columns);
  copy = Buffer<std::uint8_t>(length(all_rows) * stride);
  const Range seen_rows = clip(all_rows, part.height), seen_columns = clip(all_columns, part.width);
  for (std::int64_t row = seen_rows.first; row <= seen_rows.last; ++row) {
    std::copy_n(part.pixel(row, seen_columns.first), 3 * length(seen_columns),
                copy.data() + (row - all_rows.first) * stride + 3 * (seen_columns.first - all_columns.first));
  }
  return {copy.data(), stride, near_rows, near_columns};
}

}  // namespace faceprint
