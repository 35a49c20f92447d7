#include "cpu/pack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "codes.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr float infinity = std::numeric_limits<float>::infinity();

float reciprocal_length(float norm) { return 1.0f / std::sqrt(norm); }

}  // namespace

PackedBatch::PackedBatch(const Task& task, std::ptrdiff_t capacity)
    : task_(task),
      tiles_(capacity * task.gallery.columns()),
      norms_(capacity + panel_rows),
      bias_(capacity),
      scale_(capacity) {
  batch_.depth = task.gallery.columns();
  batch_.tiles = tiles_.data();
  batch_.bias = bias_.data();
  batch_.scale = scale_.data();
  if (task.codes == Codes::none) return;
  batch_.groups = task.gallery.groups();
  code_bias_ = Buffer<float>(capacity);
  code_scale_ = Buffer<float>(capacity);
  code_error_ = Buffer<float>(capacity);
  code_tiles_ = Buffer<std::int8_t>(4 * capacity * batch_.groups);
  code_sums_ = Buffer<std::int32_t>(capacity);
  batch_.code_tiles = code_tiles_.data();
  batch_.code_sums = code_sums_.data();
  batch_.code_bias = code_bias_.data();
  batch_.code_scale = code_scale_.data();
  batch_.code_error = code_error_.data();
}

void PackedBatch::pack(Matrix<const float> queries) {
  batch_.count = queries.rows;
  task_.kernels.pack(queries, tiles_.data(), norms_.data());
  for (std::ptrdiff_t i = 0; i < queries.rows; ++i) {
    const float norm = norms_.data()[i];
    bias_.data()[i] = task_.metric == Metric::squared_euclidean ? norm : 0;
    scale_.data()[i] = task_.metric == Metric::squared_euclidean ? 2
                       : task_.metric == Metric::cosine          ? reciprocal_length(norm)
                                                                 : 1;
  }
  if (task_.codes != Codes::none) pack_codes(queries);
}

// A row x and a query q with codes c and scales s are x = s c + r and q = s' c' + r'; the lengths of what is left, |r|
// and |r'|, are known. By Cauchy and Schwarz, <q, x> is at most s s' <c, c'> + |s' c'| |r| + |r'| |x|.
void PackedBatch::pack_codes(Matrix<const float> queries) {
  const bool bound = task_.gallery.storage() == Storage::float32;
  const auto depth = static_cast<double>(batch_.depth);
  // No chain of `depth` roundings, nor the few around it, loses more than this share of the magnitudes it adds.
  const double rounding = (depth + 64) * 0x1p-23;
  const double longest =
      task_.metric == Metric::cosine ? 1 : std::sqrt(static_cast<double>(task_.gallery.largest_norm()));
  std::vector<std::int8_t> codes(static_cast<std::size_t>(4 * batch_.groups));
  for (std::ptrdiff_t i = 0; i < queries.rows; ++i) {
    const Coded coded = encode(queries.row(i), batch_.depth, largest_query_code, codes.data());
    const std::ptrdiff_t first = i / task_.kernels.tile_queries * task_.kernels.tile_queries;
    const std::ptrdiff_t width = std::min(task_.kernels.tile_queries, queries.rows - first);
    std::int8_t* tile = code_tiles_.data() + 4 * first * batch_.groups;
    std::int32_t sum = 0;
    for (std::ptrdiff_t group = 0; group < batch_.groups; ++group) {
      const std::int8_t* four = codes.data() + 4 * group;
      for (std::ptrdiff_t j = 0; j < 4; ++j) sum += four[j];
      std::copy_n(four, 4, tile + 4 * (group * width + i - first));
    }
    code_sums_.data()[i] = sum;
    const float factor = scale_.data()[i];
    code_scale_.data()[i] = factor * coded.scale;
    code_bias_.data()[i] = bias_.data()[i];
    if (!bound) continue;
    const double length = std::sqrt(static_cast<double>(norms_.data()[i])) * (1 + rounding), missed = coded.error;
    const double magnitudes = 8 * factor * length * longest * (1 + rounding) +
                              (task_.metric == Metric::squared_euclidean ? length * length + longest * longest : 0);
    code_error_.data()[i] = static_cast<float>(factor * (length + missed) * (1 + rounding));
    code_bias_.data()[i] =
        static_cast<float>(bias_.data()[i] - factor * missed * longest * (1 + rounding) - rounding * magnitudes);
  }
}

Blocks::Blocks(const Task& task, std::ptrdiff_t most) : task_(task), scale_(most * panel_rows) {
  std::fill_n(scale_.data(), most * panel_rows, 1.0f);
  if (task.metric == Metric::squared_euclidean) return;
  bias_ = Buffer<float>(most * panel_rows);
  if (task.metric == Metric::dot) return;
  code_scale_ = Buffer<float>(most * panel_rows);
  code_error_ = Buffer<float>(most * panel_rows);
}

Block Blocks::make(std::ptrdiff_t first_panel, std::ptrdiff_t panels) {
  const std::ptrdiff_t first = first_panel * panel_rows, rows = panels * panel_rows;
  const float* norms = task_.gallery.norms() + first;
  Block block = {.first_row = first,
                 .panels = panels,
                 .values = task_.gallery.panel(first_panel),
                 .bias = norms,
                 .scale = scale_.data(),
                 .codes = nullptr,
                 .code_scale = nullptr,
                 .code_error = nullptr,
                 .limits = nullptr};
  if (task_.codes != Codes::none) {
    const bool bytes = task_.codes == Codes::bytes;
    const Gallery::Codes codes = bytes ? task_.gallery.bytes() : task_.gallery.nibbles();
    block.codes = codes.codes + first * task_.gallery.groups() * (bytes ? 4 : 2);
    block.code_scale = codes.scales + first;
    block.code_error = codes.errors + first;
  }
  if (task_.metric == Metric::squared_euclidean) return block;
  for (std::ptrdiff_t i = 0; i < rows; ++i) bias_.data()[i] = norms[i] == infinity ? infinity : 0;
  block.bias = bias_.data();
  if (task_.metric == Metric::dot) return block;
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const float scale = reciprocal_length(norms[i]);
    scale_.data()[i] = scale;
    if (task_.codes == Codes::none) continue;
    code_scale_.data()[i] = block.code_scale[i] * scale;
    code_error_.data()[i] = block.code_error[i] * scale;
  }
  if (task_.codes != Codes::none) {
    block.code_scale = code_scale_.data();
    block.code_error = code_error_.data();
  }
  return block;
}

}  // namespace faceprint
