#include "cpu/mine.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "cpu/ranks.hpp"

namespace faceprint {

namespace {

// The triplets of one anchor.
struct Found {
  std::vector<std::int64_t> positives, negatives;
  std::vector<double> excess;

  void add(const Pair& pair, std::int64_t negative, float distance) {
    positives.push_back(pair.positive);
    negatives.push_back(negative);
    excess.push_back(static_cast<double>(pair.distance) - static_cast<double>(distance));
  }
};

// The nearest negative, whatever the distance of the positive.
void pick_nearest(const TripletKernels& kernels, const Anchor& anchor, Found& found) {
  const std::ptrdiff_t row = kernels.nearest(anchor.distances, anchor.columns);
  for (const Pair& pair : anchor.pairs) {
    if (anchor.distances[row] < pair.limit) found.add(pair, row, anchor.distances[row]);
  }
}

struct Negative {
  std::int64_t row = -1;
  float distance = std::numeric_limits<float>::infinity();
};

// The nearest negative that is farther than the positive.
void pick_next(const TripletKernels& kernels, const Anchor& anchor, Found& found) {
  std::vector<float> thresholds;
  for (const Pair& pair : anchor.pairs) thresholds.push_back(pair.lowest);
  const Ranks ranks(kernels, anchor, std::move(thresholds));
  std::vector<Negative> nearest(static_cast<std::size_t>(ranks.count()));
  ranks.for_each([&](std::ptrdiff_t row, std::size_t bin) {
    if (anchor.distances[row] < nearest[bin].distance) nearest[bin] = {row, anchor.distances[row]};
  });
  // Where a bin is empty, the nearest negative beyond its beginning is that of the next.
  for (std::size_t bin = nearest.size() - 1; bin-- > 0;) {
    if (nearest[bin].row < 0) nearest[bin] = nearest[bin + 1];
  }
  for (const Pair& pair : anchor.pairs) {
    const Negative& negative = nearest[static_cast<std::size_t>(ranks.first_from(pair.lowest))];
    if (negative.distance < pair.limit) found.add(pair, negative.row, negative.distance);
  }
}

// The negatives of a pair are those of some neighbouring bins, so that one is drawn, or all are listed, without a look
// at the others.
void pick_among(const TripletBatch& batch, const Anchor& anchor, Pick pick, Found& found) {
  std::vector<float> thresholds;
  for (const Pair& pair : anchor.pairs) {
    if (pair.lowest > 0) thresholds.push_back(pair.lowest);
    thresholds.push_back(pair.limit);
  }
  const Ranks ranks(batch.kernels, anchor, std::move(thresholds));
  const auto at = [](std::ptrdiff_t i) { return static_cast<std::size_t>(i); };
  std::vector<std::ptrdiff_t> starts(at(ranks.count() + 1));
  ranks.for_each([&](std::ptrdiff_t, std::size_t bin) { ++starts[bin + 1]; });
  for (std::size_t bin = 1; bin < starts.size(); ++bin) starts[bin] += starts[bin - 1];
  std::vector<std::int64_t> rows(at(starts.back()));
  std::vector<std::ptrdiff_t> ends(starts.begin(), starts.end() - 1);
  ranks.for_each([&](std::ptrdiff_t row, std::size_t bin) { rows[at(ends[bin]++)] = row; });

  std::vector<std::int64_t> sorted;
  for (const Pair& pair : anchor.pairs) {
    const std::ptrdiff_t begin = starts[at(ranks.first_from(pair.lowest))];
    const std::ptrdiff_t count = starts[at(ranks.first_from(pair.limit))] - begin;
    if (count <= 0) continue;
    const auto some = std::span(rows).subspan(at(begin), at(count));
    if (pick == Pick::any) {
      const std::int64_t row = some[at(draw(batch.rule.seed, anchor.row, pair.positive, count))];
      found.add(pair, row, anchor.distances[row]);
      continue;
    }
    sorted.assign(some.begin(), some.end());
    std::ranges::sort(sorted);
    for (const std::int64_t row : sorted) found.add(pair, row, anchor.distances[row]);
  }
}

}  // namespace

Mined mine(const TripletBatch& batch) {
  const Pick pick = pick_of(batch.rule);
  Mined mined;
  std::vector<Found> block;
  std::ptrdiff_t block_begin = 0;
  visit_anchors(
      batch,
      [&](const AnchorBlock& opened) {
        block_begin = opened.first;
        block.assign(static_cast<std::size_t>(opened.distances.rows), {});
      },
      [&](const Anchor& anchor) {
        if (anchor.pairs.empty()) return;
        Found& found = block[static_cast<std::size_t>(anchor.row - block_begin)];
        if (pick == Pick::nearest) {
          pick_nearest(batch.kernels, anchor, found);
        } else if (pick == Pick::next) {
          pick_next(batch.kernels, anchor, found);
        } else {
          pick_among(batch, anchor, pick, found);
        }
      },
      [&](const AnchorBlock&) {
        for (std::size_t i = 0; i < block.size(); ++i) {
          const Found& found = block[i];
          for (std::size_t j = 0; j < found.positives.size(); ++j) {
            mined.triplets.anchors.append(block_begin + static_cast<std::int64_t>(i));
          }
          mined.triplets.positives.append(found.positives);
          mined.triplets.negatives.append(found.negatives);
          mined.excess.append(found.excess);
        }
      });
  return mined;
}

}  // namespace faceprint
