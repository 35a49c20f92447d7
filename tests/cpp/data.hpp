#pragma once
// Data for tests, and the backends to try it on.

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "faceprint/backend.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

// Around the widths of vectors, and the dimensions of real embeddings.
inline constexpr std::ptrdiff_t depths[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 512};

// A matrix that owns its elements, with `gap` unused ones behind each row.
template <class T>
struct Rows {
  std::ptrdiff_t rows, columns, stride;
  std::vector<T> data;

  Rows(std::ptrdiff_t row_count, std::ptrdiff_t column_count, std::ptrdiff_t gap = 0, T fill = T())
      : rows(row_count),
        columns(column_count),
        stride(column_count + gap),
        data(static_cast<std::size_t>(row_count * (column_count + gap)), fill) {}

  Rows(std::ptrdiff_t row_count, std::ptrdiff_t column_count, std::ptrdiff_t row_stride, std::vector<T> elements)
      : rows(row_count), columns(column_count), stride(row_stride), data(std::move(elements)) {}

  T& at(std::ptrdiff_t row, std::ptrdiff_t column) { return data[static_cast<std::size_t>(row * stride + column)]; }
  T at(std::ptrdiff_t row, std::ptrdiff_t column) const {
    return data[static_cast<std::size_t>(row * stride + column)];
  }
  Rows head(std::ptrdiff_t count) const {
    Rows first = *this;
    first.rows = count;
    first.data.resize(static_cast<std::size_t>(count * stride));
    return first;
  }
  Matrix<T> view() { return {data.data(), rows, columns, stride}; }
  Matrix<const T> view() const { return {data.data(), rows, columns, stride}; }
};

// Whole numbers of a few units: every sum of products is exact in float32, and ties are many.
inline Rows<float> random_integers(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed, std::ptrdiff_t gap = 0) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> value(-3, 3);
  Rows<float> result(rows, columns, gap);
  for (float& x : result.data) x = static_cast<float>(value(random));
  return result;
}

inline Rows<float> random_units(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> value;
  Rows<float> result(rows, columns);
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    double norm = 0;
    for (std::ptrdiff_t d = 0; d < columns; ++d) {
      result.at(i, d) = value(random);
      norm += std::pow(result.at(i, d), 2);
    }
    for (std::ptrdiff_t d = 0; d < columns; ++d) result.at(i, d) /= static_cast<float>(std::sqrt(norm));
  }
  return result;
}

// Rows of one direction and, each ninth of them, of the opposite one, of many lengths: by the cosine all are as near or
// as far as can be, and rounding goes beyond.
inline Rows<float> opposite_rows(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed) {
  const Rows<float> direction = random_units(1, columns, seed), lengths = random_units(1, rows, seed + 1);
  Rows<float> result(rows, columns);
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const float length = std::abs(lengths.at(0, i)) + 0.1f;
    for (std::ptrdiff_t d = 0; d < columns; ++d) {
      result.at(i, d) = (i % 9 == 8 ? -length : length) * direction.at(0, d);
    }
  }
  return result;
}

// Numbers in [-0.5, 0.5) that are the same wherever this is compiled, unlike those of std::normal_distribution.
inline Rows<float> random_fractions(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed) {
  std::mt19937 random(seed);
  Rows<float> result(rows, columns);
  for (float& x : result.data) x = static_cast<float>(random() >> 8) * 0x1p-24f - 0.5f;
  return result;
}

// FNV-1a over the bits of the values, lowest byte first: one number to compare between machines.
inline std::uint64_t checksum(const std::vector<float>& values) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ (bits >> shift & 0xff)) * 0x100000001b3;
  }
  return hash;
}

// Calls test(name) with each backend that runs here in use, portable first.
template <class Call>
void on_each_backend(const Call& test) {
  const std::string before(active_backend());
  for (const BackendStatus& status : backends()) {
    if (!status.unavailable.empty()) continue;
    use_backend(status.name);
    test(status.name);
  }
  use_backend(before);
}

}  // namespace faceprint
