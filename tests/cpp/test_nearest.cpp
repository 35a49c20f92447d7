#include "faceprint/nearest.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
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

Gallery gallery_of(const Rows<float>& rows, Storage storage = Storage::float32, bool codes = true) {
  Gallery gallery(rows.columns, storage, codes);
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

Found computed(const Rows<float>& queries, const Gallery& gallery, std::ptrdiff_t k, const Search& search) {
  Found found(queries.rows, k);
  nearest(queries.view(), gallery, found.distances.view(), found.indices.view(), search);
  return found;
}

Found computed(const Rows<float>& queries, const Gallery& gallery, std::ptrdiff_t k, int threads = 1) {
  return computed(queries, gallery, k, Search{.threads = threads});
}

Found computed_neighbours(const Rows<float>& rows, std::ptrdiff_t k, int threads = 1,
                          Metric metric = Metric::squared_euclidean) {
  Found found(rows.rows, k);
  neighbours(gallery_of(rows, Storage::float32, false), found.distances.view(), found.indices.view(),
             {.metric = metric, .threads = threads});
  return found;
}

constexpr Metric metrics[] = {Metric::squared_euclidean, Metric::cosine, Metric::dot};

// What the contract says of two rows, by a plain loop.
float value_of(const float* query, const float* row, std::ptrdiff_t depth, Metric metric) {
  float norm = 0, other = 0, product = 0;
  for (std::ptrdiff_t d = 0; d < depth; ++d) {
    norm = std::fma(query[d], query[d], norm);
    other = std::fma(row[d], row[d], other);
    product = std::fma(query[d], row[d], product);
  }
  if (metric == Metric::dot) return product;
  if (metric == Metric::squared_euclidean) return std::max((norm + other) - 2 * product, 0.0f);
  return std::clamp(product * (1 / std::sqrt(norm) * (1 / std::sqrt(other))), -1.0f, 1.0f);
}

// All rows, the nearest first.
std::vector<std::pair<float, std::int64_t>> ranked(const Rows<float>& queries, std::ptrdiff_t query,
                                                   const Rows<float>& rows, Metric metric) {
  std::vector<std::pair<float, std::int64_t>> all;
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    all.emplace_back(value_of(queries.view().row(query), rows.view().row(row), rows.columns, metric), row);
  }
  std::ranges::sort(all, [&](const auto& a, const auto& b) {
    if (a.first == b.first) return a.second < b.second;
    return metric == Metric::squared_euclidean ? a.first < b.first : a.first > b.first;
  });
  return all;
}

Found ranked_first(const Rows<float>& queries, const Rows<float>& rows, std::ptrdiff_t k, Metric metric,
                   bool skip_own = false) {
  Found found(queries.rows, k);
  for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
    std::ptrdiff_t place = 0;
    for (const auto& [value, row] : ranked(queries, query, rows, metric)) {
      if (place == k) break;
      if (skip_own && row == query) continue;
      found.distances.at(query, place) = value;
      found.indices.at(query, place++) = row;
    }
  }
  return found;
}

