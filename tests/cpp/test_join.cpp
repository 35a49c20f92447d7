#include "faceprint/join.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "data.hpp"

using namespace faceprint;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t nobody = std::numeric_limits<std::int64_t>::max();

struct Lists {
  Rows<float> values;
  Rows<std::int64_t> indices;

  Lists(std::ptrdiff_t rows, std::ptrdiff_t k, float worst = infinity)
      : values(rows, k, 1, worst), indices(rows, k, 2, nobody) {}
};

Rows<float> cut(const Rows<float>& rows, std::ptrdiff_t first, std::ptrdiff_t count) {
  Rows<float> result(count, rows.columns);
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    std::copy_n(rows.view().row(first + i), rows.columns, result.view().row(i));
  }
  return result;
}

// Some rows of all, and what they know.
struct Block {
  Gallery gallery;
  std::vector<std::int64_t> numbers;
  Lists lists;

  Block(const Rows<float>& all, std::ptrdiff_t first, std::ptrdiff_t count, std::ptrdiff_t k, Storage storage,
        float worst = infinity)
      : gallery(all.columns, storage, false), numbers(static_cast<std::size_t>(count)), lists(count, k, worst) {
    gallery.append(cut(all, first, count).view());
    std::iota(numbers.begin(), numbers.end(), first);
  }

  JoinSide side() { return {gallery, numbers, lists.values.view(), lists.indices.view()}; }

  void list_own(const Search& search) {
    const std::ptrdiff_t rows = gallery.rows(), k = std::min(lists.values.columns, rows - 1);
    if (k < 1) return;
    Lists own(rows, k);
    neighbours(gallery, own.values.view(), own.indices.view(), search);
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
      for (std::ptrdiff_t place = 0; place < k; ++place) {
        lists.values.at(row, place) = own.values.at(row, place);
        lists.indices.at(row, place) = numbers[static_cast<std::size_t>(own.indices.at(row, place))];
      }
    }
  }
};

struct Answer {
  std::vector<float> values;
  std::vector<std::int64_t> indices;
  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& stream, const Answer&) { return stream << "another answer"; }

void gather(Rows<float> values, Rows<std::int64_t> indices, Answer& answer) {
  for (std::ptrdiff_t row = 0; row < values.rows; ++row) {
    for (std::ptrdiff_t place = 0; place < values.columns; ++place) {
      answer.values.push_back(values.at(row, place));
      answer.indices.push_back(indices.at(row, place));
    }
  }
}

Answer in_one(const Rows<float>& rows, std::ptrdiff_t k, Storage storage, const Search& search) {
  Gallery gallery(rows.columns, storage, false);
  gallery.append(rows.view());
  Lists lists(rows.rows, k);
  neighbours(gallery, lists.values.view(), lists.indices.view(), search);
  Answer answer;
  gather(lists.values, lists.indices, answer);
  return answer;
}

Answer in_blocks(const Rows<float>& rows, const std::vector<std::ptrdiff_t>& sizes, std::ptrdiff_t k, Storage storage,
                 const Search& search, bool backwards) {
  std::vector<Block> blocks;
  std::ptrdiff_t first = 0;
  const float worst = search.metric == Metric::squared_euclidean ? infinity : -infinity;
  for (const std::ptrdiff_t size : sizes) {
    blocks.emplace_back(rows, first, size, k, storage, worst);
    first += size;
  }
  for (Block& block : blocks) block.list_own(search);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t one = 0; one < blocks.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) pairs.emplace_back(one, other);
  }
  if (backwards) std::ranges::reverse(pairs);
  for (const auto& [one, other] : pairs) join(blocks[one].side(), blocks[other].side(), search);
  Answer answer;
  for (const Block& block : blocks) gather(block.lists.values, block.lists.indices, answer);
  return answer;
}

}  // namespace

TEST(blocks_that_were_joined_know_what_one_gallery_knows) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      const Rows<float> rows = random_integers(150, depth, 3);  // with many ties
      for (const std::ptrdiff_t k : {1, 5, 40}) {
        for (const int threads : {1, 3}) {
          const Search search = {.threads = threads};
          const Answer expected = in_one(rows, k, Storage::float32, search);
          CHECK_EQUAL(in_blocks(rows, {60, 1, 30, 59}, k, Storage::float32, search, false), expected);
          CHECK_EQUAL(in_blocks(rows, {16, 48, 86}, k, Storage::float32, search, true), expected);
        }
      }
    }
  });
}

TEST(joins_know_every_metric_and_halves) {
  const Rows<float> rows = random_units(300, 24, 5);
  on_each_backend([&](const std::string&) {
    for (const Metric metric : {Metric::squared_euclidean, Metric::cosine, Metric::dot}) {
      for (const Storage storage : {Storage::float32, Storage::float16}) {
        const Search search = {.metric = metric, .threads = 2};
        CHECK_EQUAL(in_blocks(rows, {130, 170}, 12, storage, search, false), in_one(rows, 12, storage, search));
      }
    }
  });
}

