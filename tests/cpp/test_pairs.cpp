#include "faceprint/pairs.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "check.hpp"
#include "data.hpp"
#include "faceprint/distance.hpp"

using namespace faceprint;

namespace {

struct People {
  Rows<float> rows;
  std::vector<std::int64_t> labels;

  People(Rows<float> embeddings, std::int64_t identities, std::int64_t seed) : rows(std::move(embeddings)) {
    for (std::ptrdiff_t i = 0; i < rows.rows; ++i) labels.push_back((i * i + seed) % identities - 1);
  }
  Labelled view() const { return {rows.view(), labels}; }
};

RowPairs pairs_of(const People& one, const People* other) {
  RowPairs pairs{.rows = one.view(), .others = {}};
  if (other) pairs.others = other->view();
  return pairs;
}

// The distances of each pair, once: of the same identity first, then of different ones. Those of distances() are proved
// in test_distance.cpp.
struct Apart {
  std::vector<float> same, different;
  std::vector<std::int64_t> first_of_same;

  Apart(const People& one, const People* other) {
    const People& second = other ? *other : one;
    Rows<float> all(one.rows.rows, second.rows.rows);
    distances(one.rows.view(), second.rows.view(), all.view());
    for (std::ptrdiff_t i = 0; i < all.rows; ++i) {
      for (std::ptrdiff_t j = other ? 0 : i + 1; j < all.columns; ++j) {
        const bool equal = one.labels[static_cast<std::size_t>(i)] == second.labels[static_cast<std::size_t>(j)];
        (equal ? same : different).push_back(all.at(i, j));
        if (equal) first_of_same.push_back(i);
      }
    }
  }
};

void count_up(Rows<std::int64_t>& counts, const Apart& apart) {
  for (const float d : apart.same) ++counts.at(0, std::bit_cast<std::uint32_t>(d) >> place_bits);
  for (const float d : apart.different) ++counts.at(1, std::bit_cast<std::uint32_t>(d) >> place_bits);
}

Rows<std::int64_t> counted(const RowPairs& pairs, int threads) {
  Rows<std::int64_t> counts(2, distance_bins, 1, -7), none(0, bin_places);
  count_pairs(pairs, {}, counts.view(), none.view(), threads);
  return counts;
}

void check_bins_and_places(const People& one, const People* other, int threads) {
  const RowPairs pairs = pairs_of(one, other);
  const Apart apart(one, other);
  Rows<std::int64_t> expected(2, distance_bins, 1);
  count_up(expected, apart);
  expected.at(0, distance_bins) = expected.at(1, distance_bins) = -7;

  std::vector<std::int64_t> bins;
  for (const float d : apart.different) bins.push_back(std::bit_cast<std::uint32_t>(d) >> place_bits);
  std::ranges::sort(bins);
  bins.erase(std::ranges::unique(bins).begin(), bins.end());
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{9}}) {
    const auto chosen = std::span<const std::int64_t>(bins).last(std::min(bins.size(), most));
    Rows<std::int64_t> counts(2, distance_bins, 1, -7), places(2 * std::ssize(chosen), bin_places, 3, -7);
    Rows<std::int64_t> wanted = places;
    count_pairs(pairs, chosen, counts.view(), places.view(), threads);
    CHECK(counts.data == expected.data);
    for (std::ptrdiff_t i = 0; i < wanted.rows; ++i) std::fill_n(wanted.view().row(i), bin_places, 0);
    for (const auto* distances : {&apart.same, &apart.different}) {
      for (const float d : *distances) {
        const auto bits = std::bit_cast<std::uint32_t>(d);
        const auto at = std::ranges::find(chosen, std::int64_t{bits >> place_bits});
        if (at == chosen.end()) continue;
        ++wanted.at(2 * (at - chosen.begin()) + (distances == &apart.different), bits & (bin_places - 1));
      }
    }
    CHECK(places.data == wanted.data);
  }
}

}  // namespace

TEST(counts_each_pair_once_in_its_bin_and_at_its_place) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : {1, 3, 16, 33, 128}) {
      for (const std::ptrdiff_t rows : {0, 1, 2, 12, 13, 17, 33, 300}) {
        const People one(random_integers(rows, depth, 1, 3), 7, 2);
        check_bins_and_places(one, nullptr, 1);
        check_bins_and_places(one, nullptr, 3);
        for (const std::ptrdiff_t others : {0, 1, 15, 16, 70}) {
          const People other(random_integers(others, depth, 2), 9, 5);
          check_bins_and_places(one, &other, 2);
        }
      }
    }
    const People units(random_units(500, 128, 3), 40, 0), more(random_units(41, 128, 4), 40, 1);
    check_bins_and_places(units, nullptr, 2);
    check_bins_and_places(units, &more, 2);
  });
}

