#include "cpu/batch_all.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "cpu/ranks.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t chunk = anchor_multiple;  // rows of one task, and the length of a chain of products

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// Puts in place of the distances in how many triplets each takes part, negative for those to negatives: the derivative
// of the sum by each distance. A negative takes part with the pairs whose limit it does not reach, the last ones when
// they are sorted; so their number and the sum of their distances follow from its bin.
TripletSum weigh(const TripletKernels& kernels, double margin, const Anchor& anchor) {
  const std::ptrdiff_t count = std::ssize(anchor.pairs);
  std::vector<Pair> pairs(anchor.pairs.begin(), anchor.pairs.end());
  std::ranges::sort(pairs, {}, &Pair::distance);
  std::vector<float> limits(at(count));
  std::ranges::transform(pairs, limits.begin(), &Pair::limit);
  std::vector<double> sums(at(count + 1)), shares(at(count + 1));  // of the pairs from each bin on
  for (std::ptrdiff_t i = count - 1; i >= 0; --i) {
    sums[at(i)] = sums[at(i + 1)] + static_cast<double>(pairs[at(i)].distance) + margin;
    shares[at(i)] = shares[at(i + 1)] + 1;
  }

  const Ranks ranks(kernels, anchor, std::move(limits));
  std::vector<std::int64_t> negatives(at(count + 1));
  double parts[4] = {};  // added in a fixed order, and not each waiting for the last
  float* weights = anchor.distances;
  std::ptrdiff_t done = 0;
  ranks.for_each([&](std::ptrdiff_t row, std::size_t bin) {
    std::fill(weights + done, weights + row, 0.0f);
    done = row + 1;
    parts[row % 4] += sums[bin] - shares[bin] * static_cast<double>(anchor.distances[row]);
    ++negatives[bin];
    weights[row] = -static_cast<float>(shares[bin]);
  });
  std::fill(weights + done, weights + anchor.columns, 0.0f);

  TripletSum found = {.sum = (parts[0] + parts[1]) + (parts[2] + parts[3])};
  std::int64_t below = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    below += negatives[at(i)];
    found.count += below;
    weights[pairs[at(i)].positive] = static_cast<float>(below);
  }
  return found;
}

// Rows as factors of products: [rows / chunk][panels][at most chunk][panel_rows].
class Factors {
 public:
  explicit Factors(Matrix<const float> rows)
      : rows_(rows.rows), columns_(divide_up(rows.columns, panel_rows) * panel_rows), values_(at(rows_ * columns_)) {
    for (std::ptrdiff_t i = 0; i < rows.rows; ++i) {
      const std::ptrdiff_t first = i / chunk * chunk, count = panel_length(first);
      for (std::ptrdiff_t d = 0; d < rows.columns; d += panel_rows) {
        float* place = values_.data() + first * columns_ + d * count + (i - first) * panel_rows;
        std::copy_n(rows.row(i) + d, std::min(panel_rows, rows.columns - d), place);
      }
    }
  }

  std::ptrdiff_t columns() const { return columns_; }
  // From a row on that begins a chunk.
  const float* from(std::ptrdiff_t row) const { return values_.data() + row * columns_; }
  std::ptrdiff_t panel_length(std::ptrdiff_t row) const { return std::min(chunk, rows_ - row); }

 private:
  std::ptrdiff_t rows_, columns_;
  std::vector<float> values_;
};

}  // namespace

TripletSum sum_all(const TripletBatch& batch, Matrix<double> gradient) {
  const Matrix<const float> embeddings = batch.embeddings;
  const Factors factors(embeddings);
  const std::ptrdiff_t rows = embeddings.rows, columns = factors.columns();
  std::vector<double> products(at(rows * columns)), totals(at(rows));
  std::vector<TripletSum> found(at(batch.anchors()));

  // Rows of one chunk, times the weights between them and the anchors of the block: as others, and as anchors.
  const auto multiply = [&](const AnchorBlock& block, std::ptrdiff_t first) {
    const std::ptrdiff_t count = std::min(chunk, rows - first), anchors = block.distances.rows;
    std::vector<float> room(at(chunk * chunk));
    ProductSlice slice{};
    const auto multiply_with = [&](std::ptrdiff_t row) {
      slice.factors = factors.from(row);
      slice.panel_length = factors.panel_length(row);
      batch.kernels.add_products(slice);
    };
    slice.columns = columns;
    slice.packed = room.data();
    slice.out = {products.data() + first * columns, count, columns, columns};
    slice.transposed = true;
    for (std::ptrdiff_t i = 0; i < anchors; i += chunk) {
      const Matrix<const float> some = block.distances.slice(i, std::min(chunk, anchors - i));
      slice.weights = {some.data + first, some.rows, count, some.stride};
      multiply_with(block.first + i);
      for (std::ptrdiff_t anchor = 0; anchor < some.rows; ++anchor) {
        const float* weights = slice.weights.row(anchor);
        for (std::ptrdiff_t row = 0; row < count; ++row) totals[at(first + row)] += static_cast<double>(weights[row]);
      }
    }
    if (first < block.first || first >= block.first + anchors) return;
    const std::ptrdiff_t anchors_here = std::min(count, block.first + anchors - first);
    slice.out.rows = anchors_here;
    slice.transposed = false;
    for (std::ptrdiff_t i = 0; i < rows; i += chunk) {
      const float* weights = block.distances.row(first - block.first) + i;
      slice.weights = {weights, anchors_here, std::min(chunk, rows - i), block.distances.stride};
      multiply_with(i);
    }
  };

  visit_anchors(
      batch, [](const AnchorBlock&) {},
      [&](const Anchor& anchor) { found[at(anchor.row)] = weigh(batch.kernels, batch.rule.margin, anchor); },
      [&](const AnchorBlock& block) {
        const double work = static_cast<double>(rows) * static_cast<double>(block.distances.rows * columns);
        const int threads = worthwhile_threads(batch.threads, work);
        parallel_for(threads, divide_up(rows, chunk), [&](std::ptrdiff_t i) { multiply(block, i * chunk); });
      });

  // Of a weighted sum of |x - y|^2, in which the weights of an anchor add up to nothing.
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    for (std::ptrdiff_t d = 0; d < embeddings.columns; ++d) {
      const auto component = static_cast<double>(embeddings.row(row)[d]);
      gradient.row(row)[d] = 2 * (totals[at(row)] * component - products[at(row * columns + d)]);
    }
  }
  TripletSum all;
  for (const TripletSum& part : found) {
    all.sum += part.sum;
    all.count += part.count;
  }
  return all;
}

}  // namespace faceprint
