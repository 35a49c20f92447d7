#include "faceprint/gallery.hpp"

#include <cmath>
#include <limits>
#include <new>

#include "check.hpp"
#include "data.hpp"

using namespace faceprint;

static void check_holds(const Gallery& gallery, const std::vector<std::vector<float>>& expected) {
  const auto rows = static_cast<std::ptrdiff_t>(expected.size());
  CHECK_EQUAL(gallery.rows(), rows);
  Rows<float> unpacked(gallery.rows(), gallery.columns(), 2);
  gallery.unpack(unpacked.view());
  for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
    float norm = 0;
    for (std::ptrdiff_t d = 0; d < gallery.columns(); ++d) {
      CHECK_EQUAL(unpacked.at(row, d), expected[static_cast<std::size_t>(row)][static_cast<std::size_t>(d)]);
      norm += unpacked.at(row, d) * unpacked.at(row, d);
    }
    CHECK_EQUAL(gallery.norms()[row], norm);
  }
  // What was removed is gone from memory, and no search can find the places that are free.
  const std::ptrdiff_t width = Gallery::panel_rows;
  for (std::ptrdiff_t row = gallery.rows(); row < gallery.capacity(); ++row) {
    CHECK(std::isinf(gallery.norms()[row]));
    const float* place = static_cast<const float*>(gallery.panel(row / width)) + row % width;
    for (std::ptrdiff_t d = 0; d < gallery.columns(); ++d) CHECK_EQUAL(place[d * width], 0.0f);
  }
}

// How far a row is from what its codes stand for, `code(c)` being that of column c.
template <class Code>
static double missed(const Gallery& gallery, std::ptrdiff_t row, float scale, const Code& code) {
  std::vector<float> stored(static_cast<std::size_t>(gallery.columns()));
  gallery.copy_row(row, stored.data());
  double sum = 0;
  for (std::ptrdiff_t c = 0; c < 4 * gallery.groups(); ++c) {
    double value = 0;
    if (c < gallery.columns()) value = stored[static_cast<std::size_t>(c)] - static_cast<double>(gallery.centre()[c]);
    sum += std::pow(value - static_cast<double>(scale) * code(c), 2);
  }
  return std::sqrt(sum);
}

TEST(codes_miss_their_rows_by_their_errors) {
  constexpr std::ptrdiff_t width = Gallery::panel_rows;
  for (const std::ptrdiff_t columns : {1, 4, 7, 8, 17, 130}) {
    Rows<float> rows = random_fractions(200, columns, static_cast<unsigned>(columns));
    for (float& x : rows.data) x += 0.5f;
    Gallery gallery(columns);
    gallery.append(rows.view().slice(0, 20));
    gallery.append(rows.view().slice(20, 180));
    gallery.remove(std::vector<std::int64_t>{0, 17, 18, 100});
    const Gallery::Codes bytes = gallery.bytes(), nibbles = gallery.nibbles();
    for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
      const std::uint8_t* panel = bytes.codes + row / width * gallery.groups() * 4 * width + 4 * (row % width);
      const double fine =
          missed(gallery, row, bytes.scales[row], [&](auto c) { return panel[c / 4 * 4 * width + c % 4] - 128; });
      panel = nibbles.codes + row / width * gallery.groups() / 2 * 4 * width + 4 * (row % width);
      const double coarse = missed(gallery, row, nibbles.scales[row], [&](auto c) {
        const int both = panel[c / 8 * 4 * width + c % 4];
        return (c % 8 < 4 ? both % 16 : both / 16) - 8;
      });
      for (const auto& [error, miss] : {std::pair(bytes.errors[row], fine), std::pair(nibbles.errors[row], coarse)}) {
        CHECK(static_cast<double>(error) >= miss && static_cast<double>(error) <= 1.01 * miss + 1e-5);
      }
    }
  }
}

