#include "faceprint/gallery.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "codes.hpp"
#include "divide_up.hpp"
#include "half.hpp"
#include "panels.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr float nowhere = std::numeric_limits<float>::infinity();  // the norm of places without a row

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

using Numbers = std::array<float, 3>;  // a row's beside its codes: scale, error, norm

std::ptrdiff_t bytes_of(Storage storage) { return storage == Storage::float16 ? 2 : 4; }

}  // namespace

// So many rows, within one panel each, from one place to an earlier one.
void Gallery::Plane::move(std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t rows) const {
  const std::byte* source = panel(from) + from % panel_rows * unit;
  std::byte* target = panel(to) + to % panel_rows * unit;
  const std::ptrdiff_t step = unit * panel_rows;
  for (std::ptrdiff_t i = 0; i < length; ++i, source += step, target += step) {
    std::memmove(target, source, static_cast<std::size_t>(rows * unit));
  }
}

void Gallery::Plane::clear(std::ptrdiff_t row) const {
  std::byte* target = panel(row) + row % panel_rows * unit;
  for (std::ptrdiff_t i = 0; i < length; ++i, target += unit * panel_rows) {
    std::memset(target, 0, static_cast<std::size_t>(unit));
  }
}

Gallery::Gallery(std::ptrdiff_t columns, Storage storage, bool codes) : columns_(columns), storage_(storage) {
  const bool int8 = storage == Storage::int8;
  check_columns("a gallery", columns, int8 ? max_coded_columns : max_columns);
  if (!int8) values_ = {bytes_of(storage), columns, {}};
  norms_ = {sizeof(float), 1, {}};
  if (int8 || (codes && storage == Storage::float32 && columns <= max_coded_columns)) {
    centre_ = Buffer<float>(columns);
    if (!int8) biases_ = {sizeof(float), 1, {}};
    bytes_ = {{4, groups(), {}}, {sizeof(float), 1, {}}, {sizeof(float), 1, {}}};
    if (!int8) nibbles_ = {{4, groups() / 2, {}}, {sizeof(float), 1, {}}, {sizeof(float), 1, {}}};
  }
}

// Memory for so many rows in all.
Gallery::Room Gallery::room_for(std::ptrdiff_t rows) {
  const std::ptrdiff_t panels = divide_up(rows, panel_rows);
  Room room{.capacity = panels * panel_rows, .memories = {}};
  for (std::size_t i = 0; i < room.memories.size(); ++i) {
    const std::ptrdiff_t bytes = planes()[i]->panel_bytes();
    if (bytes == 0) continue;
    if (panels > std::numeric_limits<std::ptrdiff_t>::max() / bytes) throw std::bad_alloc();
    room.memories[i] = Memory(static_cast<std::size_t>(panels * bytes));
  }
  return room;
}

// Memory for so many rows in all and some more, or none where they fit into what is there.
Gallery::Room Gallery::room_to_grow(std::ptrdiff_t rows) {
  return rows > capacity_ ? room_for(std::max(rows, capacity_ + capacity_ / 2)) : Room();
}

void Gallery::move_into(Room room) {
  for (std::size_t i = 0; i < room.memories.size(); ++i) {
    Plane& plane = *planes()[i];
    if (rows_ > 0 && plane.unit > 0) {
      std::memcpy(room.memories[i].data(), plane.memory.data(),
                  static_cast<std::size_t>(panel_count() * plane.panel_bytes()));
    }
    plane.memory = std::move(room.memories[i]);
  }
  capacity_ = room.capacity;
  std::fill(numbers(norms_) + rows_, numbers(norms_) + capacity_, nowhere);
}

