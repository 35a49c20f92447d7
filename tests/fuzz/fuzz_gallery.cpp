// Galleries of any kind through any sequence of appending, removing and searching, right and wrong: they hold what a
// plain list of rows would, every backend and scan gives the same bits, and values are those of `distances`.

#include <algorithm>
#include <cmath>
#include <vector>

#include "driver.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/nearest.hpp"
#include "rows.hpp"

using namespace faceprint;
using fuzz::Chance;
using fuzz::Rows;

namespace {

using List = std::vector<std::vector<float>>;

void append(Chance& chance, Gallery& gallery, List& list) {
  const std::ptrdiff_t columns = gallery.columns() + (chance.once_in(30) ? 1 : 0);
  const Rows added = fuzz::draw(chance, chance.in(0, 60), columns);
  const Matrix<const float> view = added.view();
  if (fuzz::refused([&] { gallery.append(view, static_cast<int>(chance.in(1, 3))); })) return;
  for (std::ptrdiff_t row = 0; row < view.rows; ++row) list.emplace_back(view.row(row), view.row(row) + view.columns);
}

void remove(Chance& chance, Gallery& gallery, List& list) {
  std::vector<std::int64_t> gone;
  const std::ptrdiff_t one_in = chance.in(1, 8);
  for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
    if (chance.once_in(one_in)) gone.push_back(row);
  }
  if (chance.once_in(10)) gone.push_back(chance.in(-1, gallery.rows()));  // out of order or out of bounds
  if (fuzz::refused([&] { gallery.remove(gone); })) return;
  std::ranges::reverse(gone);
  for (const std::int64_t row : gone) list.erase(list.begin() + row);
}

void hold(const Gallery& gallery, const List& list) {
  fuzz::require(gallery.rows() == std::ssize(list), "a gallery has as many rows as were added and not removed");
  if (gallery.storage() != Storage::float32) return;
  const Rows unpacked(gallery.rows(), gallery.columns(), gallery.columns());
  gallery.unpack(unpacked.view());
  for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
    const std::vector<float>& expected = list[static_cast<std::size_t>(row)];
    fuzz::require(std::equal(expected.begin(), expected.end(), unpacked.view().row(row)), "rows keep their values");
  }
}

fuzz::Strided<std::uint8_t> stored_rows(Chance& chance, const Gallery& gallery) {
  fuzz::Strided<std::uint8_t> rows(gallery.rows(), gallery.stored_bytes(),
                                   fuzz::stride(chance, gallery.stored_bytes()));
  for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) gallery.copy_stored(row, rows.view().row(row));
  return rows;
}

// What is stored makes the same gallery again; what was damaged makes one that can be searched, or none.
void copy(Chance& chance, const Gallery& gallery) {
  Gallery other(gallery.columns(), gallery.storage(), gallery.has_codes());
  if (chance.once_in(2)) other.reserve(chance.in(0, 2 * gallery.rows()));
  const fuzz::Strided<std::uint8_t> rows = stored_rows(chance, gallery);
  other.append_stored(rows.view(), static_cast<int>(chance.in(1, 3)));
  fuzz::require(stored_rows(chance, other).same(rows), "rows that were stored are the same again");
  if (gallery.rows() == 0) return;
  rows.view().row(chance.in(0, gallery.rows() - 1))[chance.in(0, gallery.stored_bytes() - 1)] ^=
      static_cast<std::uint8_t>(1 << chance.in(0, 7));
  fuzz::refused([&] { other.append_stored(rows.view()); });
}

struct Answer {
  bool refused;
  Rows values;
  fuzz::Strided<std::int64_t> indices;

  bool operator==(const Answer& other) const {
    return refused == other.refused && values.same(other.values) && indices.same(other.indices);
  }
};

void search(Chance& chance, const Gallery& gallery) {
  const Rows queries = fuzz::draw(chance, chance.in(0, 20), gallery.columns());
  const std::ptrdiff_t count = queries.view().rows;
  const std::ptrdiff_t k =
      chance.once_in(20) ? gallery.rows() + 1 : chance.in(1, std::max(gallery.rows(), std::ptrdiff_t{1}));
  Search options = {.metric = static_cast<Metric>(chance.in(0, 2)), .threads = static_cast<int>(chance.in(1, 3))};
  std::vector<Scan> scans = {Scan::full, Scan::automatic};
  if (gallery.has_bounds() && options.metric != Metric::cosine) scans.push_back(Scan::certified);
  std::vector<Answer> answers;
  for (const BackendStatus& status : backends()) {
    if (!status.unavailable.empty()) continue;
    use_backend(status.name);
    for (const Scan scan : scans) {
      options.scan = scan;
      Answer& answer = answers.emplace_back(Answer{false, Rows(count, k, k), fuzz::Strided<std::int64_t>(count, k, k)});
      answer.refused = fuzz::refused(
          [&] { nearest(queries.view(), gallery, answer.values.view(), answer.indices.view(), options); });
    }
  }
  const Answer& first = answers.front();
  for (const Answer& answer : answers) fuzz::require(answer == first, "all backends and scans give the same bits");
  if (first.refused || options.metric != Metric::squared_euclidean || gallery.storage() != Storage::float32) return;
  const Rows rows(gallery.rows(), gallery.columns(), gallery.columns());
  gallery.unpack(rows.view());
  const Rows all(count, gallery.rows(), fuzz::stride(chance, gallery.rows()));
  distances(queries.view(), rows.view(), all.view(), options.threads);
  for (std::ptrdiff_t query = 0; query < count; ++query) {
    for (std::ptrdiff_t at = 0; at < k; ++at) {
      const float value = all.view().row(query)[first.indices.view().row(query)[at]];
      fuzz::require(value == first.values.view().row(query)[at], "values are those of distances");
    }
  }
}

}  // namespace

void fuzz::round(Chance& chance) {
  const auto storage = static_cast<Storage>(chance.in(0, 2));
  Gallery gallery(chance.once_in(3) ? chance.in(1, 300) : chance.in(1, 40), storage, chance.once_in(2));
  List list;
  for (std::ptrdiff_t step = chance.in(1, 8); step > 0; --step) {
    append(chance, gallery, list);
    if (chance.once_in(2)) remove(chance, gallery, list);
    hold(gallery, list);
    copy(chance, gallery);
    search(chance, gallery);
  }
}
