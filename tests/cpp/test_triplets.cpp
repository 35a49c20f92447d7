#include "faceprint/triplets.hpp"

#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "check.hpp"
#include "data.hpp"
#include "faceprint/distance.hpp"

using namespace faceprint;

namespace {

constexpr Mining kinds[] = {Mining::semihard,   Mining::hardest,   Mining::random_in_margin,
                            Mining::batch_hard, Mining::batch_all, Mining::easy_positive};

using Labels = std::vector<std::int64_t>;
using Triplet = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

struct Sample {
  Rows<float> rows;
  Labels labels;
};

// Every kind, with either choice, with all rows as anchors and with some.
std::vector<TripletRule> rules() {
  std::vector<TripletRule> list;
  for (const Mining kind : kinds) {
    list.push_back({.kind = kind, .choice = Choice::hardest, .margin = 0.1, .seed = 7});
    list.push_back({.kind = kind, .choice = Choice::random, .margin = 0.1, .seed = 8, .anchors = 150});
  }
  return list;
}

// Rows on a grid, so that distances repeat, with some identities of one row.
Sample small(unsigned seed) {
  std::mt19937 random(seed);
  const auto rows = static_cast<std::ptrdiff_t>(1 + random() % 13);
  Sample sample{random_integers(rows, 2, seed), {}};
  for (std::ptrdiff_t i = 0; i < rows; ++i) sample.labels.push_back(static_cast<std::int64_t>(random() % 5));
  return sample;
}

std::vector<Triplet> listed(const Triplets& found) {
  std::vector<Triplet> triplets;
  for (std::ptrdiff_t i = 0; i < found.anchors.size(); ++i) {
    triplets.emplace_back(found.anchors.data()[i], found.positives.data()[i], found.negatives.data()[i]);
  }
  return triplets;
}

bool wanted(Mining kind, double positive, double negative, double margin) {
  const bool farther = kind == Mining::semihard || kind == Mining::easy_positive;
  return negative < positive + margin && (!farther || negative > positive);
}

// Every triplet that the rule leaves to be chosen from.
std::vector<Triplet> possible(const Sample& sample, const TripletRule& rule) {
  const std::ptrdiff_t count = sample.rows.rows;
  Rows<float> apart(count, count);
  distances(sample.rows.view(), sample.rows.view(), apart.view());
  const auto label = [&](std::ptrdiff_t row) { return sample.labels[static_cast<std::size_t>(row)]; };
  std::vector<Triplet> found;
  for (std::ptrdiff_t a = 0; a < count; ++a) {
    std::ptrdiff_t chosen = -1;
    for (std::ptrdiff_t p = 0; p < count; ++p) {
      if (p == a || label(p) != label(a)) continue;
      if (chosen < 0) chosen = p;
      if (rule.kind == Mining::batch_hard && apart.at(a, p) > apart.at(a, chosen)) chosen = p;
      if (rule.kind == Mining::easy_positive && apart.at(a, p) < apart.at(a, chosen)) chosen = p;
    }
    for (std::ptrdiff_t p = 0; p < count; ++p) {
      if (p == a || label(p) != label(a)) continue;
      if ((rule.kind == Mining::batch_hard || rule.kind == Mining::easy_positive) && p != chosen) continue;
      for (std::ptrdiff_t n = 0; n < count; ++n) {
        if (label(n) == label(a)) continue;
        const double positive = apart.at(a, p), negative = apart.at(a, n);
        if (wanted(rule.kind, positive, negative, rule.margin)) found.emplace_back(a, p, n);
      }
    }
  }
  return found;
}

// Of each anchor and positive the nearest negative.
std::vector<Triplet> nearest(const Sample& sample, const std::vector<Triplet>& triplets) {
  Rows<float> apart(sample.rows.rows, sample.rows.rows);
  distances(sample.rows.view(), sample.rows.view(), apart.view());
  std::vector<Triplet> kept;
  for (const Triplet& triplet : triplets) {
    const auto [a, p, n] = triplet;
    const bool same = !kept.empty() && std::get<0>(kept.back()) == a && std::get<1>(kept.back()) == p;
    if (!same) {
      kept.push_back(triplet);
    } else if (apart.at(a, n) < apart.at(a, std::get<2>(kept.back()))) {
      kept.back() = triplet;
    }
  }
  return kept;
}

double hinge(const Sample& sample, const std::vector<Triplet>& triplets, double margin) {
  double sum = 0;
  for (const auto& [a, p, n] : triplets) {
    double excess = margin;
    for (std::ptrdiff_t d = 0; d < sample.rows.columns; ++d) {
      const double x = sample.rows.at(a, d), y = sample.rows.at(p, d), z = sample.rows.at(n, d);
      excess += (x - y) * (x - y) - (x - z) * (x - z);
    }
    sum += excess;
  }
  return sum;
}

void add_slope(const Sample& sample, const std::vector<Triplet>& triplets, Rows<float>& slope) {
  for (const auto& [a, p, n] : triplets) {
    for (std::ptrdiff_t d = 0; d < sample.rows.columns; ++d) {
      const float x = sample.rows.at(a, d), y = sample.rows.at(p, d), z = sample.rows.at(n, d);
      slope.at(a, d) += 2 * (z - y);
      slope.at(p, d) += 2 * (y - x);
      slope.at(n, d) += 2 * (x - z);
    }
  }
}

}  // namespace

