#pragma once

#include <span>

#include "faceprint/buffer.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

// Embeddings packed for searching. Panel p holds rows 16 p ... 16 p + 15 as [depth][16] floats, so that one vector
// register holds the same component of neighbouring rows. Beside each row stands its squared norm.
// Reading from several threads at once is safe; appending and removing need exclusive access.
class Gallery {
 public:
  static constexpr std::ptrdiff_t panel_rows = 16;

  // Throws std::invalid_argument unless columns is in [1, 2^20].
  explicit Gallery(std::ptrdiff_t columns);

  std::ptrdiff_t rows() const { return rows_; }
  std::ptrdiff_t columns() const { return columns_; }

  // Adds rows at the end. A refused call leaves the gallery as it was.
  // Throws std::invalid_argument if the columns differ, or if a value is not finite or lies outside [-1e15, 1e15].
  void append(Matrix<const float> embeddings);

  // Removes the rows with these indices, which must ascend strictly; later rows move down and keep their order. The
  // freed memory is overwritten with zeros, and given back when three quarters of it stand empty.
  // Throws std::invalid_argument if indices do not ascend or lie outside [0, rows()).
  void remove(std::span<const std::int64_t> indices);

  // Copies one row into `out`, columns() floats; or all rows into a matrix of rows() x columns().
  void copy_row(std::ptrdiff_t row, float* out) const;
  void unpack(Matrix<float> out) const;

  // For backends. Places after the last row hold zeros, with an infinite norm: they are never near anything.
  const float* panels() const { return panels_.data(); }
  const float* norms() const { return norms_.data(); }
  std::ptrdiff_t panel_count() const { return (rows_ + panel_rows - 1) / panel_rows; }
  std::ptrdiff_t capacity() const { return capacity_; }

 private:
  void reallocate(std::ptrdiff_t capacity);
  float* place(std::ptrdiff_t row) const;

  std::ptrdiff_t columns_, rows_ = 0, capacity_ = 0;
  Buffer panels_, norms_;
};

}  // namespace faceprint
