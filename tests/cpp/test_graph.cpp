#include "faceprint/graph.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>

#include "check.hpp"
#include "data.hpp"

using namespace faceprint;

namespace {

using Labels = std::vector<std::int64_t>;

Labels computed(const Rows<float>& rows, double threshold, int threads = 1) {
  Labels labels(static_cast<std::size_t>(rows.rows), -7);
  average_linkage(rows.view(), threshold, labels, threads);
  return labels;
}

// Greedy, from the definition: the mean over all pairs, the nearest two clusters merged first.
Labels expected(const Rows<float>& rows, double threshold) {
  std::vector<std::vector<std::ptrdiff_t>> clusters;
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) clusters.push_back({row});
  const auto mean = [&](const auto& a, const auto& b) {
    double sum = 0;
    for (const std::ptrdiff_t i : a) {
      for (const std::ptrdiff_t j : b) {
        for (std::ptrdiff_t d = 0; d < rows.columns; ++d) {
          const double difference = static_cast<double>(rows.at(i, d)) - rows.at(j, d);
          sum += difference * difference;
        }
      }
    }
    return sum / static_cast<double>(a.size() * b.size());
  };
  while (clusters.size() > 1) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t first = 0, second = 0;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      for (std::size_t j = i + 1; j < clusters.size(); ++j) {
        const double distance = mean(clusters[i], clusters[j]);
        if (distance < least) std::tie(least, first, second) = std::tuple(distance, i, j);
      }
    }
    if (!(least <= threshold)) break;
    clusters[first].insert(clusters[first].end(), clusters[second].begin(), clusters[second].end());
    clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(second));
  }
  // Clusters stand in the order of their first rows: each keeps the place of the lower one it came from.
  Labels labels(static_cast<std::size_t>(rows.rows));
  for (std::size_t label = 0; label < clusters.size(); ++label) {
    for (const std::ptrdiff_t row : clusters[label]) {
      labels[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(label);
    }
  }
  return labels;
}

}  // namespace

TEST(equals_greedy_merging_by_the_definition) {
  for (const std::ptrdiff_t depth : {1, 3, 8, 9, 33, 128}) {
    for (const std::ptrdiff_t count : {0, 1, 2, 3, 20, 40}) {
      const Rows<float> rows = random_units(count, depth, static_cast<unsigned>(depth * 100 + count));
      for (const double threshold : {0.0, 0.3, 1.2, 1.7, 1.9, 2.0, 2.1, 4.0, std::numeric_limits<double>::infinity()}) {
        CHECK(computed(rows, threshold) == expected(rows, threshold));
      }
    }
  }
}

TEST(merges_at_exactly_the_threshold_and_not_above) {
  // Means of whole numbers over 1, 2 and 3 pairs: 4, then (9 + 25) / 2, then (36 + 81 + 121) / 3.
  Rows<float> line(4, 1);
  for (const auto& [row, x] : {std::pair{0, 0.0f}, {1, 2.0f}, {2, 5.0f}, {3, 11.0f}}) line.at(row, 0) = x;
  CHECK(computed(line, std::nextafter(4.0, 0)) == (Labels{0, 1, 2, 3}));
  CHECK(computed(line, 4) == (Labels{0, 0, 1, 2}));
  CHECK(computed(line, std::nextafter(17.0, 0)) == (Labels{0, 0, 1, 2}));
  CHECK(computed(line, 17) == (Labels{0, 0, 0, 1}));
  CHECK(computed(line, std::nextafter(238.0 / 3, 0)) == (Labels{0, 0, 0, 1}));
  CHECK(computed(line, 238.0 / 3) == (Labels{0, 0, 0, 0}));
}

TEST(joins_equal_rows_at_threshold_zero) {
  Rows<float> rows(60, 7, 0, 0.1f);
  for (std::ptrdiff_t row = 0; row < 60; row += 2) rows.at(row, 3) = 0.7f;
  Labels alternating;
  for (std::int64_t row = 0; row < 60; ++row) alternating.push_back(row % 2);
  CHECK(computed(rows, 0) == alternating);
}

TEST(ties_go_to_the_lower_row) {
  // Row 1 is as near to row 0 as to row 2, and either pair leaves the third too far away.
  Rows<float> line(3, 1);
  for (std::ptrdiff_t row = 0; row < 3; ++row) line.at(row, 0) = static_cast<float>(row);
  CHECK(computed(line, 1) == (Labels{0, 0, 1}));
}

TEST(of_equally_near_rows_the_first_wins) {
  // Rows 1 and `tied` lie as near to row 0, one on either side; all others are far from everybody. Whichever of the two
  // it is merged with, the other is then too far away.
  for (const std::ptrdiff_t tied : {2, 40, 6000}) {  // among the rows that a thread takes at a time, and beyond them
    Rows<float> line(tied + 1, 1);
    for (std::ptrdiff_t row = 2; row < tied; ++row) line.at(row, 0) = static_cast<float>(100 * row);
    line.at(1, 0) = 1;
    line.at(tied, 0) = -1;
    const Labels labels = computed(line, 1, 2);
    CHECK_EQUAL(labels[1], 0);
    CHECK_EQUAL(labels.back(), tied - 1);
  }
}

TEST(is_the_same_for_every_number_of_threads_and_order_of_rows) {
  const std::ptrdiff_t people = 50, count = 2000, depth = 64;
  const Rows<float> centres = random_units(people, depth, 1), noise = random_units(count, depth, 2);
  Rows<float> rows(count, depth), reversed(count, depth);
  for (std::ptrdiff_t row = 0; row < count; ++row) {
    for (std::ptrdiff_t d = 0; d < depth; ++d) {
      rows.at(row, d) = centres.at(row % people, d) + 0.6f * noise.at(row, d);
      reversed.at(count - 1 - row, d) = rows.at(row, d);
    }
  }
  const Labels labels = computed(rows, 1.2);
  for (std::ptrdiff_t row = 0; row < count; ++row) CHECK_EQUAL(labels[static_cast<std::size_t>(row)], row % people);
  for (const int threads : {2, 3, 0}) CHECK(computed(rows, 1.2, threads) == labels);
  const Labels back = computed(reversed, 1.2);
  std::map<std::int64_t, std::int64_t> names;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    CHECK_EQUAL(names.try_emplace(labels[row], back[back.size() - 1 - row]).first->second, back[back.size() - 1 - row]);
  }
  CHECK_EQUAL(names.size(), static_cast<std::size_t>(people));
}

TEST(refuses_wrong_arguments) {
  Rows<float> rows = random_integers(5, 8, 1);
  CHECK_THROWS(std::invalid_argument, "threshold must be 0 or more, not -1.000000", computed(rows, -1));
  CHECK_THROWS(std::invalid_argument, "threshold must be 0 or more, not nan", computed(rows, std::nan("")));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1", computed(rows, 1, -1));
  CHECK_THROWS(std::invalid_argument, "embeddings must have 1 to 1048576 columns, not 0",
               computed(Rows<float>(2, 0), 1));
  Labels few(4);
  CHECK_THROWS(std::invalid_argument, "labels must have length 5, not 4", average_linkage(rows.view(), 1, few));
  rows.at(4, 1) = std::nanf("");
  CHECK_THROWS(std::invalid_argument, "embeddings must be finite: row 4 is not", computed(rows, 1));
}
