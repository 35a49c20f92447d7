#include "faceprint/nearest.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "check.hpp"
#include "data.hpp"
#include "faceprint/distance.hpp"

using namespace faceprint;

namespace {

struct Found {
  Rows<float> distances;
  Rows<std::int64_t> indices;

  Found(std::ptrdiff_t queries, std::ptrdiff_t k) : distances(queries, k, 1, -7), indices(queries, k, 2, -7) {}
  bool operator==(const Found& other) const {
    return distances.data == other.distances.data && indices.data == other.indices.data;
  }
};

std::ostream& operator<<(std::ostream& stream, const Found&) { return stream << "another answer"; }

Gallery gallery_of(const Rows<float>& rows) {
  Gallery gallery(rows.columns);
  gallery.append(rows.view());
  return gallery;
}

// All distances, sorted. Those of distances() are proved against a plain loop in test_distance.cpp.
Found expected(const Rows<float>& queries, const Rows<float>& rows, std::ptrdiff_t k, bool skip_own) {
  Rows<float> all(queries.rows, rows.rows);
  distances(queries.view(), rows.view(), all.view());
  Found found(queries.rows, k);
  for (std::ptrdiff_t i = 0; i < queries.rows; ++i) {
    std::vector<std::pair<float, std::int64_t>> order;
    for (std::ptrdiff_t j = 0; j < rows.rows; ++j) {
      if (!skip_own || i != j) order.emplace_back(all.at(i, j), j);
    }
    std::ranges::sort(order);
    for (std::ptrdiff_t place = 0; place < k; ++place) {
      std::tie(found.distances.at(i, place), found.indices.at(i, place)) = order[static_cast<std::size_t>(place)];
    }
  }
  return found;
}

Found computed(const Rows<float>& queries, const Gallery& gallery, std::ptrdiff_t k, int threads = 1) {
  Found found(queries.rows, k);
  nearest(queries.view(), gallery, found.distances.view(), found.indices.view(), threads);
  return found;
}

Found computed_neighbours(const Rows<float>& rows, std::ptrdiff_t k, int threads = 1) {
  Found found(rows.rows, k);
  neighbours(rows.view(), found.distances.view(), found.indices.view(), threads);
  return found;
}

}  // namespace

TEST(equals_sorting_on_integers_with_many_ties) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      for (const std::ptrdiff_t query_count : {0, 1, 2, 3, 4, 5, 6, 7, 13, 29}) {
        for (const std::ptrdiff_t row_count : {1, 16, 17, 130}) {
          const Rows<float> queries = random_integers(query_count, depth, 1, 1),
                            rows = random_integers(row_count, depth, 2);
          const Gallery gallery = gallery_of(rows);
          for (const std::ptrdiff_t k : {std::ptrdiff_t{1}, std::min<std::ptrdiff_t>(10, row_count), row_count}) {
            CHECK_EQUAL(computed(queries, gallery, k), expected(queries, rows, k, false));
          }
        }
      }
    }
  });
}

TEST(is_the_same_to_the_bit_on_all_backends_and_threads) {
  for (const std::ptrdiff_t depth : depths) {
    const Rows<float> queries = random_units(67, depth, 3), rows = random_units(1500, depth, 4);
    const Gallery gallery = gallery_of(rows);
    const Found answer = expected(queries, rows, 12, false);
    on_each_backend([&](const std::string&) {
      for (const int threads : {1, 2, 3, 5, 0}) CHECK_EQUAL(computed(queries, gallery, 12, threads), answer);
    });
  }
}

