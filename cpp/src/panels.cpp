#include "panels.hpp"

#include <algorithm>

namespace faceprint {

namespace {
constexpr std::ptrdiff_t width = Gallery::panel_rows;
}

void pack(Matrix<const float> rows, float* panel, std::ptrdiff_t first) {
  for (std::ptrdiff_t i = 0; i < rows.rows; ++i) {
    const float* row = rows.row(i);
    float* place = panel + first + i;
    for (std::ptrdiff_t d = 0; d < rows.columns; ++d) place[d * width] = row[d];
  }
}

void pack_all(Matrix<const float> rows, float* panels) {
  for (std::ptrdiff_t i = 0; i < rows.rows; i += width) {
    float* panel = panels + i * rows.columns;
    const std::ptrdiff_t count = std::min(width, rows.rows - i);
    if (count < width) std::fill_n(panel, width * rows.columns, 0.0f);
    pack(rows.slice(i, count), panel, 0);
  }
}

}  // namespace faceprint
