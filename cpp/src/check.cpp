#include "check.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

namespace faceprint {

namespace {

constexpr std::uint32_t infinite = 0x7f800000;

// Of non-negative floats, infinity and NaN included, the bits order as the values do; so one maximum finds every
// forbidden value, and compilers vectorise it.
std::uint32_t greatest_magnitude(const float* row, std::ptrdiff_t columns) {
  std::uint32_t greatest = 0;
  for (std::ptrdiff_t i = 0; i < columns; ++i) {
    greatest = std::max(greatest, std::bit_cast<std::uint32_t>(row[i]) & 0x7fffffffu);
  }
  return greatest;
}

}  // namespace

std::string shape(std::ptrdiff_t rows, std::ptrdiff_t columns) {
  std::string text = "(";
  text += std::to_string(rows);
  text += ", ";
  text += std::to_string(columns);
  text += ')';
  return text;
}

void check_columns(const char* name, std::ptrdiff_t columns, std::ptrdiff_t most) {
  if (columns >= 1 && columns <= most) return;
  throw std::invalid_argument(std::string(name) + " must have 1 to " + std::to_string(most) + " columns, not " +
                              std::to_string(columns));
}

void check_width(const char* name, Matrix<const float> matrix, std::ptrdiff_t columns) {
  if (matrix.columns == columns) return;
  throw std::invalid_argument(std::string(name) + " must have shape (n, " + std::to_string(columns) + "), not " +
                              shape(matrix.rows, matrix.columns));
}

void check_length(const char* name, std::size_t length, std::ptrdiff_t expected) {
  if (std::cmp_equal(length, expected)) return;
  throw std::invalid_argument(std::string(name) + " must have length " + std::to_string(expected) + ", not " +
                              std::to_string(length));
}

void refuse_value(const char* name, std::ptrdiff_t row, bool finite, float most) {
  const std::string range = most == max_value ? "[-1e15, 1e15]" : "[-65504, 65504]";
  throw std::invalid_argument(std::string(name) + " must " + (finite ? "lie in " + range : "be finite") + ": row " +
                              std::to_string(row) + (finite ? " does not" : " is not"));
}

void refuse_direction(const char* name, std::ptrdiff_t row) {
  throw std::invalid_argument(std::string(name) + " must be longer than 1e-15 for the cosine: row " +
                              std::to_string(row) + " is not");
}

void check_values(const char* name, Matrix<const float> matrix, float most) {
  for (std::ptrdiff_t i = 0; i < matrix.rows; ++i) {
    const std::uint32_t greatest = greatest_magnitude(matrix.row(i), matrix.columns);
    if (greatest > std::bit_cast<std::uint32_t>(most)) refuse_value(name, i, greatest < infinite, most);
  }
}

template <class T>
void check_shape(const char* name, Matrix<T> matrix, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  if (matrix.rows == rows && matrix.columns == columns) return;
  throw std::invalid_argument(std::string(name) + " must have shape " + shape(rows, columns) + ", not " +
                              shape(matrix.rows, matrix.columns));
}

template void check_shape(const char*, Matrix<const float>, std::ptrdiff_t, std::ptrdiff_t);
template void check_shape(const char*, Matrix<float>, std::ptrdiff_t, std::ptrdiff_t);
template void check_shape(const char*, Matrix<std::int64_t>, std::ptrdiff_t, std::ptrdiff_t);
template void check_shape(const char*, Matrix<std::uint16_t>, std::ptrdiff_t, std::ptrdiff_t);
template void check_shape(const char*, Matrix<const std::uint8_t>, std::ptrdiff_t, std::ptrdiff_t);

}  // namespace faceprint