TEST(appends_and_removes_as_a_plain_list_does) {
  on_each_backend([](const std::string&) {
    for (const std::ptrdiff_t columns : {1, 3, 16, 33, 128}) {
      std::mt19937 random(static_cast<unsigned>(columns));
      Gallery gallery(columns);
      std::vector<std::vector<float>> expected;
      for (unsigned step = 0; step < 30; ++step) {
        const Rows<float> added = random_integers(static_cast<std::ptrdiff_t>(random() % 50), columns, step, 3);
        gallery.append(added.view());
        for (std::ptrdiff_t row = 0; row < added.rows; ++row) {
          expected.emplace_back(added.view().row(row), added.view().row(row) + columns);
        }
        const unsigned keep_one_in = step % 10 == 9 ? 20 : 0;  // now and then remove nearly all
        std::vector<std::int64_t> removed;
        std::vector<std::vector<float>> kept;
        for (std::size_t row = 0; row < expected.size(); ++row) {
          if (keep_one_in ? random() % keep_one_in != 0 : random() % 5 == 0) {
            removed.push_back(static_cast<std::int64_t>(row));
          } else {
            kept.push_back(expected[row]);
          }
        }
        gallery.remove(removed);
        expected = kept;
        check_holds(gallery, expected);
      }
    }
  });
}

TEST(keeps_halves_and_codes_in_step_with_removals) {
  for (const Storage storage : {Storage::float32, Storage::float16, Storage::int8}) {
    const Rows<float> rows = random_units(333, 37, 5);
    Gallery gallery(37, storage), fresh(37, storage);
    gallery.append(rows.head(5).view());
    gallery.append(rows.view().slice(5, 100));
    gallery.append(rows.view().slice(105, 228));
    std::vector<std::int64_t> removed;
    for (std::ptrdiff_t row = 0; row < 333; ++row) {
      if (row % 3 == 1) {
        removed.push_back(row);
      } else {
        fresh.append(rows.view().slice(row, 1));
      }
    }
    gallery.remove(removed);
    CHECK_EQUAL(gallery.rows(), fresh.rows());
    Rows<float> a(gallery.rows(), 37), b(gallery.rows(), 37);
    gallery.unpack(a.view());
    fresh.unpack(b.view());
    CHECK(a.data == b.data);
    CHECK_EQUAL(gallery.largest_norm(), fresh.largest_norm());
    for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
      CHECK_EQUAL(gallery.norms()[row], fresh.norms()[row]);
      if (storage != Storage::int8) continue;  // beside floats, codes depend on when the centre was renewed
      CHECK_EQUAL(gallery.bytes().scales[row], fresh.bytes().scales[row]);
      CHECK_EQUAL(gallery.bytes().errors[row], fresh.bytes().errors[row]);
    }
    if (storage != Storage::int8) continue;
    for (std::ptrdiff_t i = 0; i < gallery.rows() / 16 * 16 * 4 * gallery.groups(); ++i) {
      CHECK_EQUAL(static_cast<int>(gallery.bytes().codes[i]), static_cast<int>(fresh.bytes().codes[i]));
    }
  }
}

TEST(codes_are_within_their_stated_error) {
  const Rows<float> rows = random_units(64, 51, 6);
  Gallery codes(51, Storage::int8);
  codes.append(rows.view());
  Rows<float> decoded(64, 51);
  codes.unpack(decoded.view());
  for (std::ptrdiff_t row = 0; row < 64; ++row) {
    double missed = 0;
    for (std::ptrdiff_t d = 0; d < 51; ++d) missed += std::pow(rows.at(row, d) - decoded.at(row, d), 2);
    // The decoded rows are rounded once more, to float32.
    CHECK(std::sqrt(missed) <= codes.bytes().errors[row] * 1.00001 &&
          std::sqrt(missed) > 0.9 * codes.bytes().errors[row]);
  }
}

TEST(halves_are_rounded_to_the_nearest_even) {
  const std::vector<std::pair<float, float>> cases = {{1, 1},
                                                      {0, 0},
                                                      {-0.1f, -0.0999755859375f},
                                                      {1 + 0x1p-11f, 1},
                                                      {1 + 3 * 0x1p-11f, 1 + 0x1p-9f},
                                                      {65504, 65504},
                                                      {0x1p-24f, 0x1p-24f},
                                                      {0x1p-25f, 0},
                                                      {3 * 0x1p-25f, 0x1p-23f},
                                                      {0x1p-14f, 0x1p-14f},
                                                      {-0x1p-15f, -0x1p-15f}};
  for (const auto& [given, stored] : cases) {
    Gallery gallery(1, Storage::float16);
    gallery.append({&given, 1, 1, 1});
    float out = 7;
    gallery.copy_row(0, &out);
    CHECK_EQUAL(out, stored);
  }
}

TEST(copies_one_row) {
  const Rows<float> rows = random_integers(20, 5, 1);
  Gallery gallery(5);
  gallery.append(rows.view());
  float row[5];
  gallery.copy_row(17, row);
  for (std::ptrdiff_t d = 0; d < 5; ++d) CHECK_EQUAL(row[d], rows.at(17, d));
}

