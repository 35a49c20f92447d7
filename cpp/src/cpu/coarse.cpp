#include "cpu/coarse.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "cpu/heap.hpp"
#include "divide_up.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t panels_per_block = 256, panels_per_chunk = 4 * panels_per_block;
constexpr std::ptrdiff_t panels_per_candidate = 32;  // with more candidates, a scan of the bytes is faster
constexpr float infinity = std::numeric_limits<float>::infinity();

// The search of one query among all panels, of whose rows the least bound is known. A panel's rows lie together, so
// that computing one of them reads all.
class Candidates {
 public:
  Candidates(const ScanKernels& kernels, const Batch& batch, Blocks& blocks, Values values, std::ptrdiff_t query,
             std::span<float> bounds, Heap heap)
      : kernels_(kernels),
        batch_(batch),
        blocks_(blocks),
        values_(values),
        query_(query),
        bounds_(bounds),
        heap_(heap) {}

  std::int64_t computed() const { return computed_; }

  // Computes the panels with the least bounds, as many as rows are looked for: the limit is tight from then on.
  void begin() {
    std::vector<float> least(static_cast<std::size_t>(heap_.size));
    std::vector<std::int64_t> panels(least.size());
    const Heap nearest = {least.data(), panels.data(), heap_.size};
    nearest.clear();
    for (std::size_t panel = 0; panel < bounds_.size(); ++panel) {
      if (bounds_[panel] < nearest.distances[0]) nearest.replace_top(bounds_[panel], static_cast<std::int64_t>(panel));
    }
    nearest.sort();
    for (std::size_t i = 0; i < least.size() && least[i] <= heap_.distances[0] && least[i] < infinity; ++i) {
      compute(static_cast<std::size_t>(panels[i]));
    }
  }

  bool are_few() const {
    const float limit = heap_.distances[0];
    const auto count = std::ranges::count_if(bounds_, [&](float bound) { return bound <= limit; });
    return count <= std::ssize(bounds_) / panels_per_candidate;
  }

  // A bound that equals the limit may belong to a row that wins by its index.
  void finish() {
    for (std::size_t panel = 0; panel < bounds_.size(); ++panel) {
      if (bounds_[panel] <= heap_.distances[0] && bounds_[panel] < infinity) compute(panel);
    }
  }

 private:
  void compute(std::size_t panel) {
    const Block block = blocks_.make(static_cast<std::ptrdiff_t>(panel), 1);
    float keys[panel_rows];
    for (std::ptrdiff_t row = 0; row < panel_rows; row += kernels_.lanes) {
      kernels_.keys_of_floats(batch_, query_, block, row, keys + row);
    }
    for (std::ptrdiff_t row = 0; row < panel_rows; ++row) {
      if (keys[row] < infinity) heap_.offer(values_.key(keys[row]), block.first_row + row);
    }
    bounds_[panel] = infinity;  // once is enough
    computed_ += panel_rows;
  }

  const ScanKernels& kernels_;
  const Batch& batch_;
  Blocks& blocks_;
  const Values values_;
  const std::ptrdiff_t query_;
  const std::span<float> bounds_;  // of each panel
  const Heap heap_;
  std::int64_t computed_ = 0;
};

}  // namespace

std::optional<std::int64_t> search_coarsely(const ScanKernels& kernels, const Gallery& gallery, Metric metric,
                                            Matrix<const float> queries, Matrix<float> keys,
                                            Matrix<std::int64_t> indices, int threads, Progress& progress) {
  const Task task = {kernels, gallery, metric, Codes::nibbles};
  const std::ptrdiff_t panels = gallery.panel_count();
  PackedBatch packed(task, queries.rows);
  packed.pack(queries);
  const Buffer<float> bounds(queries.rows * panels);
  const auto bound = [&](std::ptrdiff_t chunk) {
    Blocks blocks(task, panels_per_block);
    const std::ptrdiff_t last = std::min((chunk + 1) * panels_per_chunk, panels);
    for (std::ptrdiff_t panel = chunk * panels_per_chunk; panel < last; panel += panels_per_block) {
      const Block block = blocks.make(panel, std::min(panels_per_block, last - panel));
      kernels.bound_nibbles(packed.batch(), block, bounds.data() + panel, panels);
      progress.add(static_cast<double>(block.panels * panel_rows * queries.rows));
    }
  };
  parallel_for(threads, divide_up(panels, panels_per_chunk), bound, &progress);

  Blocks blocks(task, 1);
  std::int64_t computed = 0;
  for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
    const Heap heap = {keys.row(query), indices.row(query), keys.columns};
    heap.clear();
    const std::span all(bounds.data() + query * panels, static_cast<std::size_t>(panels));
    Candidates candidates(kernels, packed.batch(), blocks, Values(metric), query, all, heap);
    candidates.begin();
    if (!candidates.are_few()) return std::nullopt;
    candidates.finish();
    heap.sort();
    computed += candidates.computed();
  }
  return computed;
}

}  // namespace faceprint
