#include "faceprint/distance.hpp"

#include <cstring>
#include <limits>
#include <stdexcept>

#include "check.hpp"
#include "data.hpp"

using namespace faceprint;

static double exact(const Rows<float>& a, std::ptrdiff_t i, const Rows<float>& b, std::ptrdiff_t j) {
  double sum = 0;
  for (std::ptrdiff_t d = 0; d < a.columns; ++d) {
    const double difference = static_cast<double>(a.at(i, d)) - b.at(j, d);
    sum += difference * difference;
  }
  return sum;
}

static Rows<float> computed(const Rows<float>& queries, const Rows<float>& gallery, int threads = 1) {
  Rows<float> out(queries.rows, gallery.rows);
  distances(queries.view(), gallery.view(), out.view(), threads);
  return out;
}

TEST(equals_the_plain_loop_on_integers) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      for (const std::ptrdiff_t query_count : {0, 1, 2, 5, 6, 7, 12, 13, 41}) {
        for (const std::ptrdiff_t gallery_count : {0, 1, 15, 16, 17, 33, 100}) {
          const Rows<float> queries = random_integers(query_count, depth, 1, 3);
          const Rows<float> gallery = random_integers(gallery_count, depth, 2, 1);
          Rows<float> out(query_count, gallery_count, 2, -7);
          distances(queries.view(), gallery.view(), out.view());
          for (std::ptrdiff_t i = 0; i < query_count; ++i) {
            for (std::ptrdiff_t j = 0; j < gallery_count; ++j) {
              CHECK_EQUAL(out.at(i, j), static_cast<float>(exact(queries, i, gallery, j)));
            }
            CHECK_EQUAL(out.at(i, gallery_count), -7.0f);
            CHECK_EQUAL(out.at(i, gallery_count + 1), -7.0f);
          }
        }
      }
    }
  });
}

// Each norm and the product are chains of `depth` roundings, so each is off by at most depth * u of the sum of the
// magnitudes of its terms, u = 2^-24; twice the product weighs no more than both norms together. Two more roundings
// join them.
TEST(stays_within_its_error_budget) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      const Rows<float> queries = random_units(40, depth, 1), gallery = random_units(70, depth, 2);
      const Rows<float> out = computed(queries, gallery);
      const double budget = (2 * static_cast<double>(depth) + 4) * 0x1p-24 * 2;
      for (std::ptrdiff_t i = 0; i < 40; ++i) {
        for (std::ptrdiff_t j = 0; j < 70; ++j) {
          CHECK(std::abs(out.at(i, j) - exact(queries, i, gallery, j)) <= budget);
        }
      }
    }
  });
}

TEST(is_the_same_to_the_bit_on_all_backends_and_threads) {
  for (const std::ptrdiff_t depth : depths) {
    const Rows<float> queries = random_units(131, depth, 3), gallery = random_units(777, depth, 4);
    use_backend("portable");
    const Rows<float> expected = computed(queries, gallery);
    on_each_backend([&](const std::string&) {
      for (const int threads : {1, 2, 3, 7, 0}) {
        const Rows<float> out = computed(queries, gallery, threads);
        CHECK(std::memcmp(out.data.data(), expected.data.data(), out.data.size() * sizeof(float)) == 0);
      }
    });
  }
}

TEST(is_the_same_to_the_bit_on_every_machine) {
  on_each_backend([](const std::string&) {
    const Rows<float> out = computed(random_fractions(50, 129, 1), random_fractions(60, 129, 2));
    CHECK_EQUAL(checksum(out.data), 7376501798570737748u);
  });
}

TEST(is_zero_between_equal_rows_and_symmetric_to_the_bit) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t depth : depths) {
      const Rows<float> rows = random_units(50, depth, 5);
      const Rows<float> out = computed(rows, rows);
      for (std::ptrdiff_t i = 0; i < 50; ++i) {
        CHECK_EQUAL(out.at(i, i), 0.0f);
        for (std::ptrdiff_t j = 0; j < 50; ++j) {
          CHECK_EQUAL(out.at(i, j), out.at(j, i));
          CHECK(out.at(i, j) >= 0);
        }
      }
    }
  });
}

TEST(spans_many_blocks_and_batches) {
  // More rows than one block of the gallery and one batch of queries hold at this depth.
  const Rows<float> queries = random_integers(600, 512, 6), gallery = random_integers(500, 512, 7);
  on_each_backend([&](const std::string& name) {
    if (name == "portable") return;  // its control flow is the same, and it is slow
    const Rows<float> out = computed(queries, gallery, 2);
    for (std::ptrdiff_t i = 0; i < queries.rows; i += 7) {
      for (std::ptrdiff_t j = 0; j < gallery.rows; j += 3) {
        CHECK_EQUAL(out.at(i, j), static_cast<float>(exact(queries, i, gallery, j)));
      }
    }
  });
}

TEST(reads_rows_backwards) {
  const Rows<float> rows = random_integers(20, 9, 8);
  const Matrix<const float> backwards = {rows.view().row(19), 20, 9, -9};
  Rows<float> out(20, 20), expected = computed(rows, rows);
  distances(backwards, rows.view(), out.view());
  for (std::ptrdiff_t i = 0; i < 20; ++i) {
    for (std::ptrdiff_t j = 0; j < 20; ++j) CHECK_EQUAL(out.at(i, j), expected.at(19 - i, j));
  }
}

TEST(never_overflows_within_the_allowed_range) {
  on_each_backend([](const std::string&) {
    Rows<float> rows(2, 512, 0, 1e15f);
    for (std::ptrdiff_t d = 0; d < 512; ++d) rows.at(1, d) = -1e15f;
    const Rows<float> out = computed(rows, rows);
    CHECK_EQUAL(out.at(0, 0), 0.0f);
    CHECK(std::abs(out.at(0, 1) / (4 * 512 * 1e30) - 1) < 1e-4);
  });
}

TEST(refuses_wrong_arguments) {
  const Rows<float> rows = random_integers(5, 8, 1), narrow = random_integers(5, 7, 1), none(5, 0);
  Rows<float> out(5, 5), wrong(5, 4);
  CHECK_THROWS(std::invalid_argument, "y must have shape (n, 8), not (5, 7)",
               distances(rows.view(), narrow.view(), out.view()));
  CHECK_THROWS(std::invalid_argument, "out must have shape (5, 5), not (5, 4)",
               distances(rows.view(), rows.view(), wrong.view()));
  CHECK_THROWS(std::invalid_argument, "x must have 1 to 1048576 columns, not 0",
               distances(none.view(), none.view(), out.view()));
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -2",
               distances(rows.view(), rows.view(), out.view(), -2));
  Rows<float> bad = rows;
  bad.at(2, 7) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(std::invalid_argument, "x must be finite: row 2 is not", distances(bad.view(), rows.view(), out.view()));
  CHECK_THROWS(std::invalid_argument, "y must be finite: row 2 is not", distances(rows.view(), bad.view(), out.view()));
  bad.at(2, 7) = 2e15f;
  CHECK_THROWS(std::invalid_argument, "x must lie in [-1e15, 1e15]: row 2 does not",
               distances(bad.view(), rows.view(), out.view()));
}
