#include "cpu/coarse.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "cpu/heap.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t panels_per_block = 256;
constexpr std::ptrdiff_t rows_per_candidate = 64;  // with more candidates, a scan of the bytes is faster
constexpr float infinity = std::numeric_limits<float>::infinity();

float least_of_panel(const float* bounds) {
  float least = bounds[0];
  for (std::ptrdiff_t i = 1; i < panel_rows; ++i) least = bounds[i] < least ? bounds[i] : least;
  return least;
}

// The search of one query, whose bounds are known.
class Candidates {
 public:
  Candidates(const ScanKernels& kernels, const Batch& batch, Blocks& blocks, Values values, std::ptrdiff_t first_panel,
             std::ptrdiff_t query, float* bounds, std::ptrdiff_t rows, Heap heap)
      : kernels_(kernels),
        batch_(batch),
        blocks_(blocks),
        values_(values),
        first_panel_(first_panel),
        query_(query),
        bounds_(bounds),
        rows_(rows),
        heap_(heap) {}

  std::int64_t computed() const { return computed_; }

  // Computes the rows with the least bounds, as many as are looked for: the limit is tight from then on.
  void begin() {
    std::vector<float> least(static_cast<std::size_t>(heap_.size));
    std::vector<std::int64_t> rows(least.size());
    const Heap nearest = {least.data(), rows.data(), heap_.size};
    nearest.clear();
    for (std::ptrdiff_t row = 0; row < rows_; row += panel_rows) {
      if (least_of_panel(bounds_ + row) >= nearest.distances[0]) continue;
      for (std::ptrdiff_t i = row; i < row + panel_rows; ++i) {
        if (bounds_[i] < nearest.distances[0]) nearest.replace_top(bounds_[i], i);
      }
    }
    for (const std::int64_t row : rows) {
      if (row < rows_) compute(row);  // fewer rows than are looked for leave places empty
    }
  }

  bool are_few() const {
    std::ptrdiff_t count = 0;
    for (std::ptrdiff_t row = 0; row < rows_; ++row) count += bounds_[row] <= heap_.distances[0] ? 1 : 0;
    return count <= rows_ / rows_per_candidate;
  }

  // A bound that equals the limit may belong to a row that wins by its index.
  void finish() {
    for (std::ptrdiff_t row = 0; row < rows_; row += panel_rows) {
      if (least_of_panel(bounds_ + row) > heap_.distances[0]) continue;
      for (std::ptrdiff_t i = row; i < row + panel_rows; ++i) {
        if (bounds_[i] <= heap_.distances[0] && bounds_[i] < infinity) compute(i);
      }
    }
  }

 private:
  void compute(std::ptrdiff_t row) {
    float keys[panel_rows];
    const Block block = blocks_.make(first_panel_ + row / panel_rows, 1);
    const std::ptrdiff_t lane = row % panel_rows;
    kernels_.keys_of_floats(batch_, query_, block, lane - lane % kernels_.lanes, keys);
    bounds_[row] = infinity;  // once is enough
    ++computed_;
    heap_.offer(values_.key(keys[lane % kernels_.lanes]), block.first_row + lane);
  }

  const ScanKernels& kernels_;
  const Batch& batch_;
  Blocks& blocks_;
  const Values values_;
  const std::ptrdiff_t first_panel_, query_;
  float* bounds_;
  const std::ptrdiff_t rows_;
  const Heap heap_;
  std::int64_t computed_ = 0;
};

}  // namespace

std::optional<std::int64_t> search_coarsely(const ScanKernels& kernels, const Gallery& gallery, Metric metric,
                                            Matrix<const float> queries, std::ptrdiff_t first_panel,
                                            std::ptrdiff_t last_panel, Matrix<float> keys, Matrix<std::int64_t> indices,
                                            Progress& progress) {
  const Task task = {kernels, gallery, metric, Codes::nibbles};
  const std::ptrdiff_t rows = (last_panel - first_panel) * panel_rows;
  PackedBatch packed(task, queries.rows);
  packed.pack(queries);
  Blocks blocks(task, panels_per_block);
  std::vector<float> bounds(static_cast<std::size_t>(queries.rows * rows));
  for (std::ptrdiff_t panel = first_panel; panel < last_panel; panel += panels_per_block) {
    const Block block = blocks.make(panel, std::min(panels_per_block, last_panel - panel));
    kernels.bound_nibbles(packed.batch(), block, bounds.data() + (panel - first_panel) * panel_rows, rows);
    progress.add(static_cast<double>(block.panels * panel_rows * queries.rows));
  }
  std::int64_t computed = 0;
  for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
    const Heap heap = {keys.row(query), indices.row(query), keys.columns};
    heap.clear();
    Candidates candidates(kernels, packed.batch(), blocks, Values(metric), first_panel, query,
                          bounds.data() + query * rows, rows, heap);
    candidates.begin();
    if (!candidates.are_few()) return std::nullopt;
    candidates.finish();
    computed += candidates.computed();
  }
  return computed;
}

}  // namespace faceprint