TEST(finds_what_three_nested_loops_find) {
  on_each_backend([](const std::string&) {
    for (unsigned seed = 0; seed < 80; ++seed) {
      const Sample sample = small(seed);
      for (const Mining kind : kinds) {
        for (const double margin : {0.5, 2.0, 5.0, std::numeric_limits<double>::infinity()}) {
          const TripletRule rule = {.kind = kind, .margin = margin};
          const std::vector<Triplet> all = possible(sample, rule);
          const std::vector<Triplet> found = listed(mine_triplets(sample.rows.view(), sample.labels, rule, 1));
          if (kind == Mining::batch_all) {
            CHECK(found == all);
          } else if (kind == Mining::random_in_margin) {
            CHECK_EQUAL(found.size(), nearest(sample, all).size());
            for (const Triplet& triplet : found) CHECK(std::ranges::find(all, triplet) != all.end());
          } else {
            CHECK(found == nearest(sample, all));
          }
        }
      }
    }
  });
}

// As many as are compared with a negative one by one, and one more, which are searched.
TEST(finds_them_among_many_positives) {
  Sample sample{random_integers(131, 3, 11), {}};
  for (std::int64_t row = 0; row < 131; ++row) sample.labels.push_back(row < 65 ? 0 : 1);
  for (const Mining kind : {Mining::batch_all, Mining::semihard, Mining::hardest}) {
    const TripletRule rule = {.kind = kind, .margin = 2};
    const std::vector<Triplet> all = possible(sample, rule);
    const std::vector<Triplet> expected = kind == Mining::batch_all ? all : nearest(sample, all);
    on_each_backend([&](const std::string&) {
      Rows<float> gradient(131, 3);
      CHECK(listed(mine_triplets(sample.rows.view(), sample.labels, rule)) == expected);
      CHECK_EQUAL(triplet_loss(sample.rows.view(), sample.labels, rule, Hinge::margin, false, gradient.view()).value,
                  hinge(sample, expected, rule.margin));
    });
  }
}

TEST(sums_what_all_triplets_cost) {
  on_each_backend([](const std::string&) {
    for (unsigned seed = 0; seed < 80; ++seed) {
      const Sample sample = small(seed);
      for (const Mining kind : {Mining::batch_all, Mining::semihard, Mining::batch_hard}) {
        const TripletRule rule = {.kind = kind, .margin = 2.5};
        const std::vector<Triplet> triplets = listed(mine_triplets(sample.rows.view(), sample.labels, rule));
        Rows<float> gradient(sample.rows.rows, sample.rows.columns, 1, -7);
        const TripletLoss loss =
            triplet_loss(sample.rows.view(), sample.labels, rule, Hinge::margin, false, gradient.view());
        CHECK_EQUAL(loss.triplets, static_cast<std::int64_t>(triplets.size()));
        CHECK_EQUAL(loss.value, hinge(sample, triplets, rule.margin));  // whole numbers and halves are exact
        Rows<float> slope(sample.rows.rows, sample.rows.columns, 1, 0);
        add_slope(sample, triplets, slope);
        for (std::ptrdiff_t row = 0; row < sample.rows.rows; ++row) {
          for (std::ptrdiff_t d = 0; d < sample.rows.columns; ++d) CHECK_EQUAL(gradient.at(row, d), slope.at(row, d));
          CHECK_EQUAL(gradient.at(row, sample.rows.columns), -7.0f);
        }
      }
    }
  });
}

