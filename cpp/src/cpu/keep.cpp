#include "cpu/keep.hpp"

#include <algorithm>

#include "cpu/heap.hpp"

namespace faceprint {

void keep_nearest(const NearestSlice& slice, const float* found, std::ptrdiff_t first_query, std::ptrdiff_t queries,
                  std::ptrdiff_t first_row, std::ptrdiff_t rows) {
  for (std::ptrdiff_t i = first_query; i < first_query + queries; ++i) {
    const Heap heap = {slice.distances.row(i), slice.indices.row(i), slice.distances.columns};
    for (std::ptrdiff_t row = first_row; row < first_row + rows; ++row) {
      // Rounding may leave a product a little beyond the norms. Rows ascend, so at equal distance the earlier one
      // stays.
      const float distance = std::max(*found++, 0.0f);
      if (distance < heap.distances[0] && row != slice.own_row + i) heap.replace_top(distance, row);
    }
  }
}

void write_pixels(const ChipSlice& slice, std::ptrdiff_t channel, std::ptrdiff_t v, std::ptrdiff_t u,
                  std::ptrdiff_t count, const float* values) {
  const ChipFormat& format = slice.format;
  const bool planes = format.layout == Layout::nchw;
  const std::ptrdiff_t direction = format.mirror ? -1 : 1, step = planes ? direction : 3 * direction;
  const std::ptrdiff_t column = format.mirror ? format.width - 1 - u : u, pixel = v * format.width + column;
  float* out = slice.out + (planes ? channel * format.height * format.width + pixel : 3 * pixel + channel);
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i * step] = values[i];
}

}  // namespace faceprint