// Writes rows into one panel, beginning at place `first` of it; `scratch` has room for the panel as floats, `codes` for
// those of a row.
void Gallery::fill_panel(Matrix<const float> rows, std::ptrdiff_t first, float* scratch, std::int8_t* codes) {
  const std::ptrdiff_t lane = first % panel_rows, size = panel_rows * columns_;
  std::fill_n(scratch, size, 0.0f);
  pack(rows, scratch, lane);
  if (storage_ == Storage::float32) {
    auto* panel = reinterpret_cast<float*>(values_.panel(first));
    for (std::ptrdiff_t i = 0; i < size; i += panel_rows) {
      std::copy_n(scratch + i + lane, rows.rows, panel + i + lane);
    }
  } else if (storage_ == Storage::float16) {
    auto* panel = reinterpret_cast<Half*>(values_.panel(first));
    for (std::ptrdiff_t i = 0; i < size; i += panel_rows) {
      for (std::ptrdiff_t row = lane; row < lane + rows.rows; ++row) {
        panel[i + row] = to_half(scratch[i + row]);
        scratch[i + row] = to_float(panel[i + row]);  // the norm is that of the row as it is stored
      }
    }
  }
  float norms[panel_rows];
  active().norms(scratch, 1, columns_, norms);
  std::copy_n(norms + lane, rows.rows, numbers(norms_) + first);
  if (!has_codes()) return;
  for (std::ptrdiff_t i = 0; i < rows.rows; ++i) fill_codes(rows.row(i), first + i, codes);
}

void Gallery::fill_codes(const float* row, std::ptrdiff_t place, std::int8_t* codes) {
  const Coded coded = encode(row, centre(), columns_, largest_row_code, codes);
  put_codes(place, codes, coded.scale, coded.error);
  if (!has_bounds()) return;
  const double shift = product_with_difference(centre(), row, centre(), columns_);
  numbers(biases_)[place] = static_cast<float>(norms()[place] - 2 * shift);
  const Coded coarse = encode(row, centre(), columns_, largest_nibble_code, codes);
  numbers(nibbles_.scales)[place] = coarse.scale;
  numbers(nibbles_.errors)[place] = coarse.error;
  auto* nibbles = reinterpret_cast<std::uint8_t*>(nibbles_.codes.panel(place)) + 4 * (place % panel_rows);
  for (std::ptrdiff_t c = 0; c < 4 * groups(); c += c % 4 == 3 ? 5 : 1) {
    const int low = codes[c] + 8, high = codes[c + 4] + 8;
    nibbles[c / 8 * 4 * panel_rows + c % 4] = static_cast<std::uint8_t>(low + 16 * high);
  }
}

// `codes` are as many as the groups have room for.
void Gallery::put_codes(std::ptrdiff_t place, const std::int8_t* codes, float scale, float error) {
  numbers(bytes_.scales)[place] = scale;
  numbers(bytes_.errors)[place] = error;
  auto* bytes = reinterpret_cast<std::uint8_t*>(bytes_.codes.panel(place)) + 4 * (place % panel_rows);
  for (std::ptrdiff_t c = 0; c < 4 * groups(); ++c) {
    bytes[c / 4 * 4 * panel_rows + c % 4] = static_cast<std::uint8_t>(codes[c] + 128);
  }
}

// Codes are the finer the nearer rows are to the centre, so it is the mean of the rows, of some of them if they are
// many. It changes only when memory is renewed; the rows that are there get new codes then.
void Gallery::renew_centre(Matrix<const float> added) {
  constexpr std::ptrdiff_t most = 4096;
  std::vector<double> sums(static_cast<std::size_t>(columns_));
  std::vector<float> row(sums.size());
  std::vector<std::int8_t> codes(static_cast<std::size_t>(4 * groups()));
  const std::ptrdiff_t all = rows_ + added.rows, step = divide_up(all, most);
  for (std::ptrdiff_t i = 0; i < all; i += step) {
    if (i < rows_) copy_row(i, row.data());
    const float* values = i < rows_ ? row.data() : added.row(i - rows_);
    for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += static_cast<double>(values[d]);
  }
  // Nothing below can fail.
  const auto count = static_cast<double>(divide_up(all, step));
  for (std::ptrdiff_t d = 0; d < columns_; ++d) {
    centre_.data()[d] = static_cast<float>(sums[static_cast<std::size_t>(d)] / count);
  }
  for (std::ptrdiff_t place = 0; place < rows_; ++place) {
    copy_row(place, row.data());
    fill_codes(row.data(), place, codes.data());
  }
  take_stock(0);
}

