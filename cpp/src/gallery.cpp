#include "faceprint/gallery.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "backend.hpp"
#include "check.hpp"
#include "panels.hpp"

namespace faceprint {

namespace {

constexpr std::align_val_t alignment{64};
constexpr float nowhere = std::numeric_limits<float>::infinity();  // the norm of places without a row

void wipe(void* memory, std::size_t bytes) {
  std::memset(memory, 0, bytes);
  asm volatile("" : : "r"(memory) : "memory");  // keeps the compiler from dropping a store nobody reads
}

void check_indices(std::span<const std::int64_t> indices, std::ptrdiff_t rows) {
  std::int64_t previous = -1;
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= rows) {
      throw std::invalid_argument("rows must lie in [0, " + std::to_string(rows) + "), not " + std::to_string(index));
    }
    if (index <= previous) {
      throw std::invalid_argument("rows must ascend without repeats: " + std::to_string(index) + " follows " +
                                  std::to_string(previous));
    }
    previous = index;
  }
}

}  // namespace

Buffer::Buffer(std::ptrdiff_t size) {
  const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
  void* memory = ::operator new[](bytes, alignment);
  std::memset(memory, 0, bytes);
  data_ = {static_cast<float*>(memory), Wipe{bytes}};
}

void Buffer::Wipe::operator()(float* data) const {
  wipe(data, bytes);
  ::operator delete[](data, alignment);
}

Gallery::Gallery(std::ptrdiff_t columns) : columns_(columns) { check_columns("a gallery", columns); }

float* Gallery::place(std::ptrdiff_t row) const {
  return panels_.data() + row / panel_rows * panel_rows * columns_ + row % panel_rows;
}

void Gallery::reallocate(std::ptrdiff_t capacity) {
  capacity = (capacity + panel_rows - 1) / panel_rows * panel_rows;
  Buffer panels(capacity * columns_);
  Buffer norms(capacity);
  std::fill_n(norms.data(), capacity, nowhere);
  std::copy_n(panels_.data(), panel_count() * panel_rows * columns_, panels.data());
  std::copy_n(norms_.data(), rows_, norms.data());
  panels_ = std::move(panels);
  norms_ = std::move(norms);
  capacity_ = capacity;
}

void Gallery::append(Matrix<const float> embeddings) {
  check_width("embeddings", embeddings, columns_);
  check_values("embeddings", embeddings);
  if (embeddings.rows == 0) return;
  const Backend& backend = active();
  const std::ptrdiff_t rows = rows_ + embeddings.rows;
  if (rows > capacity_) reallocate(std::max(rows, capacity_ + capacity_ / 2));

  // Nothing below can fail.
  const std::ptrdiff_t head = std::min((panel_rows - rows_ % panel_rows) % panel_rows, embeddings.rows);
  if (head > 0) pack(embeddings.slice(0, head), place(rows_) - rows_ % panel_rows, rows_ % panel_rows);
  if (embeddings.rows > head) pack_all(embeddings.slice(head, embeddings.rows - head), place(rows_ + head));
  const std::ptrdiff_t first = rows_ / panel_rows;
  rows_ = rows;
  backend.norms(panels_.data() + first * panel_rows * columns_, panel_count() - first, columns_,
                norms_.data() + first * panel_rows);
  std::fill(norms_.data() + rows_, norms_.data() + panel_count() * panel_rows, nowhere);
}

void Gallery::remove(std::span<const std::int64_t> indices) {
  check_indices(indices, rows_);
  if (indices.empty()) return;
  auto removed = indices.begin();
  std::ptrdiff_t kept = *removed;
  for (std::ptrdiff_t row = kept; row < rows_; ++row) {
    if (removed != indices.end() && *removed == row) {
      ++removed;
      continue;
    }
    const float* from = place(row);
    float* to = place(kept);
    for (std::ptrdiff_t d = 0; d < columns_; ++d) to[d * panel_rows] = from[d * panel_rows];
    norms_.data()[kept++] = norms_.data()[row];
  }
  for (std::ptrdiff_t row = kept; row < rows_; ++row) {
    float* place_left = place(row);
    for (std::ptrdiff_t d = 0; d < columns_; ++d) place_left[d * panel_rows] = 0;
    norms_.data()[row] = nowhere;
  }
  rows_ = kept;
  if (rows_ <= capacity_ / 4) reallocate(rows_);
}

void Gallery::copy_row(std::ptrdiff_t row, float* out) const {
  const float* from = place(row);
  for (std::ptrdiff_t d = 0; d < columns_; ++d) out[d] = from[d * panel_rows];
}

void Gallery::unpack(Matrix<float> out) const {
  check_shape("out", out, rows_, columns_);
  for (std::ptrdiff_t row = 0; row < rows_; ++row) copy_row(row, out.row(row));
}

}  // namespace faceprint
