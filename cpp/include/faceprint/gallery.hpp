#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "faceprint/buffer.hpp"
#include "faceprint/export.h"
#include "faceprint/matrix.hpp"
#include "faceprint/resident.hpp"

namespace FACEPRINT_API faceprint {

// How a gallery keeps the numbers of its rows.
//   float32  as they are
//   float16  rounded to the nearest IEEE half, which must lie within 65504 of 0
//   int8     as codes, whole numbers within 127 of 0 times the row's scale: a byte a number, as in the paper's
//            section 5.6
enum class Storage { float32, float16, int8 };

// Embeddings packed for searching, 16 rows a panel, so that one vector register holds the same component of
// neighbouring rows. Reading from several threads at once is safe; appending and removing need exclusive access.
class Gallery {
 public:
  static constexpr std::ptrdiff_t panel_rows = 16;
  static constexpr std::ptrdiff_t max_coded_columns = 1 << 17;  // the sum of products of codes fits 32 bits

  // With `codes`, which means something for float32 storage only, each row's codes are kept beside it, once as bytes
  // and once as nibbles (whole numbers within 7 of 0), so that searches may exclude most rows by a fraction of the
  // bytes. Throws std::invalid_argument unless columns is in [1, 2^20], or [1, 2^17] for int8 storage.
  explicit Gallery(std::ptrdiff_t columns, Storage storage = Storage::float32, bool codes = true);

  std::ptrdiff_t rows() const { return rows_; }
  std::ptrdiff_t columns() const { return columns_; }
  Storage storage() const { return storage_; }
  bool has_codes() const { return bytes_.codes.unit > 0; }
  bool has_bounds() const { return nibbles_.codes.unit > 0; }  // codes beside the float32 rows that they bound

  // Adds rows at the end. A refused call leaves the gallery as it was. Memory is asked for before a row is read.
  // Throws std::invalid_argument if the columns differ, or if a value is not finite or lies outside [-1e15, 1e15], or
  // outside [-65504, 65504] for float16 storage.
  void append(Matrix<const float> embeddings, int threads = 0);

  // Makes room for so many rows in all, so that appending them moves nothing.
  void reserve(std::ptrdiff_t rows);

  // Removes the rows with these indices, which must ascend strictly; later rows move down and keep their order. The
  // freed memory is overwritten with zeros, and given back when three quarters of it stand empty.
  // Throws std::invalid_argument if indices do not ascend or lie outside [0, rows()).
  void remove(std::span<const std::int64_t> indices);

  // Copies one row into `out`, columns() floats; or all rows into a matrix of rows() x columns(). Rows come out as they
  // are stored.
  void copy_row(std::ptrdiff_t row, float* out) const;
  void unpack(Matrix<float> out) const;

  // A row as it is stored, for files and other galleries: what `append_stored` makes of it is the same to the bit. It
  // is stored_bytes() long: columns() floats or halves of this machine, or else columns() codes, each a signed byte,
  // and as floats their scale, the error of the codes, and the squared norm of the row that they were made of.
  std::ptrdiff_t stored_bytes() const;
  void copy_stored(std::ptrdiff_t row, std::uint8_t* out) const;

  // Adds rows that `copy_stored` has given, of a gallery of the same columns and storage. A refused call leaves the
  // gallery as it was. Throws std::invalid_argument if they have another length, or hold what no row can.
  void append_stored(Matrix<const std::uint8_t> rows, int threads = 0);

  // For backends. A panel holds 16 rows as [columns][16] floats or halves. Places after the last row
  // hold zeros, with an infinite norm: they are never near anything.
  const void* panel(std::ptrdiff_t index) const { return values_.panel(index * panel_rows); }
  const float* norms() const { return numbers(norms_); }  // squared, of the float32 rows where the storage is int8
  // Codes of what the rows differ from the centre, each with a scale, and an error of at least
  // |row - centre - scale * codes|. With int8 storage, the centre is 0.
  struct Codes {
    const std::uint8_t* codes;
    const float *scales, *errors;
  };
  const float* centre() const { return centre_.data(); }
  // Of each row, norm - 2 <centre, row - centre>, which is |row - centre|^2 + |centre|^2; and one that none exceeds.
  // Only beside float32 rows.
  const float* biases() const { return numbers(biases_); }
  float largest_bias() const { return largest_bias_; }
  // In panels of [groups][16][4] bytes, each 128 more than the code, with zeros after the last column.
  Codes bytes() const { return view(bytes_); }
  // In panels of [groups / 2][16][4] bytes: that of columns 8 g + i in the lower four bits and that of 8 g + 4 + i in
  // the upper, each 8 more than the code. Only beside float32 rows.
  Codes nibbles() const { return view(nibbles_); }
  std::ptrdiff_t groups() const { return (columns_ + 7) / 8 * 2; }
  std::ptrdiff_t panel_count() const { return (rows_ + panel_rows - 1) / panel_rows; }
  std::ptrdiff_t capacity() const { return capacity_; }
  float largest_norm() const { return largest_norm_; }       // a squared norm that no row exceeds
  std::ptrdiff_t short_rows() const { return short_rows_; }  // rows without a direction, for which there is no cosine
  const Residence& residence() const { return residence_; }  // empty again whenever rows have changed

 private:
  // One kind of number of all rows: `unit` bytes for each of `length` places of a row, as [panel][length][16].
  struct Plane {
    std::ptrdiff_t unit = 0, length = 0;
    Memory memory;

    std::ptrdiff_t panel_bytes() const { return unit * length * panel_rows; }
    std::byte* panel(std::ptrdiff_t row) const {
      return static_cast<std::byte*>(memory.data()) + row / panel_rows * panel_bytes();
    }
    void move(std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t rows) const;
    void clear(std::ptrdiff_t row) const;
  };

  struct CodePlanes {
    Plane codes, scales, errors;
  };

  static Codes view(const CodePlanes& planes) {
    return {static_cast<const std::uint8_t*>(planes.codes.memory.data()), numbers(planes.scales),
            numbers(planes.errors)};
  }
  static float* numbers(const Plane& plane) { return static_cast<float*>(plane.memory.data()); }
  std::array<Plane*, 9> planes() {
    return {&values_,       &norms_,         &biases_,         &bytes_.codes,   &bytes_.scales,
            &bytes_.errors, &nibbles_.codes, &nibbles_.scales, &nibbles_.errors};
  }
  struct Room {
    std::ptrdiff_t capacity = 0;
    std::array<Memory, 9> memories;
  };
  Room room_for(std::ptrdiff_t rows);
  Room room_to_grow(std::ptrdiff_t rows);
  void move_into(Room room);
  void fill_panel(Matrix<const float> rows, std::ptrdiff_t first, float* scratch, std::int8_t* codes);
  void fill_codes(const float* row, std::ptrdiff_t place, std::int8_t* codes);
  void put_codes(std::ptrdiff_t place, const std::int8_t* codes, float scale, float error);
  void append_codes(Matrix<const std::uint8_t> rows);
  void renew_centre(Matrix<const float> added);
  void clear(std::ptrdiff_t first, std::ptrdiff_t last);
  void take_stock(std::ptrdiff_t first);

  std::ptrdiff_t columns_;
  Storage storage_;
  std::ptrdiff_t rows_ = 0, capacity_ = 0, short_rows_ = 0;
  float largest_norm_ = 0, largest_bias_ = 0;
  Buffer<float> centre_;
  Plane values_, norms_, biases_;
  CodePlanes bytes_, nibbles_;
  Residence residence_;
};

}  // namespace faceprint
