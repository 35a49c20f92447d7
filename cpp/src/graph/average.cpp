#include "faceprint/graph.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t lanes = 8;  // partial sums of a product, always the same ones in the same order
constexpr std::ptrdiff_t numbers_per_chunk = 1 << 15;
constexpr double smallest = 0x1p-44;  // of the norms: below, a distance is only what rounding leaves of equal rows

struct Neighbour {
  std::ptrdiff_t cluster;
  double distance;
};

// The clusters so far. Each is known by its first row, and by what its mean distances follow from: the number of its
// rows, the sum of the rows, and the sum of their squared norms.
class Clusters {
 public:
  Clusters(Matrix<const float> embeddings, Progress& progress)
      : depth_(divide_up(embeddings.columns, lanes) * lanes),
        sums_(static_cast<std::size_t>(embeddings.rows * depth_)),
        norms_(static_cast<std::size_t>(embeddings.rows)),
        counts_(static_cast<std::size_t>(embeddings.rows), 1),
        parents_(static_cast<std::size_t>(embeddings.rows)),
        progress_(progress) {
    for (std::ptrdiff_t row = 0; row < embeddings.rows; ++row) {
      std::copy_n(embeddings.row(row), embeddings.columns, sum(row));
      norms_[at(row)] = product(row, row);
      parents_[at(row)] = row;
      active_.push_back(row);
      progress_.add(0);
    }
  }

  const std::vector<std::ptrdiff_t>& active() const { return active_; }

  // The nearest other active cluster; of equally near ones the first, but `preferred` before all.
  Neighbour nearest(std::ptrdiff_t cluster, std::ptrdiff_t preferred, int threads) const {
    const auto count = static_cast<std::ptrdiff_t>(active_.size());
    const std::ptrdiff_t chunk_clusters = std::max<std::ptrdiff_t>(1, numbers_per_chunk / depth_);
    const std::ptrdiff_t chunks = divide_up(count, chunk_clusters);
    std::vector<Neighbour> found(at(chunks), {-1, std::numeric_limits<double>::infinity()});
    threads = worthwhile_threads(threads, static_cast<double>(count * depth_));
    const auto look_in = [&](std::ptrdiff_t chunk) {
      Neighbour best = found[at(chunk)];
      for (std::ptrdiff_t i = chunk * chunk_clusters; i < std::min((chunk + 1) * chunk_clusters, count); ++i) {
        const std::ptrdiff_t other = active_[at(i)];
        if (other == cluster) continue;
        const double apart = distance(cluster, other);
        if (apart < best.distance) best = {other, apart};
      }
      found[at(chunk)] = best;
      progress_.add(0);
    };
    parallel_for(threads, chunks, look_in, &progress_);
    Neighbour best = {-1, std::numeric_limits<double>::infinity()};
    if (preferred >= 0) best = {preferred, distance(cluster, preferred)};
    for (const Neighbour& candidate : found) {
      if (candidate.distance < best.distance) best = candidate;
    }
    return best;
  }

  // Returns the cluster of both: the one with the lower first row.
  std::ptrdiff_t merge(std::ptrdiff_t a, std::ptrdiff_t b) {
    const std::ptrdiff_t kept = std::min(a, b), lost = std::max(a, b);
    for (std::ptrdiff_t d = 0; d < depth_; ++d) sum(kept)[d] += sum(lost)[d];
    norms_[at(kept)] += norms_[at(lost)];
    counts_[at(kept)] += counts_[at(lost)];
    parents_[at(lost)] = kept;
    deactivate(lost);
    return kept;
  }

  void deactivate(std::ptrdiff_t cluster) {
    progress_.add(static_cast<double>(2 * active_.size() - 1));
    active_.erase(std::ranges::lower_bound(active_, cluster));
  }

  // A parent always precedes its children, so one pass in order labels every row.
  void label(std::span<std::int64_t> labels) const {
    std::int64_t next = 0;
    for (std::ptrdiff_t row = 0; row < std::ssize(labels); ++row) {
      labels[at(row)] = parents_[at(row)] == row ? next++ : labels[at(parents_[at(row)])];
    }
  }

 private:
  static std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

  double* sum(std::ptrdiff_t cluster) { return sums_.data() + cluster * depth_; }
  const double* sum(std::ptrdiff_t cluster) const { return sums_.data() + cluster * depth_; }

  double product(std::ptrdiff_t a, std::ptrdiff_t b) const {
    const double* x = sum(a);
    const double* y = sum(b);
    double parts[lanes] = {};
    for (std::ptrdiff_t d = 0; d < depth_; d += lanes) {
      for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) parts[lane] += x[d + lane] * y[d + lane];
    }
    return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
  }

  // The mean of |x - y|^2 over all x in a and y in b. Symmetric to the bit, and with one rounding for whole numbers.
  double distance(std::ptrdiff_t a, std::ptrdiff_t b) const {
    const double rows_a = counts_[at(a)], rows_b = counts_[at(b)];
    const double norms = rows_b * norms_[at(a)] + rows_a * norms_[at(b)];
    const double total = norms - 2 * product(a, b);
    return total <= norms * smallest ? 0 : total / (rows_a * rows_b);
  }

  std::ptrdiff_t depth_;
  std::vector<double> sums_, norms_, counts_;
  std::vector<std::ptrdiff_t> parents_, active_;
  Progress& progress_;
};

}  // namespace

// Nearest-neighbour chain (Murtagh, "A survey of recent advances in hierarchical clustering algorithms", 1983): walk
// from a cluster to its nearest until two are each other's nearest, and merge them. Average linkage is reducible: a
// merged cluster is never nearer to a third than both its parts were. So the merges are those of the greedy algorithm,
// and a cluster whose nearest is beyond the threshold will never merge.
void average_linkage(Matrix<const float> embeddings, double threshold, std::span<std::int64_t> labels, int threads,
                     Watch* watch) {
  check_columns("embeddings", embeddings.columns);
  check_length("labels", labels.size(), embeddings.rows);
  if (!(threshold >= 0)) {
    throw std::invalid_argument("threshold must be 0 or more, not " + std::to_string(threshold));
  }
  threads = resolve_threads(threads);
  check_values("embeddings", embeddings);

  // What is left to do falls with the square of the clusters that are left.
  Progress progress(watch, std::pow(static_cast<double>(embeddings.rows), 2));
  Clusters clusters(embeddings, progress);
  std::vector<std::ptrdiff_t> chain;
  while (!clusters.active().empty()) {
    if (chain.empty()) chain.push_back(clusters.active().front());
    const std::ptrdiff_t last = chain.back(), previous = chain.size() > 1 ? chain[chain.size() - 2] : -1;
    const Neighbour nearest = clusters.nearest(last, previous, threads);
    if (nearest.cluster < 0 || nearest.distance > threshold) {
      clusters.deactivate(last);
      chain.pop_back();
    } else if (nearest.cluster == previous) {
      clusters.merge(last, previous);
      chain.resize(chain.size() - 2);
    } else if (std::ranges::find(chain, nearest.cluster) != chain.end()) {
      chain = {last};  // rounding brought a merged cluster nearer than its parts: the links before are out of date
    } else {
      chain.push_back(nearest.cluster);
    }
  }
  clusters.label(labels);
}

}  // namespace faceprint
