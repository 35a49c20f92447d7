#pragma once
// Borrowed views of memory that somebody else owns.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// Rows of equal length. Within a row the elements are adjacent; `stride` elements, which may be negative, lead from
// one row to the next.
template <class T>
struct Matrix {
  T* data;
  std::ptrdiff_t rows, columns, stride;

  constexpr T* row(std::ptrdiff_t i) const { return data + i * stride; }
  constexpr Matrix slice(std::ptrdiff_t first, std::ptrdiff_t count) const {
    return {row(first), count, columns, stride};
  }

  operator Matrix<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, rows, columns, stride};
  }
};

// An RGB image of 8 bits a channel. Pixels are interleaved (3 bytes each) and adjacent within a row; `stride` bytes,
// which may be negative, lead from one row to the next.
struct Image {
  const std::uint8_t* data;
  std::ptrdiff_t height, width, stride;

  const std::uint8_t* row(std::ptrdiff_t y) const { return data + y * stride; }
};

}  // namespace faceprint