void Gallery::append(Matrix<const float> embeddings, int threads) {
  check_width("embeddings", embeddings, columns_);
  threads = resolve_threads(threads);
  const std::ptrdiff_t rows = rows_ + embeddings.rows;
  Room room = room_to_grow(rows);
  if (storage_ == Storage::float16) {
    check_values("embeddings", embeddings, largest_half);
  } else {
    check_values("embeddings", embeddings);
  }
  if (embeddings.rows == 0) return;
  if (room.capacity > 0) {
    move_into(std::move(room));
    if (has_bounds()) renew_centre(embeddings);
  } else if (rows_ == 0 && has_bounds()) {
    renew_centre(embeddings);
  }

  constexpr std::ptrdiff_t panels_per_chunk = 64;
  const std::ptrdiff_t first_panel = rows_ / panel_rows, panels = divide_up(rows, panel_rows) - first_panel;
  threads = worthwhile_threads(threads, 4.0 * static_cast<double>(embeddings.rows) * static_cast<double>(columns_));
  const auto fill_panels = [&](std::ptrdiff_t chunk) {
    const Buffer<float> scratch(panel_rows * columns_);
    std::vector<std::int8_t> codes(static_cast<std::size_t>(4 * groups()));
    const std::ptrdiff_t begin = first_panel + chunk * panels_per_chunk;
    for (std::ptrdiff_t panel = begin; panel < std::min(begin + panels_per_chunk, first_panel + panels); ++panel) {
      const std::ptrdiff_t first = std::max(panel * panel_rows, rows_);
      const std::ptrdiff_t count = std::min((panel + 1) * panel_rows, rows) - first;
      fill_panel(embeddings.slice(first - rows_, count), first, scratch.data(), codes.data());
    }
  };
  try {
    parallel_for(threads, divide_up(panels, panels_per_chunk), fill_panels);
  } catch (...) {
    clear(rows_, rows);
    throw;
  }
  take_stock(std::exchange(rows_, rows));
}

void Gallery::reserve(std::ptrdiff_t rows) {
  if (rows > capacity_) move_into(room_for(rows));
}

std::ptrdiff_t Gallery::stored_bytes() const {
  return storage_ == Storage::int8 ? columns_ + static_cast<std::ptrdiff_t>(sizeof(Numbers))
                                   : columns_ * bytes_of(storage_);
}

void Gallery::copy_stored(std::ptrdiff_t row, std::uint8_t* out) const {
  const std::ptrdiff_t lane = row % panel_rows;
  if (storage_ == Storage::int8) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(bytes_.codes.panel(row)) + 4 * lane;
    for (std::ptrdiff_t d = 0; d < columns_; ++d) {
      out[d] = static_cast<std::uint8_t>(bytes[d / 4 * 4 * panel_rows + d % 4] - 128);
    }
    const Numbers numbers_of_row = {numbers(bytes_.scales)[row], numbers(bytes_.errors)[row], norms()[row]};
    std::memcpy(out + columns_, numbers_of_row.data(), sizeof numbers_of_row);
    return;
  }
  const std::ptrdiff_t unit = bytes_of(storage_);
  const std::byte* from = values_.panel(row) + lane * unit;
  for (std::ptrdiff_t d = 0; d < columns_; ++d, from += panel_rows * unit, out += unit) {
    std::memcpy(out, from, static_cast<std::size_t>(unit));
  }
}

void Gallery::append_stored(Matrix<const std::uint8_t> rows, int threads) {
  check_shape("rows", rows, rows.rows, stored_bytes());
  if (storage_ == Storage::int8) return append_codes(rows);
  const Buffer<float> values(rows.rows * columns_);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    float* out = values.data() + row * columns_;
    if (storage_ == Storage::float32) {
      std::memcpy(out, rows.row(row), static_cast<std::size_t>(rows.columns));
      continue;
    }
    for (std::ptrdiff_t d = 0; d < columns_; ++d) {
      Half half;
      std::memcpy(&half, rows.row(row) + d * 2, sizeof half);
      out[d] = to_float(half);
    }
  }
  append({values.data(), rows.rows, columns_, columns_}, threads);
}

