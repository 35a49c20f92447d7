// Batches of any size, stride and labels, right and wrong: every backend and number of threads mines the same triplets
// and gives the same loss, or refuses the same batch; what is mined obeys the rule.

#include <algorithm>
#include <limits>
#include <vector>

#include "driver.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/triplets.hpp"
#include "rows.hpp"

using namespace faceprint;
using fuzz::Chance;
using fuzz::Rows;

namespace {

struct Mined {
  bool refused = false;
  std::vector<std::int64_t> anchors, positives, negatives;

  bool operator==(const Mined&) const = default;
};

std::vector<std::int64_t> copied(const Growing<std::int64_t>& numbers) { return {numbers.begin(), numbers.end()}; }

Mined mined(Matrix<const float> batch, const std::vector<std::int64_t>& labels, const TripletRule& rule, int threads) {
  Mined found;
  found.refused = fuzz::refused([&] {
    const Triplets triplets = mine_triplets(batch, labels, rule, threads);
    found.anchors = copied(triplets.anchors);
    found.positives = copied(triplets.positives);
    found.negatives = copied(triplets.negatives);
  });
  return found;
}

struct Loss {
  bool refused;
  double value;
  std::int64_t triplets;
  Rows gradient;

  bool operator==(const Loss& other) const {
    return refused == other.refused && value == other.value && triplets == other.triplets &&
           gradient.same(other.gradient);
  }
};

Loss lost(Matrix<const float> batch, const std::vector<std::int64_t>& labels, const TripletRule& rule, Hinge hinge,
          std::ptrdiff_t stride, int threads) {
  Loss found{false, 0, 0, Rows(batch.rows, batch.columns, stride)};
  found.refused = fuzz::refused([&] {
    const TripletLoss loss = triplet_loss(batch, labels, rule, hinge, true, found.gradient.view(), threads);
    found.value = loss.value;
    found.triplets = loss.triplets;
  });
  return found;
}

// Three rows that the rule allows, in every triplet.
void obey(const Mined& found, Matrix<const float> batch, const std::vector<std::int64_t>& labels,
          const TripletRule& rule) {
  const Rows all(batch.rows, batch.rows, batch.rows);
  distances(batch, batch, all.view(), 1);
  const auto label = [&](std::int64_t row) { return labels[static_cast<std::size_t>(row)]; };
  for (std::size_t at = 0; at < found.anchors.size(); ++at) {
    const std::int64_t anchor = found.anchors[at];
    const std::int64_t positive = found.positives[at];
    const std::int64_t negative = found.negatives[at];
    fuzz::require(anchor != positive && label(anchor) == label(positive), "a positive is another of the same identity");
    fuzz::require(label(anchor) != label(negative), "a negative is of another identity");
    const double near = all.view().row(anchor)[positive];
    const double far = all.view().row(anchor)[negative];
    fuzz::require(far - near < rule.margin, "a negative lies within the margin");
    if (rule.kind == Mining::semihard || rule.kind == Mining::easy_positive) {
      fuzz::require(near < far, "a semi-hard negative is farther than the positive");
    }
  }
}

}  // namespace

void fuzz::round(Chance& chance) {
  const std::ptrdiff_t count = chance.once_in(20) ? 0 : chance.in(1, chance.once_in(4) ? 90 : 20);
  const Rows rows = fuzz::draw(chance, count, chance.once_in(3) ? chance.in(1, 140) : chance.in(1, 20));
  std::vector<std::int64_t> labels(static_cast<std::size_t>(count + (chance.once_in(50) ? 1 : 0)));
  const std::ptrdiff_t people = chance.in(1, std::max(count, std::ptrdiff_t{1}));
  for (std::int64_t& label : labels) label = chance.in(-people, people);
  static constexpr double margins[] = {
      0.2, 1, 0, -1, 1e-300, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
  const TripletRule rule = {.kind = static_cast<Mining>(chance.in(0, 5)),
                            .choice = static_cast<Choice>(chance.in(0, 1)),
                            .margin = margins[chance.once_in(4) ? chance.in(0, std::ssize(margins) - 1) : 0],
                            .seed = chance.bits(),
                            .anchors = chance.once_in(4) ? chance.in(-1, count + 1) : 0};
  const auto hinge = static_cast<Hinge>(chance.in(0, 1));
  const std::ptrdiff_t stride = fuzz::stride(chance, rows.view().columns);

  std::vector<Mined> triplets;
  std::vector<Loss> losses;
  for (const BackendStatus& status : backends()) {
    if (!status.unavailable.empty()) continue;
    use_backend(status.name);
    const int threads = static_cast<int>(chance.in(1, 3));
    triplets.push_back(mined(rows.view(), labels, rule, threads));
    losses.push_back(lost(rows.view(), labels, rule, hinge, stride, threads));
  }
  for (const Mined& found : triplets) fuzz::require(found == triplets.front(), "all backends mine the same triplets");
  for (const Loss& found : losses) fuzz::require(found == losses.front(), "all backends give the same bits of a loss");
  if (!triplets.front().refused) obey(triplets.front(), rows.view(), labels, rule);
}