// Rows that differ by little, some not at all, and some that are far longer than the others.
Rows<float> treacherous(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed) {
  Rows<float> result = random_units(rows, columns, seed);
  std::mt19937 random(seed);
  for (std::ptrdiff_t row = 1; row < rows; ++row) {
    const auto other = static_cast<std::ptrdiff_t>(random() % static_cast<unsigned>(row));
    const unsigned kind = random() % 4;
    for (std::ptrdiff_t d = 0; d < columns; ++d) {
      if (kind == 0) result.at(row, d) = result.at(other, d);
      if (kind == 1) result.at(row, d) = result.at(other, d) * (1 + 0x1p-22f * static_cast<float>(random() % 3));
      if (kind == 2 && row % 50 == 0) result.at(row, d) *= 100;
    }
  }
  return result;
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

TEST(neighbours_by_cosines_that_rounding_takes_beyond_their_range_are_ties) {
  on_each_backend([](const std::string&) {
    for (unsigned seed = 0; seed < 15; ++seed) {
      const Rows<float> rows = opposite_rows(200, 7 + 5 * static_cast<std::ptrdiff_t>(seed), seed);
      Found all(200, 200);
      const Search search = {.metric = Metric::cosine, .threads = 1};
      nearest(rows.view(), gallery_of(rows), all.distances.view(), all.indices.view(), search);
      for (const std::ptrdiff_t k : {25, 30}) {
        Found found(200, k);
        neighbours(gallery_of(rows), found.distances.view(), found.indices.view(), search);
        for (std::ptrdiff_t row = 0; row < 200; ++row) {
          for (std::ptrdiff_t place = 0, at = 0; place < k; ++place, ++at) {
            if (all.indices.at(row, at) == row) ++at;
            CHECK_EQUAL(found.indices.at(row, place), all.indices.at(row, at));
          }
        }
      }
    }
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

TEST(ranks_by_every_metric) {
  for (const Metric metric : metrics) {
    for (const std::ptrdiff_t depth : depths) {
      Rows<float> queries = random_units(14, depth, 20), rows = random_units(70, depth, 21);
      for (float& x : rows.data) x *= 1.7f;
      const Found answer = ranked_first(queries, rows, 9, metric), others = ranked_first(rows, rows, 9, metric, true);
      on_each_backend([&](const std::string&) {
        CHECK_EQUAL(computed(queries, gallery_of(rows), 9, Search{.metric = metric, .threads = 1}), answer);
        CHECK_EQUAL(computed_neighbours(rows, 9, 1, metric), others);
      });
    }
  }
}

TEST(similarities_of_a_row_with_itself_are_at_most_one) {
  Rows<float> rows = random_units(40, 33, 22);
  for (float& x : rows.data) x *= 3;
  on_each_backend([&](const std::string&) {
    const Found found = computed(rows, gallery_of(rows), 1, Search{.metric = Metric::cosine});
    for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
      CHECK_EQUAL(found.indices.at(row, 0), row);
      CHECK(found.distances.at(row, 0) <= 1 && found.distances.at(row, 0) > 0.999999f);
    }
  });
}

TEST(a_certified_scan_answers_as_a_full_one) {
  for (const std::ptrdiff_t depth : {1, 3, 17, 130, 512}) {
    const Rows<float> rows = treacherous(1200, depth, 23);
    Rows<float> queries = treacherous(30, depth, 24);
    for (std::ptrdiff_t i = 0; i < 15; ++i) {
      for (std::ptrdiff_t d = 0; d < depth; ++d) queries.at(i, d) = rows.at(7 * i, d);
    }
    const Gallery gallery = gallery_of(rows), plain = gallery_of(rows, Storage::float32, false);
    for (const Metric metric : {Metric::squared_euclidean, Metric::dot}) {
      for (const std::ptrdiff_t k : {1, 10, 100}) {
        const Found answer = computed(queries, plain, k, Search{.metric = metric, .threads = 1});
        on_each_backend([&](const std::string&) {
          for (const int threads : {1, 3}) {
            const Search search = {.metric = metric, .scan = Scan::certified, .threads = threads};
            CHECK_EQUAL(computed(queries, gallery, k, search), answer);
            for (const std::ptrdiff_t few : {1, 2}) {  // by nibbles, where those tell rows apart
              CHECK_EQUAL(computed(queries.head(few), gallery, k, search),
                          computed(queries.head(few), plain, k, Search{.metric = metric, .threads = 1}));
            }
          }
        });
      }
    }
  }
}

// Bounds exclude the same rows wherever this is compiled, up to the width of vectors: so the number of those that they
// leave tells when bounds have become wider, which changes no answer.
TEST(a_certified_scan_computes_few_rows) {
  on_each_backend([](const std::string& name) {
    if (name == "portable") return;  // slow, and its bounds are those of the others
    if (name == "cuda") return;      // computes all rows
    const Rows<float> rows = random_fractions(50'000, 128, 25), queries = random_fractions(4, 128, 26);
    Found found(4, 5);
    const std::int64_t rows_computed = nearest(queries.view(), gallery_of(rows), found.distances.view(),
                                               found.indices.view(), {.scan = Scan::certified, .threads = 1});
    CHECK(rows_computed >= 20 && rows_computed < 250);
    CHECK_EQUAL(nearest(queries.view(), gallery_of(rows), found.distances.view(), found.indices.view(),
                        {.scan = Scan::full, .threads = 1}),
                0);
  });
}

TEST(rows_that_share_a_direction_are_certified_around_their_centre) {
  // As embeddings of faces do. The first rows are elsewhere, so that the centre moves when memory grows.
  Rows<float> rows = random_fractions(20'000, 128, 38);
  for (std::ptrdiff_t row = 100; row < rows.rows; ++row) {
    for (std::ptrdiff_t d = 0; d < 128; ++d) rows.at(row, d) = 0.1f * rows.at(row, d) + 0.08f;
  }
  const Gallery plain = gallery_of(rows, Storage::float32, false);
  Gallery gallery(128);
  gallery.append(rows.view().slice(0, 100));
  gallery.append(rows.view().slice(100, 19'900));
  gallery.append(rows.view().slice(0, 10));
  gallery.remove(
      std::vector<std::int64_t>{20'000, 20'001, 20'002, 20'003, 20'004, 20'005, 20'006, 20'007, 20'008, 20'009});
  for (const Metric metric : {Metric::squared_euclidean, Metric::dot}) {
    for (const std::ptrdiff_t queries : {1, 50}) {
      const Rows<float> some = rows.head(150 + queries);
      const Rows<float> last = {queries, 128, 128, {some.data.end() - queries * 128, some.data.end()}};
      const Found answer = computed(last, plain, 5, Search{.metric = metric, .threads = 1});
      on_each_backend([&](const std::string& name) {
        if (name == "portable") return;
        Found found(queries, 5);
        const std::int64_t rows_computed = nearest(last.view(), gallery, found.distances.view(), found.indices.view(),
                                                   {.metric = metric, .scan = Scan::certified, .threads = 1});
        CHECK_EQUAL(found, answer);
        if (name != "cuda") CHECK(rows_computed < queries * 250);  // which has bounds of its own
      });
    }
  }
}

TEST(the_first_row_of_a_block_is_bounded_like_the_others) {
  // Rows share a direction, in which some go farther: one of every 1024, among them all that begin blocks.
  Rows<float> rows = random_fractions(6000, 128, 39);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    const float length = row % 1024 == 0 ? 1.2f : 1.0f;
    for (std::ptrdiff_t d = 0; d < 128; ++d) rows.at(row, d) = length * (0.1f * rows.at(row, d) + 0.08f);
  }
  const Gallery gallery = gallery_of(rows), plain = gallery_of(rows, Storage::float32, false);
  on_each_backend([&](const std::string&) {
    for (const Metric metric : {Metric::squared_euclidean, Metric::dot}) {
      for (const std::ptrdiff_t queries : {1, 50}) {
        CHECK_EQUAL(computed(rows.head(queries), gallery, 6, {.metric = metric, .scan = Scan::certified}),
                    computed(rows.head(queries), plain, 6, {.metric = metric, .scan = Scan::full}));
      }
    }
  });
}

TEST(bounds_follow_a_centre_that_moves_away) {
  // A row alone is the centre; others, together elsewhere, move it. The first row is then so far from it that its
  // estimate misses by more than what parts it from the next nearest, row 500.
  Rows<float> rows(1000, 32), query(1, 32);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) rows.at(row, 0) = row == 0 ? -1.0f : 3.0f;
  rows.at(500, 1) = 0.028f;
  query.at(0, 0) = -0.03f;
  query.at(0, 1) = 4;
  Gallery gallery(32);
  gallery.append(rows.view().slice(0, 1));
  gallery.append(rows.view().slice(1, 999));
  on_each_backend([&](const std::string&) {
    const Found found = computed(query, gallery, 1, {.metric = Metric::dot, .scan = Scan::certified});
    CHECK_EQUAL(found.indices.at(0, 0), 0);
  });
}

TEST(one_query_is_answered_by_nibbles_with_few_rows_computed) {
  const Rows<float> rows = random_units(30'000, 128, 37);
  const Gallery gallery = gallery_of(rows), plain = gallery_of(rows, Storage::float32, false);
  on_each_backend([&](const std::string& name) {
    for (const std::ptrdiff_t query : {3, 29'999}) {
      Rows<float> one(1, 128);
      for (std::ptrdiff_t d = 0; d < 128; ++d) one.at(0, d) = rows.at(query, d);
      Found found(1, 1);
      const std::int64_t rows_computed = nearest(one.view(), gallery, found.distances.view(), found.indices.view(),
                                                 {.scan = Scan::certified, .threads = 1});
      CHECK_EQUAL(found, computed(one, plain, 1));
      CHECK(name == "cuda" ? rows_computed == 0 : rows_computed >= 1 && rows_computed < 20);
    }
  });
}

TEST(codes_that_tell_nothing_apart_do_no_harm) {
  // One component outweighs all others, so that the codes of all rows are the same.
  Rows<float> rows = random_units(4000, 32, 27);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) rows.at(row, 0) = 1e4f;
  const Gallery gallery = gallery_of(rows), plain = gallery_of(rows, Storage::float32, false);
  on_each_backend([&](const std::string&) {
    CHECK_EQUAL(computed(rows.head(20), gallery, 5, Search{.scan = Scan::certified, .threads = 1}),
                computed(rows.head(20), plain, 5));
  });
}

TEST(halves_are_searched_as_the_floats_they_stand_for) {
  for (const std::ptrdiff_t depth : depths) {
    const Rows<float> queries = random_units(15, depth, 28), rows = random_units(70, depth, 29);
    const Gallery halves = gallery_of(rows, Storage::float16);
    Rows<float> stored(rows.rows, depth);
    halves.unpack(stored.view());
    for (const Metric metric : metrics) {
      const Found answer = ranked_first(queries, stored, 7, metric),
                  others = ranked_first(stored, stored, 7, metric, true);
      on_each_backend([&](const std::string&) {
        const Search search = {.metric = metric, .threads = 2};
        CHECK_EQUAL(computed(queries, halves, 7, search), answer);
        Found found(rows.rows, 7);
        neighbours(halves, found.distances.view(), found.indices.view(), search);
        CHECK_EQUAL(found, others);
      });
    }
  }
}

TEST(codes_alone_are_searched_the_same_everywhere_and_nearly_right) {
  for (const std::ptrdiff_t depth : {1, 3, 4, 5, 33, 128, 512}) {
    const Rows<float> queries = random_units(15, depth, 30), rows = random_units(300, depth, 31);
    const Gallery codes = gallery_of(rows, Storage::int8);
    for (const Metric metric : metrics) {
      Found first(queries.rows, 7);
      on_each_backend([&](const std::string& name) {
        const Found found = computed(queries, codes, 7, Search{.metric = metric, .threads = 3});
        if (name == "portable") first = found;
        CHECK_EQUAL(found, first);
      });
      for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
        for (std::ptrdiff_t place = 0; place < 7; ++place) {
          const auto* row = rows.view().row(first.indices.at(query, place));
          CHECK(std::abs(first.distances.at(query, place) - value_of(queries.view().row(query), row, depth, metric)) <
                0.05f);
        }
      }
    }
  }
}

TEST(within_finds_all_that_a_plain_loop_finds) {
  for (const Metric metric : metrics) {
    for (const std::ptrdiff_t row_count : {40, 3000}) {
      const Rows<float> rows = treacherous(row_count, 33, 32), queries = treacherous(9, 33, 33);
      const Gallery gallery = gallery_of(rows);
      const float limit = metric == Metric::squared_euclidean ? 1.5f : 0.3f;
      std::vector<float> values;
      std::vector<std::int64_t> indices, offsets = {0};
      for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
        for (const auto& [value, row] : ranked(queries, query, rows, metric)) {
          if (metric == Metric::squared_euclidean ? value > limit : value < limit) break;
          values.push_back(value);
          indices.push_back(row);
        }
        offsets.push_back(static_cast<std::int64_t>(values.size()));
      }
      on_each_backend([&](const std::string&) {
        for (const Scan scan : {Scan::full, Scan::certified}) {
          if (scan == Scan::certified && metric == Metric::cosine) continue;
          for (const int threads : {1, 3}) {
            const Neighbourhoods found =
                within(queries.view(), gallery, limit, {.metric = metric, .scan = scan, .threads = threads});
            CHECK(std::ranges::equal(found.values, values));
            CHECK(std::ranges::equal(found.indices, indices));
            CHECK(std::ranges::equal(found.offsets, offsets));
            if (scan == Scan::full) CHECK_EQUAL(found.computed, 0);
          }
        }
      });
    }
  }
}

namespace {

void check_within(const Rows<float>& queries, const Rows<float>& rows, float limit, Metric metric, int threads) {
  const Neighbourhoods found = within(queries.view(), gallery_of(rows), limit, {.metric = metric, .threads = threads});
  CHECK_EQUAL(found.offsets.size(), queries.rows + 1);
  const std::int64_t* offset = found.offsets.data();
  for (std::ptrdiff_t query = 0; query < queries.rows; ++query, ++offset) {
    auto expected = ranked(queries, query, rows, metric);
    std::erase_if(expected, [&](const auto& entry) {
      return metric == Metric::squared_euclidean ? entry.first > limit : entry.first < limit;
    });
    CHECK_EQUAL(offset[1] - offset[0], std::ssize(expected));
    for (std::ptrdiff_t i = 0; i < std::min<std::ptrdiff_t>(offset[1] - offset[0], std::ssize(expected)); ++i) {
      CHECK_EQUAL(found.values.data()[offset[0] + i], expected[static_cast<std::size_t>(i)].first);
      CHECK_EQUAL(found.indices.data()[offset[0] + i], expected[static_cast<std::size_t>(i)].second);
    }
  }
}

}  // namespace

TEST(within_sorts_many_hits_of_few_queries_and_few_hits_of_many) {
  const Rows<float> several = random_integers(3, 4, 39), many_rows = random_integers(70'000, 4, 40);
  check_within(several, many_rows, 40, Metric::squared_euclidean, 3);
  check_within(several, many_rows, -5, Metric::dot, 1);
  check_within(random_integers(263'000, 1, 41), random_integers(4, 1, 42), 4, Metric::squared_euclidean, 2);
}

TEST(within_counts_what_is_just_at_the_limit) {
  const Rows<float> rows = random_integers(60, 5, 34);
  const Gallery gallery = gallery_of(rows);
  const auto found = [&](Metric metric, float limit) {
    return within(rows.head(1).view(), gallery, limit, {.metric = metric}).indices.size();
  };
  const auto count = [&](Metric metric, auto keep) {
    const auto all = ranked(rows, 0, rows, metric);
    return std::ranges::count_if(all, [&](const auto& entry) { return keep(entry.first); });
  };
  CHECK_EQUAL(found(Metric::squared_euclidean, 0), count(Metric::squared_euclidean, [](float v) { return v <= 0; }));
  CHECK_EQUAL(found(Metric::squared_euclidean, 30), count(Metric::squared_euclidean, [](float v) { return v <= 30; }));
  CHECK_EQUAL(found(Metric::dot, 6), count(Metric::dot, [](float v) { return v >= 6; }));
  const float most = std::numeric_limits<float>::infinity();
  CHECK_EQUAL(found(Metric::squared_euclidean, most), 60);
  CHECK_EQUAL(found(Metric::dot, -most), 60);
  CHECK_EQUAL(found(Metric::dot, most), 0);
  const Rows<float> units = random_units(60, 5, 35);
  CHECK_EQUAL(within(units.view(), gallery_of(units), -1, {.metric = Metric::cosine}).indices.size(), 3600);
  CHECK_EQUAL(within(units.view(), gallery_of(units), 1.5f, {.metric = Metric::cosine}).indices.size(), 0);
}

TEST(neighbours_of_equal_rows_are_the_first_ones) {
  const Rows<float> rows(700, 5, 0, 1);
  on_each_backend([&](const std::string&) {
    for (const int threads : {1, 3}) {
      const Found found = computed_neighbours(rows, 3, threads);
      for (std::ptrdiff_t row = 0; row < 700; ++row) {
        std::int64_t next = 0;
        for (std::ptrdiff_t place = 0; place < 3; ++place, ++next) {
          if (next == row) ++next;
          CHECK_EQUAL(found.indices.at(row, place), next);
        }
      }
    }
  });
}

namespace {

void computed_with(const Rows<float>& rows, const Gallery& gallery, Watch& watch, int threads) {
  Found found(rows.rows, 3);
  nearest(rows.view(), gallery, found.distances.view(), found.indices.view(),
          {.scan = Scan::full, .threads = threads, .watch = &watch});
}

// So many that a search of them all among themselves lasts a few looks, however fast this machine is.
Rows<float> rows_for_some_looks() {
  for (std::ptrdiff_t count = 1000;; count *= 2) {
    const Rows<float> rows = random_units(count, 128, 36);
    const Gallery gallery = gallery_of(rows);
    const auto start = std::chrono::steady_clock::now();
    computed(rows, gallery, 3, Search{.scan = Scan::full, .threads = 3});
    if (std::chrono::steady_clock::now() - start > std::chrono::milliseconds(300)) return rows;
  }
}

struct Counter final : Watch {
  int looks = 0;
  double last = 0;

  void look(double done) override {
    CHECK(done >= last && done <= 1);
    last = done;
    ++looks;
  }
};

struct Stopper final : Watch {
  void look(double) override { throw std::runtime_error("enough"); }
};

}  // namespace

TEST(a_watch_sees_the_work_advance_and_may_end_it) {
  const Rows<float> rows = rows_for_some_looks();
  const Gallery gallery = gallery_of(rows);
  for (const int threads : {1, 3}) {
    Counter counter;
    computed_with(rows, gallery, counter, threads);
    CHECK(counter.looks > 1 && counter.last > 0.3);
    Stopper stopper;
    const auto start = std::chrono::steady_clock::now();
    CHECK_THROWS(std::runtime_error, "enough", computed_with(rows, gallery, stopper, threads));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    Found found(rows.rows, 3);
    CHECK_THROWS(
        std::runtime_error, "enough",
        neighbours(gallery, found.distances.view(), found.indices.view(), {.threads = threads, .watch = &stopper}));
    CHECK_THROWS(std::runtime_error, "enough",
                 within(rows.view(), gallery, 0.1f, {.threads = threads, .watch = &stopper}));
  }
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
  CHECK_THROWS(std::invalid_argument, "gallery must have at most 2^32 rows, not 4294967297",
               check_neighbours(1, (std::int64_t{1} << 32) + 1));
  CHECK_THROWS(std::invalid_argument, "gallery must have at least 2 rows, not 1",
               computed_neighbours(random_integers(1, 8, 1), 1));
  Rows<float> bad = rows;
  bad.at(9, 0) = std::numeric_limits<float>::infinity();
  CHECK_THROWS(std::invalid_argument, "queries must be finite: row 9 is not", computed(bad, gallery, 1));
  CHECK_THROWS(std::invalid_argument, "queries must be finite: row 9 is not", within(bad.view(), gallery, 1));

  Found found(40, 3);
  CHECK_THROWS(std::invalid_argument, "values must have shape (41, 3), not (40, 3)",
               nearest(rows.view(), gallery, found.distances.view(), found.indices.view()));
  Found taller(41, 3);
  CHECK_THROWS(std::invalid_argument, "indices must have shape (41, 3), not (40, 3)",
               nearest(rows.view(), gallery, taller.distances.view(), found.indices.view()));

  const Rows<float> zeros(41, 8);
  const Search cosine = {.metric = Metric::cosine};
  CHECK_THROWS(std::invalid_argument, "queries must be longer than 1e-15 for the cosine: row 0 is not",
               computed(zeros, gallery_of(random_units(50, 8, 1)), 1, cosine));
  CHECK_THROWS(std::invalid_argument,
               "rows of the gallery must be longer than 1e-15 for the cosine: 41 of them are not",
               computed(rows, gallery_of(zeros), 1, cosine));
  CHECK_THROWS(std::invalid_argument, "a certified scan needs a gallery of float32 rows with codes",
               computed(rows, gallery_of(rows, Storage::float16), 1, Search{.scan = Scan::certified}));
  CHECK_THROWS(std::invalid_argument, "a certified scan needs a gallery of float32 rows with codes",
               computed(rows, gallery_of(rows, Storage::float32, false), 1, Search{.scan = Scan::certified}));
  CHECK_THROWS(
      std::invalid_argument, "a certified scan finds distances or dot products, not cosines",
      computed(rows, gallery_of(random_units(50, 8, 1)), 1, Search{.metric = Metric::cosine, .scan = Scan::certified}));
  CHECK_THROWS(std::invalid_argument, "neighbours need a gallery of float32 or float16 rows, not int8",
               neighbours(gallery_of(rows, Storage::int8), taller.distances.view(), taller.indices.view()));
  CHECK_THROWS(std::invalid_argument, "limit must be a number, not NaN",
               within(rows.view(), gallery, std::numeric_limits<float>::quiet_NaN()));
  CHECK_THROWS(std::invalid_argument, "limit must be a distance of 0 or more, not -1.000000",
               within(rows.view(), gallery, -1));
  CHECK_THROWS(std::invalid_argument, "gallery must have at least 1 row, not 0", within(rows.view(), empty, 1));
}