void Gallery::append_codes(Matrix<const std::uint8_t> rows) {
  const auto numbers_of = [&](std::ptrdiff_t row) {
    Numbers found;
    std::memcpy(found.data(), rows.row(row) + columns_, sizeof found);
    return found;
  };
  Room room = room_to_grow(rows_ + rows.rows);
  // What the numbers are at most for values within max_value, which keeps all sums finite.
  const float norm = static_cast<float>(columns_) * max_value * max_value;
  const Numbers most = {max_value / 100, norm, norm};
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    const Numbers found = numbers_of(row);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i] >= 0 && found[i] <= most[i]) continue;
      throw std::invalid_argument("scale, error and norm must be those of a row: row " + std::to_string(row) + " has " +
                                  std::to_string(found[i]));
    }
  }
  if (room.capacity > 0) move_into(std::move(room));
  std::vector<std::int8_t> codes(static_cast<std::size_t>(4 * groups()), 0);
  for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
    const Numbers found = numbers_of(row);
    std::memcpy(codes.data(), rows.row(row), static_cast<std::size_t>(columns_));
    put_codes(rows_ + row, codes.data(), found[0], found[1]);
    numbers(norms_)[rows_ + row] = found[2];
  }
  take_stock(std::exchange(rows_, rows_ + rows.rows));
}

void Gallery::clear(std::ptrdiff_t first, std::ptrdiff_t last) {
  for (std::ptrdiff_t row = first; row < last; ++row) {
    for (const Plane* plane : planes()) plane->clear(row);
    numbers(norms_)[row] = nowhere;
  }
}

void Gallery::remove(std::span<const std::int64_t> indices) {
  check_indices(indices, rows_);
  if (indices.empty()) return;
  std::ptrdiff_t kept = indices.front();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::ptrdiff_t end = i + 1 < indices.size() ? indices[i + 1] : rows_;
    for (std::ptrdiff_t row = indices[i] + 1; row < end;) {
      const std::ptrdiff_t most = panel_rows - std::max(row % panel_rows, kept % panel_rows);
      const std::ptrdiff_t count = std::min(most, end - row);
      for (const Plane* plane : planes()) plane->move(row, kept, count);
      row += count;
      kept += count;
    }
  }
  clear(kept, rows_);
  rows_ = kept;
  take_stock(0);
  if (rows_ <= capacity_ / 4) move_into(room_for(rows_));
}

// `first` is 0 or the first row that is new.
void Gallery::take_stock(std::ptrdiff_t first) {
  residence_.keep(nullptr);
  if (first == 0) {
    largest_norm_ = 0;
    largest_bias_ = -nowhere;
    short_rows_ = 0;
  }
  for (std::ptrdiff_t row = first; row < rows_; ++row) {
    largest_norm_ = std::max(largest_norm_, norms()[row]);
    short_rows_ += norms()[row] < shortest_norm ? 1 : 0;
    if (has_bounds()) largest_bias_ = std::max(largest_bias_, biases()[row]);
  }
}

void Gallery::copy_row(std::ptrdiff_t row, float* out) const {
  const std::ptrdiff_t lane = row % panel_rows;
  if (storage_ == Storage::int8) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(bytes_.codes.panel(row));
    for (std::ptrdiff_t d = 0; d < columns_; ++d) {
      const int code = bytes[4 * (d / 4 * panel_rows + lane) + d % 4] - 128;
      out[d] = numbers(bytes_.scales)[row] * static_cast<float>(code);
    }
  } else if (storage_ == Storage::float16) {
    const auto* from = reinterpret_cast<const Half*>(values_.panel(row)) + lane;
    for (std::ptrdiff_t d = 0; d < columns_; ++d) out[d] = to_float(from[d * panel_rows]);
  } else {
    const auto* from = reinterpret_cast<const float*>(values_.panel(row)) + lane;
    for (std::ptrdiff_t d = 0; d < columns_; ++d) out[d] = from[d * panel_rows];
  }
}

void Gallery::unpack(Matrix<float> out) const {
  check_shape("out", out, rows_, columns_);
  for (std::ptrdiff_t row = 0; row < rows_; ++row) copy_row(row, out.row(row));
}

}  // namespace faceprint
