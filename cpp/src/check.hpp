#pragma once
// The rules that several operations share. Each throws std::invalid_argument saying what, the rule, and what came.

#include <string>

#include "faceprint/matrix.hpp"

namespace faceprint {

inline constexpr std::ptrdiff_t max_columns = 1 << 20;
inline constexpr float max_value = 1e15f;       // max_columns * max_value^2 leaves float32 room for sums of distances
inline constexpr float shortest_norm = 1e-30f;  // squared: below, a row has no direction, for its squares lose digits

std::string shape(std::ptrdiff_t rows, std::ptrdiff_t columns);  // "(3, 128)"

void check_columns(const char* name, std::ptrdiff_t columns, std::ptrdiff_t most = max_columns);
void check_width(const char* name, Matrix<const float> matrix, std::ptrdiff_t columns);
void check_length(const char* name, std::size_t length, std::ptrdiff_t expected);
void check_values(const char* name, Matrix<const float> matrix, float most = max_value);

// What the above and others throw for a value, or a row without a direction.
[[noreturn]] void refuse_value(const char* name, std::ptrdiff_t row, bool finite, float most = max_value);
[[noreturn]] void refuse_direction(const char* name, std::ptrdiff_t row);

template <class T>
void check_shape(const char* name, Matrix<T> matrix, std::ptrdiff_t rows, std::ptrdiff_t columns);

}  // namespace faceprint
