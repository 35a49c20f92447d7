// After nearest-inl.hpp, and like it: products of codes, which are whole numbers and therefore the same in any order.
//
// The instruction set brings `Counts`, as many 32-bit sums as Lanes has numbers, and `Bytes`, four bytes for each.

template <std::ptrdiff_t R, std::ptrdiff_t P>
[[gnu::always_inline]] inline void multiply_codes(const std::int8_t* queries, const std::int32_t* query_sums,
                                                  const std::uint8_t* codes, std::ptrdiff_t groups, Tile<R, P>& tile) {
  constexpr std::ptrdiff_t columns = Tile<R, P>::columns;
  Counts sums[R][columns];
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) sums[r][c] = Counts::begin(-Bytes::offset * query_sums[r]);
  }
  const std::ptrdiff_t ahead = 2 * P * groups * 4 * panel_rows;  // what is read next from memory, if it is
  for (std::ptrdiff_t group = 0; group < groups; ++group, queries += 4 * R, codes += 4 * panel_rows) {
    Bytes rows[columns];
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      const std::uint8_t* from = codes + 4 * (c / panel_lanes * groups * panel_rows + c % panel_lanes * Lanes::count);
      __builtin_prefetch(from + ahead);
      rows[c] = Bytes::load(from);
    }
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      const Bytes query = Bytes::broadcast(queries + 4 * r);
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < columns; ++c) sums[r][c] = add_products(sums[r][c], rows[c], query);
    }
  }
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) tile.sums[r][c] = to_floats(sums[r][c]);
  }
}

// The same for one panel of nibbles.
template <std::ptrdiff_t R>
[[gnu::always_inline]] inline void multiply_nibbles(const std::int8_t* queries, const std::int32_t* query_sums,
                                                    const std::uint8_t* nibbles, std::ptrdiff_t groups,
                                                    Tile<R, 1>& tile) {
  Counts sums[R][panel_lanes];
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < panel_lanes; ++c) sums[r][c] = Counts::begin(-8 * query_sums[r]);
  }
  for (std::ptrdiff_t group = 0; group < groups; group += 2, queries += 8 * R, nibbles += 4 * panel_rows) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < panel_lanes; ++c) {
      const std::uint8_t* from = nibbles + 4 * c * Lanes::count;
      __builtin_prefetch(from + 4096);
      const Bytes low = Bytes::load_low(from), high = Bytes::load_high(from);
      FACEPRINT_UNROLL
      for (std::ptrdiff_t r = 0; r < R; ++r) {
        sums[r][c] = add_products(sums[r][c], low, Bytes::broadcast(queries + 4 * r));
        sums[r][c] = add_products(sums[r][c], high, Bytes::broadcast(queries + 4 * (R + r)));
      }
    }
  }
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < panel_lanes; ++c) tile.sums[r][c] = to_floats(sums[r][c]);
  }
}

// Lowers keys by what the errors of the codes can make them too high.
template <std::ptrdiff_t R, std::ptrdiff_t P>
[[gnu::always_inline]] inline void subtract_errors(const float* query_error, const float* row_error, Tile<R, P>& tile) {
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    const Lanes error = Lanes::broadcast(query_error[r]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) {
      tile.sums[r][c] = tile.sums[r][c] - error * Lanes::load(row_error + c * Lanes::count);
    }
  }
}

// With `Bound`, keys become bounds that no exact key is below.
template <bool Bound>
struct ScanCodes {
  template <std::ptrdiff_t R, std::ptrdiff_t P>
  static void run(const Batch& batch, const Block& block, Collector& collector, std::ptrdiff_t first,
                  std::ptrdiff_t row) {
    Tile<R, P> tile;
    multiply_codes<R, P>(batch.code_tiles + 4 * first * batch.groups, batch.code_sums + first,
                         block.codes + 4 * row * batch.groups, batch.groups, tile);
    turn_into_keys<R, P>(batch.code_bias + first, batch.code_scale + first, block.code_bias + row,
                         block.code_scale + row, tile);
    if constexpr (Bound) subtract_errors<R, P>(batch.code_error + first, block.code_error + row, tile);
    offer_tile<false, R, P>(batch, block, collector, first, row, tile);
  }
};

inline void scan_codes(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanCodes<false>>(batch, block, collector);
}
inline void bound_codes(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanCodes<true>>(batch, block, collector);
}

template <std::ptrdiff_t R>
inline void bound_nibbles_of(const Batch& batch, const Block& block, float* bounds, std::ptrdiff_t stride) {
  for (std::ptrdiff_t panel = 0; panel < block.panels; ++panel) {
    const std::ptrdiff_t row = panel * panel_rows;
    Tile<R, 1> tile;
    multiply_nibbles<R>(batch.code_tiles, batch.code_sums, block.codes + 2 * row * batch.groups, batch.groups, tile);
    turn_into_keys<R, 1>(batch.code_bias, batch.code_scale, block.code_bias + row, block.code_scale + row, tile);
    subtract_errors<R, 1>(batch.code_error, block.code_error + row, tile);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      float bound = least(tile.sums[r][0]);
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 1; c < panel_lanes; ++c) bound = std::min(bound, least(tile.sums[r][c]));
      bounds[r * stride + panel] = bound;
    }
  }
}

inline void bound_nibbles(const Batch& batch, const Block& block, float* bounds, std::ptrdiff_t stride) {
  if (batch.count == 1) return bound_nibbles_of<1>(batch, block, bounds, stride);
  bound_nibbles_of<2>(batch, block, bounds, stride);
}
