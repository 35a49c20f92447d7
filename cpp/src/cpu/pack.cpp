#include "cpu/pack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "codes.hpp"
#include "cpu/sizes.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr float infinity = std::numeric_limits<float>::infinity();

float reciprocal_length(float norm) { return 1.0f / std::sqrt(norm); }

double product_of(const float* a, const float* b, std::ptrdiff_t depth) {
  double sum = 0;
  for (std::ptrdiff_t d = 0; d < depth; ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

// What the bounds of all queries have in common.
struct Bounds {
  // No chain of roundings over the depth, nor the few around it, loses more than this share of what it adds.
  double rounding;
  double longest, centre, reach;  // of the rows, of the centre, of what rows differ from it: at least their lengths

  explicit Bounds(const Task& task) : rounding((static_cast<double>(task.gallery.columns()) + 64) * 0x1p-23) {
    const double norm = task.gallery.largest_norm() * (1 + rounding);
    const double centre_norm = product_of(task.gallery.centre(), task.gallery.centre(), task.gallery.columns());
    longest = std::sqrt(norm);
    centre = std::sqrt(centre_norm);
    reach = std::sqrt(std::max(task.gallery.largest_bias() - centre_norm, 0.0) + 4 * rounding * (norm + centre_norm));
  }

  // More than the roundings of a key and of its bound together: every number in them is less than the square.
  double lost(double query_length) const {
    const double all = query_length * (1 + rounding) + longest + centre;
    return 4 * rounding * all * all;
  }
};

}  // namespace

std::ptrdiff_t panels_at_a_time(const Task& task) {
  return panels_per_block(4 * (task.codes == Codes::bytes ? task.gallery.groups() : task.gallery.columns()));
}

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

// Around the centre c, a row is x = c + s a + r and a query q = c + s' b + r', where a and b are codes and the lengths
// of what they miss, |r| and |r'|, are known. So
//   <q, x> = <q, c> + <c, x - c> + s s' <a, b> + <s' b, r> + <r', x - c>,
// of which the gallery knows the second term for each row, and by Cauchy and Schwarz the last two are at most
// |s' b| |r| + |r'| |x - c|.
void PackedBatch::pack_codes(Matrix<const float> queries) {
  const Gallery& gallery = task_.gallery;
  const float* centre = gallery.centre();
  std::vector<std::int8_t> codes(static_cast<std::size_t>(4 * batch_.groups));
  const Bounds bounds(task_);
  for (std::ptrdiff_t i = 0; i < queries.rows; ++i) {
    const Coded coded = encode(queries.row(i), centre, batch_.depth, largest_query_code, codes.data());
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
    code_scale_.data()[i] = scale_.data()[i] * coded.scale;
    code_bias_.data()[i] = bias_.data()[i];
    if (!gallery.has_bounds()) continue;
    const auto factor = static_cast<double>(scale_.data()[i]);
    const double length = std::sqrt(static_cast<double>(norms_.data()[i]));
    code_error_.data()[i] =
        static_cast<float>(factor * (static_cast<double>(coded.length) + coded.error) * (1 + bounds.rounding));
    code_bias_.data()[i] =
        static_cast<float>(bias_.data()[i] - factor * product_of(queries.row(i), centre, batch_.depth) -
                           factor * coded.error * bounds.reach * (1 + bounds.rounding) - bounds.lost(length));
  }
}

Blocks::Blocks(const Task& task, std::ptrdiff_t most) : task_(task), scale_(most * panel_rows) {
  std::fill_n(scale_.data(), most * panel_rows, 1.0f);
  if (task.metric == Metric::squared_euclidean) return;
  bias_ = Buffer<float>(most * panel_rows);
  code_bias_ = Buffer<float>(most * panel_rows);
  code_scale_ = Buffer<float>(most * panel_rows);
}

Block Blocks::make(std::ptrdiff_t first_panel, std::ptrdiff_t panels) {
  const std::ptrdiff_t first = first_panel * panel_rows, rows = panels * panel_rows;
  const Gallery& gallery = task_.gallery;
  const float* norms = gallery.norms() + first;
  Block block = {.first_row = first,
                 .panels = panels,
                 .values = gallery.panel(first_panel),
                 .bias = norms,
                 .scale = scale_.data(),
                 .codes = nullptr,
                 .code_bias = norms,
                 .code_scale = nullptr,
                 .code_error = nullptr,
                 .limits = nullptr};
  const bool centred = task_.codes != Codes::none && gallery.has_bounds();
  if (task_.codes != Codes::none) {
    const bool bytes = task_.codes == Codes::bytes;
    const Gallery::Codes codes = bytes ? gallery.bytes() : gallery.nibbles();
    block.codes = codes.codes + first * gallery.groups() * (bytes ? 4 : 2);
    block.code_scale = codes.scales + first;
    block.code_error = codes.errors + first;
    if (centred) block.code_bias = gallery.biases() + first;
  }
  if (task_.metric == Metric::squared_euclidean) return block;
  for (std::ptrdiff_t i = 0; i < rows; ++i) bias_.data()[i] = norms[i] == infinity ? infinity : 0;
  block.bias = bias_.data();
  block.code_bias = bias_.data();
  if (task_.metric == Metric::dot) {
    if (!centred) return block;
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      code_bias_.data()[i] = norms[i] == infinity ? infinity : (gallery.biases()[first + i] - norms[i]) / 2;
    }
    block.code_bias = code_bias_.data();
    return block;
  }
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const float scale = reciprocal_length(norms[i]);
    scale_.data()[i] = scale;
    if (task_.codes != Codes::none) code_scale_.data()[i] = block.code_scale[i] * scale;
  }
  if (task_.codes != Codes::none) block.code_scale = code_scale_.data();
  return block;
}

}  // namespace faceprint
