// After nearest-inl.hpp, and like it: keys, counted by their leading bits.

// Counts the keys of the tile before, some at a step: a count waits for memory where a multiply-add does not.
struct Counting {
  static constexpr std::ptrdiff_t at_a_step = 4;
  Tally& tally;
  std::uint32_t* patterns = tally.patterns;
  std::ptrdiff_t next = 0;

  [[gnu::always_inline]] void count(float key) {
    const auto pattern = std::bit_cast<std::uint32_t>(key);
    const std::uint32_t bin = pattern >> place_bits;
    ++tally.counts[bin];
    if (tally.chosen[bin]) [[unlikely]]
      *patterns++ = pattern;
  }
  [[gnu::always_inline]] void step() {
    if (next + at_a_step > tally.waiting) return;
    FACEPRINT_UNROLL
    for (std::ptrdiff_t i = 0; i < at_a_step; ++i) count(tally.keys[next + i]);
    next += at_a_step;
  }
  void finish() {
    for (; next < tally.waiting; ++next) count(tally.keys[next]);
    tally.patterns = patterns;
    tally.waiting = 0;
  }
};

struct CountFloats {
  template <std::ptrdiff_t R, std::ptrdiff_t P>
  static void run(const Batch& batch, const Block& block, Tally& tally, std::ptrdiff_t first, std::ptrdiff_t row) {
    constexpr std::ptrdiff_t rows = P * panel_rows;
    static_assert(R * rows <= most_tile_keys);
    const std::ptrdiff_t query = tally.first_query + first - row;  // were the rows of the tile counted from 0
    if (query >= rows - 1) return;
    Tile<R, P> tile;
    Counting before{tally};
    multiply<R, P>(batch.tiles + first * batch.depth, static_cast<const float*>(block.values) + row * batch.depth,
                   batch.depth, tile, before);
    before.finish();
    turn_into_keys<R, P>(batch.bias + first, batch.scale + first, block.bias + row, block.scale + row, tile);
    const Lanes zero = Lanes::broadcast(0);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) {
        max(tile.sums[r][c], zero).store(tally.keys + r * rows + c * Lanes::count);
      }
    }
    tally.waiting = R * rows;
    for (std::ptrdiff_t r = std::max<std::ptrdiff_t>(0, -query); r < R; ++r) {
      std::fill_n(tally.keys + r * rows, std::min(query + r + 1, rows), std::numeric_limits<float>::infinity());
    }
  }
};

inline void count_floats(const Batch& batch, const Block& block, Tally& tally) {
  for_tiles<CountFloats>(batch, block, tally);
  Counting{tally}.finish();
}
