// After nearest-inl.hpp, and like it: keys, counted by their leading bits.

inline void count_key(float key, std::uint32_t* counts) { ++counts[std::bit_cast<std::uint32_t>(key) >> place_bits]; }

// Counts the keys of the tile before, some at a step: a count waits for memory where a multiply-add does not.
struct Counting {
  static constexpr std::ptrdiff_t at_a_step = 4;
  const float *next, *end;
  std::uint32_t* counts;

  [[gnu::always_inline]] void step() {
    if (end - next < at_a_step) return;
    FACEPRINT_UNROLL
    for (std::ptrdiff_t i = 0; i < at_a_step; ++i) count_key(next[i], counts);
    next += at_a_step;
  }
  void finish() const {
    for (const float* key = next; key < end; ++key) count_key(*key, counts);
  }
};

inline Counting counting(const Tally& tally) { return {tally.keys, tally.keys + tally.waiting, tally.counts}; }

struct CountFloats {
  template <std::ptrdiff_t R, std::ptrdiff_t P>
  static void run(const Batch& batch, const Block& block, Tally& tally, std::ptrdiff_t first, std::ptrdiff_t row) {
    constexpr std::ptrdiff_t rows = P * panel_rows;
    static_assert(R * rows <= most_tile_keys);
    const std::int64_t query = tally.first_query + first - row;  // were the rows of the tile counted from 0
    if (query >= rows - 1) return;
    Tile<R, P> tile;
    Counting before = counting(tally);
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
    for (std::ptrdiff_t r = std::max<std::int64_t>(0, -query); r < R; ++r) {
      std::fill_n(tally.keys + r * rows, std::min(query + r + 1, rows), std::numeric_limits<float>::infinity());
    }
  }
};

inline void count_floats(const Batch& batch, const Block& block, Tally& tally) {
  for_tiles<CountFloats>(batch, block, tally);
  counting(tally).finish();
  tally.waiting = 0;
}
