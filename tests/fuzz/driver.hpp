#pragma once
// Random calls, each made again by its number: `program --round N` runs that one alone.

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "faceprint/matrix.hpp"

namespace fuzz {

// What one round draws from.
class Chance {
 public:
  explicit Chance(std::uint64_t round) : engine_(round) {}

  // A whole number from `low` to `high`.
  std::ptrdiff_t in(std::ptrdiff_t low, std::ptrdiff_t high) {
    return low + static_cast<std::ptrdiff_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool once_in(std::ptrdiff_t times) { return in(1, times) == 1; }
  double fraction() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * fraction(); }
  std::uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// Memory of exactly the bytes that rows of a stride, which may be negative, take: the sanitizer sees one byte more.
template <class T>
class Strided {
 public:
  Strided(std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t stride)
      : columns_(columns),
        size_(rows == 0 ? 0 : (rows - 1) * (stride < 0 ? -stride : stride) + columns),
        stride_(stride),
        rows_(rows),
        data_(std::make_unique<T[]>(static_cast<std::size_t>(size_))) {}

  T* begin() { return data_.get(); }
  T* end() { return data_.get() + size_; }
  std::ptrdiff_t stride() const { return stride_; }
  T* first() const { return stride_ < 0 && rows_ > 0 ? data_.get() - (rows_ - 1) * stride_ : data_.get(); }
  faceprint::Matrix<T> view() const { return {first(), rows_, columns_, stride_}; }
  bool same(const Strided& other) const {  // bits of every row, not of what lies between rows
    for (std::ptrdiff_t row = 0; row < rows_; ++row) {
      if (std::memcmp(view().row(row), other.view().row(row), static_cast<std::size_t>(columns_) * sizeof(T)) != 0) {
        return false;
      }
    }
    return true;
  }

 private:
  std::ptrdiff_t columns_, size_, stride_, rows_;
  std::unique_ptr<T[]> data_;
};

// A stride that leaves room for `columns`, forwards or backwards.
inline std::ptrdiff_t stride(Chance& chance, std::ptrdiff_t columns) {
  const std::ptrdiff_t length = columns + (chance.once_in(2) ? 0 : chance.in(1, 9));
  return chance.once_in(4) ? -length : length;
}

inline void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(std::string("must hold: ") + what);
}

// Calls `call`, which may refuse its arguments, and says whether it did.
template <class Call>
bool refused(const Call& call) {
  try {
    call();
    return false;
  } catch (const std::invalid_argument&) {
    return true;
  }
}

// One round, which each program defines; `main` runs them as its command line says: --rounds N, --seconds S, --seed N
// (the first round's number), --round N.
void round(Chance& chance);

}  // namespace fuzz
