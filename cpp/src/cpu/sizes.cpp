#include "cpu/sizes.hpp"

#include <algorithm>

#include "divide_up.hpp"
#include "faceprint/gallery.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {
constexpr std::ptrdiff_t packed_query_bytes = 1 << 20;  // packed at once; they stream through once per block
constexpr std::ptrdiff_t block_bytes = 1 << 18;
constexpr std::ptrdiff_t most_panels = 256;
}  // namespace

std::ptrdiff_t panels_per_block(std::ptrdiff_t row_bytes) {
  return std::clamp<std::ptrdiff_t>(block_bytes / (Gallery::panel_rows * row_bytes), 1, most_panels);
}

std::ptrdiff_t queries_per_batch(std::ptrdiff_t queries, std::ptrdiff_t depth, std::ptrdiff_t batches) {
  const auto bytes = static_cast<std::ptrdiff_t>(sizeof(float)) * depth;
  const std::ptrdiff_t most = std::max<std::ptrdiff_t>(1, packed_query_bytes / bytes / tile_multiple);
  const std::ptrdiff_t even = divide_up(divide_up(queries, batches), tile_multiple);
  return tile_multiple * std::clamp<std::ptrdiff_t>(even, 1, most);
}

int threads_for(int threads, std::ptrdiff_t queries, std::ptrdiff_t gallery, std::ptrdiff_t depth) {
  return worthwhile_threads(threads,
                            static_cast<double>(queries) * static_cast<double>(gallery) * static_cast<double>(depth));
}

}  // namespace faceprint
