#pragma once
// A key and the number of its row as one number, which orders them as they are to be ordered: by key, and then by row.

#include <bit>
#include <cstdint>

namespace faceprint {

using Entry = std::uint64_t;

inline constexpr std::int64_t most_entry_rows = std::int64_t{1} << 32;  // whose numbers an entry can hold
inline constexpr Entry no_entry = ~Entry{0};                            // after all others

// Keys are no NaN. Adding 0 makes -0 equal to 0.
constexpr Entry entry_of(float key, std::uint32_t row) {
  constexpr std::uint32_t sign = 0x80000000;
  const auto bits = std::bit_cast<std::uint32_t>(key + 0.0f);
  const std::uint32_t order = bits & sign ? ~bits : bits | sign;
  return Entry{order} << 32 | row;
}

constexpr float key_of(Entry entry) {
  constexpr std::uint32_t sign = 0x80000000;
  const auto order = static_cast<std::uint32_t>(entry >> 32);
  return std::bit_cast<float>(order & sign ? order & ~sign : ~order);
}

constexpr std::uint32_t row_of(Entry entry) { return static_cast<std::uint32_t>(entry); }

}  // namespace faceprint