TEST(merges_parts_of_the_gallery_for_few_queries) {
  // Enough work for several threads, too few queries to divide among them; ties across the seams.
  const Rows<float> queries = random_integers(3, 128, 5), rows = random_integers(40'000, 128, 6);
  const Gallery gallery = gallery_of(rows);
  on_each_backend([&](const std::string&) {
    for (const std::ptrdiff_t k : {1, 50}) {
      const Found answer = expected(queries, rows, k, false);
      for (const int threads : {1, 2, 3, 7}) CHECK_EQUAL(computed(queries, gallery, k, threads), answer);
    }
  });
}

TEST(breaks_ties_by_the_lower_index_among_equal_rows) {
  on_each_backend([](const std::string&) {
    const Rows<float> rows(100, 5, 0, 1);
    const Found found = computed(rows, gallery_of(rows), 30);
    for (std::ptrdiff_t i = 0; i < 100; ++i) {
      for (std::ptrdiff_t place = 0; place < 30; ++place) {
        CHECK_EQUAL(found.distances.at(i, place), 0.0f);
        CHECK_EQUAL(found.indices.at(i, place), place);
      }
    }
  });
}

TEST(finds_only_rows_that_are_there_after_removals) {
  on_each_backend([](const std::string&) {
    const Rows<float> rows = random_units(200, 24, 7);
    Gallery gallery = gallery_of(rows);
    std::vector<std::int64_t> removed;
    for (std::int64_t row = 0; row < 200; row += 3) removed.push_back(row);
    gallery.remove(removed);
    Rows<float> kept(gallery.rows(), 24);
    gallery.unpack(kept.view());
    CHECK_EQUAL(computed(rows, gallery, kept.rows), expected(rows, kept, kept.rows, false));
  });
}

TEST(neighbours_are_all_rows_but_the_own) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      for (const std::ptrdiff_t row_count : {2, 3, 16, 17, 90}) {
        const Rows<float> rows = random_integers(row_count, depth, 8, 2);
        for (const std::ptrdiff_t k : {std::ptrdiff_t{1}, (row_count + 1) / 2, row_count - 1}) {
          CHECK_EQUAL(computed_neighbours(rows, k), expected(rows, rows, k, true));
        }
      }
    }
  });
}

TEST(neighbours_are_the_same_for_every_number_of_threads) {
  const Rows<float> rows = random_units(1200, 64, 9);
  const Found answer = expected(rows, rows, 20, true);
  on_each_backend([&](const std::string&) {
    for (const int threads : {1, 2, 3, 0}) CHECK_EQUAL(computed_neighbours(rows, 20, threads), answer);
  });
}

TEST(duplicates_of_a_row_are_its_neighbours) {
  Rows<float> rows = random_integers(10, 4, 10);
  for (std::ptrdiff_t d = 0; d < 4; ++d) rows.at(7, d) = rows.at(2, d);
  const Found found = computed_neighbours(rows, 1);
  CHECK_EQUAL(found.indices.at(2, 0), 7);
  CHECK_EQUAL(found.distances.at(2, 0), 0.0f);
  CHECK_EQUAL(found.indices.at(7, 0), 2);
}

TEST(many_queries_span_several_batches) {
  const Rows<float> queries = random_integers(1100, 512, 11), rows = random_integers(300, 512, 12);
  const Gallery gallery = gallery_of(rows);
  on_each_backend([&](const std::string& name) {
    if (name == "portable") return;  // its control flow is the same, and it is slow
    CHECK_EQUAL(computed(queries, gallery, 3, 2), expected(queries, rows, 3, false));
  });
}

TEST(refuses_wrong_arguments) {
  const Rows<float> rows = random_integers(41, 8, 1), narrow = random_integers(5, 7, 1);
  const Gallery gallery = gallery_of(rows), empty(8);
  CHECK_THROWS(std::invalid_argument, "k must be in [1, 41], not 0", computed(rows, gallery, 0));
  CHECK_THROWS(std::invalid_argument, "k must be in [1, 41], not 42", computed(rows, gallery, 42));
  CHECK_THROWS(std::invalid_argument, "queries must have shape (n, 8), not (5, 7)", computed(narrow, gallery, 1));
  CHECK_THROWS(std::invalid_argument, "gallery must have at least 1 row, not 0", computed(rows, empty, 1));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1", computed(rows, gallery, 1, -1));
  CHECK_THROWS(std::invalid_argument, "k must be in [1, 40], not 41", computed_neighbours(rows, 41));
  CHECK_THROWS(std::invalid_argument, "embeddings must have at least 2 rows, not 1",
               computed_neighbours(random_integers(1, 8, 1), 1));
  Rows<float> bad = rows;
  bad.at(9, 0) = std::numeric_limits<float>::infinity();
  CHECK_THROWS(std::invalid_argument, "queries must be finite: row 9 is not", computed(bad, gallery, 1));
  CHECK_THROWS(std::invalid_argument, "embeddings must be finite: row 9 is not", computed_neighbours(bad, 1));

  Found found(40, 3);
  CHECK_THROWS(std::invalid_argument, "distances must have shape (41, 3), not (40, 3)",
               nearest(rows.view(), gallery, found.distances.view(), found.indices.view()));
  Found taller(41, 3);
  CHECK_THROWS(std::invalid_argument, "indices must have shape (41, 3), not (40, 3)",
               nearest(rows.view(), gallery, taller.distances.view(), found.indices.view()));
}