// More rows than a chain of products, and anchors that end within one; sums are whole numbers.
TEST(sums_over_the_anchors_of_the_first_rows) {
  Sample sample{random_integers(200, 20, 3), {}};
  for (std::int64_t row = 0; row < 200; ++row) sample.labels.push_back(row % 50);
  on_each_backend([&](const std::string&) {
    for (const std::ptrdiff_t anchors : {1, 127, 128, 129, 150, 199}) {
      const TripletRule rule = {.kind = Mining::batch_all, .margin = 2, .anchors = anchors};
      const std::vector<Triplet> triplets = listed(mine_triplets(sample.rows.view(), sample.labels, rule));
      Rows<float> gradient(200, 20), slope(200, 20);
      const TripletLoss loss =
          triplet_loss(sample.rows.view(), sample.labels, rule, Hinge::margin, false, gradient.view());
      CHECK_EQUAL(loss.triplets, std::ssize(triplets));
      CHECK_EQUAL(loss.value, hinge(sample, triplets, rule.margin));
      add_slope(sample, triplets, slope);
      CHECK(gradient.data == slope.data);
    }
  });
}

// More rows than a chain of products.
TEST(is_the_same_to_the_bit_on_all_backends_and_threads) {
  Sample sample{random_fractions(300, 33, 1), {}};
  for (std::int64_t row = 0; row < 300; ++row) sample.labels.push_back(row % 43);
  for (const TripletRule& rule : rules()) {
    for (const Hinge hinge : {Hinge::margin, Hinge::soft}) {
      if (hinge == Hinge::soft && rule.kind == Mining::batch_all) continue;
      const auto loss_of = [&](Rows<float>& gradient, int threads) {
        return triplet_loss(sample.rows.view(), sample.labels, rule, hinge, true, gradient.view(), threads);
      };
      use_backend("portable");
      const std::vector<Triplet> expected = listed(mine_triplets(sample.rows.view(), sample.labels, rule, 1));
      Rows<float> slope(300, 33), gradient(300, 33);
      const TripletLoss loss = loss_of(slope, 1);
      CHECK_EQUAL(loss.triplets, std::ssize(expected));
      CHECK(loss.triplets > 50);
      on_each_backend([&](const std::string&) {
        for (const int threads : {1, 2, 5}) {
          CHECK(listed(mine_triplets(sample.rows.view(), sample.labels, rule, threads)) == expected);
          CHECK_EQUAL(loss_of(gradient, threads).value, loss.value);
          CHECK(std::memcmp(gradient.data.data(), slope.data.data(), slope.data.size() * sizeof(float)) == 0);
        }
      });
    }
  }
}

TEST(ends_when_its_watch_throws) {
  struct Impatient final : Watch {
    void look(double) override { throw std::runtime_error("enough"); }
  } impatient;
  Sample sample{random_fractions(6000, 64, 1), {}};
  for (std::int64_t row = 0; row < 6000; ++row) sample.labels.push_back(row % 300);
  CHECK_THROWS(std::runtime_error, "enough", mine_triplets(sample.rows.view(), sample.labels, {}, 2, &impatient));
}

TEST(refuses_wrong_arguments) {
  const Rows<float> rows = random_integers(4, 3, 1);
  Rows<float> gradient(4, 3), narrow(4, 2);
  const Labels labels = {0, 0, 1, 1}, few = {0, 1};
  CHECK_THROWS(std::invalid_argument, "labels must have length 4, not 2", mine_triplets(rows.view(), few, {}));
  CHECK_THROWS(std::invalid_argument, "margin must be above 0, not -1.000000",
               mine_triplets(rows.view(), labels, {.margin = -1}));
  CHECK_THROWS(std::invalid_argument, "anchors must be 0 (all) or at most the number of rows, 4, not 5",
               mine_triplets(rows.view(), labels, {.anchors = 5}));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -2",
               mine_triplets(rows.view(), labels, {}, -2));
  CHECK_THROWS(std::invalid_argument, "gradient must have shape (4, 3), not (4, 2)",
               triplet_loss(rows.view(), labels, {}, Hinge::margin, true, narrow.view()));
  CHECK_THROWS(std::invalid_argument, "a soft hinge has no sum over all triplets that need not name them; mine some",
               triplet_loss(rows.view(), labels, {.kind = Mining::batch_all}, Hinge::soft, true, gradient.view()));
  CHECK_THROWS(std::invalid_argument, "margin must be finite where it is part of the loss, not inf",
               triplet_loss(rows.view(), labels, {.margin = std::numeric_limits<double>::infinity()}, Hinge::margin,
                            true, gradient.view()));
  Rows<float> bad = rows;
  bad.at(2, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(std::invalid_argument, "embeddings must be finite: row 2 is not", mine_triplets(bad.view(), labels, {}));
}