TEST(equal_rows_of_other_blocks_are_told_by_number) {
  const Rows<float> rows(90, 8, 0, 1.0f);
  const Search search = {.threads = 1};
  const Answer expected = in_one(rows, 4, Storage::float32, search);
  CHECK_EQUAL(in_blocks(rows, {30, 30, 30}, 4, Storage::float32, search, false), expected);
  CHECK_EQUAL(in_blocks(rows, {30, 30, 30}, 4, Storage::float32, search, true), expected);
}

TEST(cosines_that_rounding_takes_beyond_their_range_are_ties) {
  on_each_backend([](const std::string&) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      const Rows<float> rows = opposite_rows(60, 7 + 5 * static_cast<std::ptrdiff_t>(seed), seed);
      Gallery gallery(rows.columns, Storage::float32, false);
      gallery.append(rows.view());
      Lists all(60, 60);
      nearest(rows.view(), gallery, all.values.view(), all.indices.view(), {.metric = Metric::cosine});
      for (const std::ptrdiff_t k : {10, 15}) {
        const Search search = {.metric = Metric::cosine, .threads = 1};
        const Answer found = in_blocks(rows, {10, 50}, k, Storage::float32, search, false);
        for (std::ptrdiff_t row = 0; row < 60; ++row) {
          for (std::ptrdiff_t place = 0, at = 0; place < k; ++place, ++at) {
            if (all.indices.at(row, at) == row) ++at;
            CHECK_EQUAL(found.indices[static_cast<std::size_t>(row * k + place)], all.indices.at(row, at));
          }
        }
      }
    }
  });
}

TEST(places_that_nobody_takes_stay_empty) {
  const Rows<float> rows = random_units(5, 4, 6);
  Block one(rows, 0, 2, 9, Storage::float32), other(rows, 2, 3, 9, Storage::float32);
  join(one.side(), other.side());
  for (std::ptrdiff_t place = 0; place < 9; ++place) {
    CHECK_EQUAL(one.lists.indices.at(0, place) == nobody, place >= 3);
    CHECK_EQUAL(one.lists.values.at(0, place) == infinity, place >= 3);
    CHECK_EQUAL(other.lists.indices.at(0, place) == nobody, place >= 2);
  }
}

TEST(joins_refuse_what_they_cannot_do) {
  const Rows<float> rows = random_units(40, 8, 8);
  Block one(rows, 0, 20, 3, Storage::float32), other(rows, 20, 20, 3, Storage::float32);
  JoinSide fewer = other.side();
  fewer.numbers = fewer.numbers.first(19);
  CHECK_THROWS(std::invalid_argument, "other_numbers must have length 20, not 19", join(one.side(), fewer));
  std::swap(other.numbers[0], other.numbers[1]);
  CHECK_THROWS(std::invalid_argument, "other_numbers must rise", join(one.side(), other.side()));
  std::swap(other.numbers[0], other.numbers[1]);
  one.lists.values.at(4, 0) = 2;
  one.lists.values.at(4, 1) = 1;
  CHECK_THROWS(std::invalid_argument, "one_values must be numbers with the nearest first: row 4 is not",
               join(one.side(), other.side()));
  one.lists.values.at(4, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(std::invalid_argument, "one_values must be numbers with the nearest first: row 4 is not",
               join(one.side(), other.side()));
  one.lists.values.at(4, 1) = infinity;
  Block narrow(rows, 0, 20, 2, Storage::float32), codes(rows, 0, 20, 3, Storage::int8);
  CHECK_THROWS(std::invalid_argument, "other_values must have shape (20, 3), not (20, 2)",
               join(one.side(), narrow.side()));
  JoinSide mixed = other.side(), none = other.side();
  mixed.indices = narrow.lists.indices.view();
  CHECK_THROWS(std::invalid_argument, "other_indices must have shape (20, 3), not (20, 2)", join(one.side(), mixed));
  none.values.columns = 0;
  CHECK_THROWS(std::invalid_argument, "one_values must have at least 1 column, not 0", join(none, other.side()));
  CHECK_THROWS(std::invalid_argument, "one must be a gallery of float32 or float16 rows, not int8",
               join(codes.side(), other.side()));
  Block empty(rows, 0, 0, 3, Storage::float32);
  CHECK_THROWS(std::invalid_argument, "other must have 1 to 2^32 rows, not 0", join(one.side(), empty.side()));
  const Rows<float> others = random_units(20, 9, 8);
  Block wider(others, 0, 20, 3, Storage::float32);
  CHECK_THROWS(std::invalid_argument, "other must have 8 columns, not 9", join(other.side(), wider.side()));
}
