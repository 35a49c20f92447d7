#include "faceprint/join.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "divide_up.hpp"
#include "entry.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t merged_rows = 1024;  // at a time

// The lower the nearer, whatever the metric.
float key_of(Metric metric, float value) { return metric == Metric::squared_euclidean ? value : -value; }

void check_order(const std::string& name, const JoinSide& side, Metric metric) {
  for (std::ptrdiff_t row = 0; row < side.values.rows; ++row) {
    const float* values = side.values.row(row);
    for (std::ptrdiff_t place = 0; place < side.values.columns; ++place) {
      const bool ordered = place == 0 || key_of(metric, values[place - 1]) <= key_of(metric, values[place]);
      if (ordered && !std::isnan(values[place])) continue;
      throw std::invalid_argument(name + "_values must be numbers with the nearest first: row " + std::to_string(row) +
                                  " is not");
    }
  }
}

void check_side(const std::string& name, const JoinSide& side, std::ptrdiff_t k, const Search& search) {
  const std::ptrdiff_t rows = side.gallery.rows();
  if (rows < 1 || rows > most_entry_rows) {
    throw std::invalid_argument(name + " must have 1 to 2^32 rows, not " + std::to_string(rows));
  }
  if (side.gallery.storage() == Storage::int8) {
    throw std::invalid_argument(name + " must be a gallery of float32 or float16 rows, not int8");
  }
  check_metric(side.gallery, search);
  check_length((name + "_numbers").c_str(), side.numbers.size(), rows);
  if (std::ranges::adjacent_find(side.numbers, std::greater_equal()) != side.numbers.end()) {
    throw std::invalid_argument(name + "_numbers must rise");
  }
  check_shape((name + "_values").c_str(), side.values, rows, k);
  check_shape((name + "_indices").c_str(), side.indices, rows, k);
  check_order(name, side, search.metric);
}

// A side, what the other side's rows are called, and the nearest of these, by their places there.
struct Half {
  const JoinSide& side;
  std::span<const std::int64_t> others;
  Metric metric;
  std::vector<float> values, limits;
  std::vector<std::int64_t> indices;
  JoinRows found;

  Half(const JoinSide& known, std::span<const std::int64_t> names, Metric wanted)
      : side(known),
        others(names),
        metric(wanted),
        values(static_cast<std::size_t>(known.values.rows * places())),
        limits(static_cast<std::size_t>(known.values.rows)),
        indices(values.size()),
        found{.gallery = known.gallery,
              .limits = limits.data(),
              .values = {values.data(), known.values.rows, places(), places()},
              .indices = {indices.data(), known.values.rows, places(), places()}} {
    for (std::ptrdiff_t row = 0; row < side.values.rows; ++row) {
      limits[static_cast<std::size_t>(row)] = key_of(metric, side.values.row(row)[side.values.columns - 1]);
    }
  }

  std::ptrdiff_t places() const { return std::min(side.values.columns, std::ssize(others)); }

  // Puts what was found among what is known of one row. `known` and `numbers` have room for as much as is known.
  void merge(std::ptrdiff_t row, std::vector<float>& known, std::vector<std::int64_t>& numbers) const {
    float* merged = side.values.row(row);
    std::int64_t* merged_numbers = side.indices.row(row);
    const float* fresh = found.values.row(row);
    const std::int64_t* fresh_places = found.indices.row(row);
    std::copy_n(merged, known.size(), known.begin());
    std::copy_n(merged_numbers, numbers.size(), numbers.begin());
    std::ptrdiff_t next = 0;
    for (std::size_t place = 0, old = 0; place < known.size(); ++place) {
      bool fresh_first = false;
      std::int64_t number = 0;
      if (next < places() && fresh_places[next] != nobody) {
        const float key = key_of(metric, fresh[next]), old_key = key_of(metric, known[old]);
        number = others[static_cast<std::size_t>(fresh_places[next])];
        fresh_first = key < old_key || (key == old_key && number < numbers[old]);
      }
      merged[place] = fresh_first ? fresh[next++] : known[old];
      merged_numbers[place] = fresh_first ? number : numbers[old++];
    }
  }
};

void merge(const Half& half, int threads) {
  const auto k = static_cast<std::size_t>(half.side.values.columns);
  const std::ptrdiff_t rows = half.side.values.rows;
  parallel_for(threads, divide_up(rows, merged_rows), [&](std::ptrdiff_t piece) {
    std::vector<float> known(k);
    std::vector<std::int64_t> numbers(k);
    const std::ptrdiff_t end = std::min((piece + 1) * merged_rows, rows);
    for (std::ptrdiff_t row = piece * merged_rows; row < end; ++row) half.merge(row, known, numbers);
  });
}

}  // namespace

void join(const JoinSide& one, const JoinSide& other, const Search& wanted) {
  const std::ptrdiff_t k = one.values.columns;
  if (k < 1) throw std::invalid_argument("one_values must have at least 1 column, not " + std::to_string(k));
  check_side("one", one, k, wanted);
  check_side("other", other, k, wanted);
  if (one.gallery.columns() != other.gallery.columns()) {
    throw std::invalid_argument("other must have " + std::to_string(one.gallery.columns()) + " columns, not " +
                                std::to_string(other.gallery.columns()));
  }
  Search search = wanted;
  search.threads = resolve_threads(wanted.threads);
  const Half half(one, other.numbers, search.metric), other_half(other, one.numbers, search.metric);
  active().join(half.found, other_half.found, search);
  merge(half, search.threads);
  merge(other_half, search.threads);
}

}  // namespace faceprint