TEST(gives_memory_back_when_most_is_empty) {
  Gallery gallery(4);
  gallery.append(random_integers(1000, 4, 1).view());
  std::vector<std::int64_t> most;
  for (std::int64_t row = 10; row < 1000; ++row) most.push_back(row);
  gallery.remove(most);
  CHECK_EQUAL(gallery.capacity(), 16);
  gallery.remove(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK_EQUAL(gallery.capacity(), 0);
  gallery.append(random_integers(3, 4, 2).view());
  CHECK_EQUAL(gallery.rows(), 3);
}

TEST(moves) {
  Gallery gallery(2);
  gallery.append(random_integers(3, 2, 1).view());
  const void* panel = gallery.panel(0);
  const Gallery moved = std::move(gallery);
  CHECK_EQUAL(moved.rows(), 3);
  CHECK_EQUAL(moved.panel(0), panel);
}

TEST(refuses_and_stays_as_it_was) {
  Gallery gallery(2);
  Rows<float> rows = random_integers(5, 2, 1);
  gallery.append(rows.view());
  std::vector<std::vector<float>> expected;
  for (std::ptrdiff_t row = 0; row < 5; ++row) expected.push_back({rows.at(row, 0), rows.at(row, 1)});

  CHECK_THROWS(std::invalid_argument, "embeddings must have shape (n, 2), not (5, 3)",
               gallery.append(random_integers(5, 3, 1).view()));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    Rows<float> refused = rows;
    refused.at(3, 1) = bad;
    CHECK_THROWS(std::invalid_argument, "embeddings must be finite: row 3 is not", gallery.append(refused.view()));
  }
  Rows<float> many = random_integers(50, 2, 2);
  many.at(49, 1) = std::numeric_limits<float>::quiet_NaN();
  const std::ptrdiff_t capacity = gallery.capacity();
  CHECK_THROWS(std::invalid_argument, "embeddings must be finite: row 49 is not", gallery.append(many.view()));
  CHECK_THROWS(std::bad_alloc, "std::bad_alloc", gallery.reserve(std::numeric_limits<std::ptrdiff_t>::max() / 2));
  CHECK_EQUAL(gallery.capacity(), capacity);
  Rows<float> large = rows;
  large.at(4, 0) = -1.1e15f;
  CHECK_THROWS(std::invalid_argument, "embeddings must lie in [-1e15, 1e15]: row 4 does not",
               gallery.append(large.view()));
  using Indices = std::vector<std::int64_t>;
  CHECK_THROWS(std::invalid_argument, "rows must lie in [0, 5), not 5", gallery.remove(Indices{1, 5}));
  CHECK_THROWS(std::invalid_argument, "rows must lie in [0, 5), not -1", gallery.remove(Indices{-1}));
  CHECK_THROWS(std::invalid_argument, "rows must ascend without repeats: 2 follows 2", gallery.remove(Indices{2, 2}));
  CHECK_THROWS(std::invalid_argument, "rows must ascend without repeats: 1 follows 3", gallery.remove(Indices{3, 1}));
  Rows<float> out(4, 2);
  CHECK_THROWS(std::invalid_argument, "out must have shape (5, 2), not (4, 2)", gallery.unpack(out.view()));
  check_holds(gallery, expected);
}

TEST(refuses_what_a_storage_cannot_hold) {
  Rows<float> rows = random_units(3, 4, 1);
  rows.at(2, 1) = 65520;
  Gallery halves(4, Storage::float16);
  CHECK_THROWS(std::invalid_argument, "embeddings must lie in [-65504, 65504]: row 2 does not",
               halves.append(rows.view()));
  CHECK_EQUAL(halves.rows(), 0);
  CHECK_THROWS(std::invalid_argument, "a gallery must have 1 to 131072 columns, not 131073",
               Gallery(131073, Storage::int8));
  CHECK(!Gallery(131073).has_codes());
}

TEST(refuses_absurd_widths) {
  CHECK_THROWS(std::invalid_argument, "a gallery must have 1 to 1048576 columns, not 0", Gallery(0));
  CHECK_THROWS(std::invalid_argument, "a gallery must have 1 to 1048576 columns, not -3", Gallery(-3));
  CHECK_THROWS(std::invalid_argument, "a gallery must have 1 to 1048576 columns, not 1048577", Gallery(1048577));
}
