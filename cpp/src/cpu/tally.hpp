#pragma once
// Where the kernel of `count_pairs` counts keys, by the leading bits of their pattern.

#include <cstddef>
#include <cstdint>

namespace faceprint {

struct Tally {
  std::uint32_t* counts;       // of all patterns shifted right by place_bits, the infinite one included
  const std::uint8_t* chosen;  // likewise, 1 where the patterns themselves are wanted
  std::uint32_t* patterns;     // those, with room for all keys
  std::int64_t first_query;    // where the batch stands in the block, were queries rows of it: only rows behind count
  float* keys;                 // room for those of a tile, which are counted while the next is multiplied
  std::ptrdiff_t waiting = 0;  // of these
};

// No tile has more keys: registers times their lanes.
inline constexpr std::ptrdiff_t most_tile_keys = std::ptrdiff_t{32} * 16;

}  // namespace faceprint
