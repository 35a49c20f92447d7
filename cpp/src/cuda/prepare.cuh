#pragma once
// What searches need of rows before they multiply them, a thread a row or a number.

#include <cmath>
#include <cstdint>

#include "codes.hpp"
#include "cuda/grid.cuh"
#include "cuda/panels.cuh"
#include "faceprint/nearest.hpp"

namespace faceprint::cuda {

// Rows that lie anywhere into panels, with zeros after the last row.
__global__ void pack_rows(const float* rows, std::int64_t stride, Panels<float> panels, float* to) {
  const std::int64_t at = global_thread(), line = at / panel_rows;
  const auto column = static_cast<int>(line % panels.length);
  const auto row = static_cast<int>(line / panels.length * panel_rows + at % panel_rows);
  if (at >= std::int64_t{panels.padded_rows()} * panels.length) return;
  to[at] = row < panels.rows ? rows[row * stride + column] : 0;
}

// Squared, each one chain over the depth.
__global__ void norms_of_rows(Panels<float> panels, float* norms) {
  const auto row = static_cast<int>(global_thread());
  if (row >= panels.rows) return;
  float sum = 0;
  for (int d = 0; d < panels.length; ++d) sum = fmaf(panels.at(row, d), panels.at(row, d), sum);
  norms[row] = sum;
}

// What is wrong with the first row that may not be searched, as 4 times its number and a Wrong, the least of all rows';
// untouched where all may.
enum Wrong : unsigned { not_finite, too_large, too_short };

__global__ void find_wrong(Panels<float> panels, const float* norms, float most, float shortest_norm,
                           unsigned long long* first) {
  const auto row = static_cast<int>(global_thread());
  if (row >= panels.rows) return;
  float greatest = 0;
  bool finite = true;
  for (int d = 0; d < panels.length; ++d) {
    const float magnitude = fabsf(panels.at(row, d));
    finite = finite && magnitude < INFINITY;
    greatest = fmaxf(greatest, magnitude);
  }
  if (finite && greatest <= most && norms[row] >= shortest_norm) return;
  const Wrong wrong = !finite ? not_finite : greatest > most ? too_large : too_short;
  atomicMin(first, 4ull * static_cast<unsigned>(row) + wrong);
}

// What turns products into keys. `code_scales` are those of codes, if products are of these.
__global__ void terms_of_rows(const float* norms, const float* code_scales, int rows, Metric metric,
                              float euclidean_scale, float* bias, float* scale) {
  const auto row = static_cast<int>(global_thread());
  if (row >= rows) return;
  const float of_metric = metric == Metric::squared_euclidean ? euclidean_scale
                          : metric == Metric::cosine          ? 1.0f / sqrtf(norms[row])
                                                              : 1.0f;
  bias[row] = metric == Metric::squared_euclidean ? norms[row] : 0;
  scale[row] = code_scales ? of_metric * code_scales[row] : of_metric;
}

// The codes of queries, as `encode` finds them where the centre is 0, and their scales.
__global__ void encode_queries(Panels<float> panels, Panels<int> codes, int* to, float* scales) {
  const auto row = static_cast<int>(global_thread());
  if (row >= panels.padded_rows()) return;
  float magnitude = 0;
  for (int d = 0; d < panels.length; ++d) magnitude = fmaxf(magnitude, fabsf(panels.at(row, d)));
  const bool vanishes = magnitude < smallest_coded;
  const float inverse = vanishes ? 0 : static_cast<float>(largest_query_code) / magnitude;
  if (row < panels.rows) scales[row] = vanishes ? 0 : magnitude / static_cast<float>(largest_query_code);
  for (int group = 0; group < codes.length; ++group) {
    std::uint32_t four = 0;
    for (int d = 4 * group; d < 4 * group + 4 && d < panels.length; ++d) {
      const int code = static_cast<int>(rounded(panels.at(row, d) * inverse));
      four |= (static_cast<std::uint32_t>(code) & 0xff) << 8 * (d % 4);
    }
    to[codes.place(row, group)] = static_cast<int>(four);
  }
}

}  // namespace faceprint::cuda