// Of rows that all but agree, rounding takes distances below zero, before they are held there.
TEST(distances_that_rounding_takes_below_zero_are_in_the_first_bin) {
  on_each_backend([](const std::string&) {
    const Rows<float> one = random_units(1, 128, 5);
    Rows<float> many = random_fractions(96, 128, 6);
    for (std::ptrdiff_t i = 0; i < many.rows; ++i) {
      for (std::ptrdiff_t d = 0; d < 128; ++d) many.at(i, d) = one.at(0, d) + many.at(i, d) * 1e-6f;
    }
    check_bins_and_places(People(many, 5, 0), nullptr, 1);
  });
}

TEST(pairs_of_an_identity_of_many_rows_are_counted_in_tiles) {
  const People one(random_integers(2600, 3, 1), 1, 0), other(random_integers(2300, 3, 2), 2, 0);
  check_bins_and_places(one, nullptr, 2);
  check_bins_and_places(other, &one, 2);
}

TEST(many_rows_of_few_numbers_give_the_same_for_any_number_of_threads) {
  const People one(random_integers(9000, 2, 1), 3000, 0);
  const Rows<std::int64_t> counts = counted(pairs_of(one, nullptr), 1);
  CHECK(counted(pairs_of(one, nullptr), 4).data == counts.data);
  const auto pairs = std::accumulate(counts.data.begin(), counts.data.end(), std::int64_t{0}) + 14;
  CHECK_EQUAL(pairs, std::int64_t{9000} * 8999 / 2);
}

TEST(same_pairs_within_a_limit_count_for_their_first_row) {
  const People one(random_integers(700, 3, 1), 30, 4), other(random_integers(90, 3, 2), 31, 1);
  for (const People* others : {static_cast<const People*>(nullptr), &other}) {
    const Apart apart(one, others);
    for (const float limit : {-1.0f, 0.0f, 9.0f, std::numeric_limits<float>::infinity()}) {
      std::vector<std::int64_t> expected(700), accepted(700, -7);
      for (std::size_t i = 0; i < apart.same.size(); ++i) {
        if (apart.same[i] <= limit) ++expected[static_cast<std::size_t>(apart.first_of_same[i])];
      }
      count_same_within(pairs_of(one, others), limit, accepted, 2);
      CHECK(accepted == expected);
    }
  }
}

TEST(refuses_what_does_not_fit) {
  const People one(random_integers(4, 3, 1), 2, 0), wider(random_integers(2, 4, 1), 2, 0);
  const RowPairs own = pairs_of(one, nullptr);
  Rows<std::int64_t> counts(2, distance_bins), none(0, bin_places), places(4, bin_places);
  const std::vector<std::int64_t> short_labels(3), bins = {5, 5}, beyond = {distance_bins};
  CHECK_THROWS(std::invalid_argument, "counts must have shape (2, 261120), not (4, 8192)",
               count_pairs(own, {}, places.view(), none.view()));
  CHECK_THROWS(std::invalid_argument, "places must have shape (0, 8192), not (4, 8192)",
               count_pairs(own, {}, counts.view(), places.view()));
  CHECK_THROWS(std::invalid_argument, "others must have shape (n, 3), not (2, 4)",
               count_pairs(pairs_of(one, &wider), {}, counts.view(), none.view()));
  CHECK_THROWS(std::invalid_argument, "labels must have length 4, not 3",
               count_pairs({.rows = {one.rows.view(), short_labels}, .others = {}}, {}, counts.view(), none.view()));
  CHECK_THROWS(std::invalid_argument, "bins must ascend within [0, 261120), and 5 comes after 5",
               count_pairs(own, bins, counts.view(), places.view()));
  CHECK_THROWS(std::invalid_argument, "bins must ascend within [0, 261120), and 261120 comes after -1",
               count_pairs(own, beyond, counts.view(), places.view()));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1",
               count_pairs(own, {}, counts.view(), none.view(), -1));
  std::vector<std::int64_t> accepted(4);
  CHECK_THROWS(std::invalid_argument, "limit must be a number, not NaN",
               count_same_within(own, std::numeric_limits<float>::quiet_NaN(), accepted));
}
