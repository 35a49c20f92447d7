// Pairs of any two sets of rows and labels, right and wrong: every backend and number of threads counts the same, or
// refuses the same call, and the counts are those of the distances.

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "driver.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/pairs.hpp"
#include "rows.hpp"

using namespace faceprint;
using fuzz::Chance;
using fuzz::Rows;

namespace {

using Numbers = std::vector<std::int64_t>;

struct Counted {
  bool refused, refused_within;
  Numbers counts, places, accepted;

  bool operator==(const Counted&) const = default;
};

Numbers draw_labels(Chance& chance, std::ptrdiff_t rows) {
  Numbers labels(static_cast<std::size_t>(rows + (chance.once_in(60) ? 1 : 0)));
  for (std::int64_t& label : labels) label = chance.in(0, 4);
  return labels;
}

std::ptrdiff_t bin_of(float distance) { return std::bit_cast<std::int32_t>(distance) >> place_bits; }

Counted counted(const RowPairs& pairs, const Numbers& bins, float limit, int threads) {
  const auto rows = static_cast<std::ptrdiff_t>(2 * bins.size());
  Counted found{false, false, Numbers(2 * distance_bins), Numbers(static_cast<std::size_t>(rows * bin_places)),
                Numbers(static_cast<std::size_t>(pairs.rows.embeddings.rows))};
  found.refused = fuzz::refused([&] {
    count_pairs(pairs, bins, {found.counts.data(), 2, distance_bins, distance_bins},
                {found.places.data(), rows, bin_places, bin_places}, threads);
  });
  found.refused_within = fuzz::refused([&] { count_same_within(pairs, limit, found.accepted, threads); });
  return found;
}

// The same, by looking at each pair.
Counted plain(const RowPairs& pairs, const Numbers& bins, float limit) {
  const Labelled& rows = pairs.rows;
  const Labelled& others = pairs.others ? *pairs.others : rows;
  const Rows all(rows.embeddings.rows, others.embeddings.rows, others.embeddings.rows);
  distances(rows.embeddings, others.embeddings, all.view(), 1);
  Counted expected{false, false, Numbers(2 * distance_bins), Numbers(2 * bins.size() * bin_places),
                   Numbers(static_cast<std::size_t>(rows.embeddings.rows))};
  for (std::ptrdiff_t a = 0; a < all.view().rows; ++a) {
    for (std::ptrdiff_t b = pairs.others ? 0 : a + 1; b < all.view().columns; ++b) {
      const float distance = all.view().row(a)[b];
      const bool same = rows.labels[static_cast<std::size_t>(a)] == others.labels[static_cast<std::size_t>(b)];
      ++expected.counts[static_cast<std::size_t>((same ? 0 : distance_bins) + bin_of(distance))];
      if (same && distance <= limit) ++expected.accepted[static_cast<std::size_t>(a)];
      const auto bin = std::ranges::find(bins, bin_of(distance));
      if (bin == bins.end()) continue;
      const std::ptrdiff_t row = 2 * (bin - bins.begin()) + (same ? 0 : 1);
      const std::ptrdiff_t place = std::bit_cast<std::int32_t>(distance) & (bin_places - 1);
      ++expected.places[static_cast<std::size_t>(row * bin_places + place)];
    }
  }
  return expected;
}

}  // namespace

void fuzz::round(Chance& chance) {
  const std::ptrdiff_t depth = chance.once_in(3) ? chance.in(1, 140) : chance.in(1, 20);
  const Rows rows = fuzz::draw(chance, chance.in(0, 50), depth);
  const Rows others = fuzz::draw(chance, chance.in(0, 50), depth + (chance.once_in(50) ? 1 : 0));
  const Numbers labels = draw_labels(chance, rows.view().rows);
  const Numbers other_labels = draw_labels(chance, others.view().rows);
  RowPairs pairs = {.rows = {rows.view(), labels}, .others = std::nullopt};
  if (chance.once_in(2)) pairs.others = Labelled{others.view(), other_labels};

  Numbers bins;
  for (std::ptrdiff_t count = chance.in(0, 3); count > 0; --count) {
    const bool likely = chance.once_in(3);
    bins.push_back(likely ? bin_of(static_cast<float>(chance.in(0, 9))) : chance.in(0, distance_bins - 1));
  }
  std::ranges::sort(bins);
  if (chance.once_in(20)) bins.push_back(chance.in(-1, distance_bins));  // out of order, twice or out of bounds
  const float limit = chance.once_in(20) ? std::numeric_limits<float>::quiet_NaN()
                                         : static_cast<float>(chance.between(-1, 2 * static_cast<double>(depth)));

  std::vector<Counted> answers;
  for (const BackendStatus& status : backends()) {
    if (!status.unavailable.empty()) continue;
    use_backend(status.name);
    answers.push_back(counted(pairs, bins, limit, static_cast<int>(chance.in(1, 3))));
  }
  const Counted& first = answers.front();
  for (const Counted& answer : answers) fuzz::require(answer == first, "all backends count the same");
  if (first.refused || first.refused_within) return;
  fuzz::require(first == plain(pairs, bins, limit), "counts are those of the distances");
}
