// After tile-inl.hpp, and like it: products of floats or halves, turned into keys and compared with the limits.

// What the kernels below make of a tile's products; see scan.hpp.
template <std::ptrdiff_t R, std::ptrdiff_t P>
[[gnu::always_inline]] inline void turn_into_keys(const float* query_bias, const float* query_scale,
                                                  const float* row_bias, const float* row_scale, Tile<R, P>& tile) {
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    const Lanes bias = Lanes::broadcast(query_bias[r]), scale = Lanes::broadcast(query_scale[r]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) {
      const Lanes product = tile.sums[r][c] * (scale * Lanes::load(row_scale + c * Lanes::count));
      tile.sums[r][c] = (bias + Lanes::load(row_bias + c * Lanes::count)) - product;
    }
  }
}

// Offers the keys of a tile that are below its queries' limits; or, if rows collect too (`Both`), that are not above
// the limit of their query or of their row, for then rows do not come in order and ties have to be told by the index.
template <bool Both, std::ptrdiff_t R, std::ptrdiff_t P>
[[gnu::always_inline]] inline void offer_tile(const Batch& batch, const Block& block, Collector& collector,
                                              std::ptrdiff_t first, std::ptrdiff_t row, const Tile<R, P>& tile) {
  constexpr std::ptrdiff_t columns = Tile<R, P>::columns;
  Mask closer = none();
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    const Lanes limit = Lanes::broadcast(batch.limits[first + r]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      if constexpr (Both) {
        const Lanes either_limit = max(limit, Lanes::load(block.limits + row + c * Lanes::count));
        closer = either(closer, not_above(tile.sums[r][c], either_limit));
      } else {
        closer = either(closer, less(tile.sums[r][c], limit));
      }
    }
  }
  if (!any(closer)) [[likely]]
    return;
  float keys[R * columns * Lanes::count];
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) tile.sums[r][c].store(keys + (r * columns + c) * Lanes::count);
  }
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      const float* found = keys + (r * columns + c) * Lanes::count;
      const Lanes limit = Lanes::broadcast(batch.limits[first + r]);
      std::uint32_t which;
      if constexpr (Both) {
        which = bits(not_above(Lanes::load(found), max(limit, Lanes::load(block.limits + row + c * Lanes::count))));
      } else {
        which = bits(less(Lanes::load(found), limit));
      }
      if (which) collector.offer(first + r, row + c * Lanes::count, which, found);
    }
  }
}

// Calls Work::run<R, P> for tiles of R queries and P panels: as many as fit the registers, and then for what is left.
template <class Work, std::ptrdiff_t R, class Sink>
inline void for_panels(const Batch& batch, const Block& block, Sink& sink, std::ptrdiff_t first) {
  constexpr std::ptrdiff_t P = panels_at_once<R>();
  std::ptrdiff_t panel = 0;
  for (; panel + P <= block.panels; panel += P) {
    Work::template run<R, P>(batch, block, sink, first, panel * panel_rows);
  }
  for (; panel < block.panels; ++panel) {
    Work::template run<R, 1>(batch, block, sink, first, panel * panel_rows);
  }
}

template <class Work, std::ptrdiff_t R, class Sink>
inline void for_last_tile(const Batch& batch, const Block& block, Sink& sink, std::ptrdiff_t first) {
  if constexpr (R > 0) {
    if (batch.count - first == R) return for_panels<Work, R>(batch, block, sink, first);
    for_last_tile<Work, R - 1>(batch, block, sink, first);
  }
}

// `Sink` is whatever the work hands its keys to.
template <class Work, class Sink>
inline void for_tiles(const Batch& batch, const Block& block, Sink& sink) {
  constexpr std::ptrdiff_t R = Lanes::tile_queries;
  std::ptrdiff_t first = 0;
  for (; first + R <= batch.count; first += R) for_panels<Work, R>(batch, block, sink, first);
  for_last_tile<Work, R - 1>(batch, block, sink, first);
}

// `Value` is how the gallery stores its rows.
template <class Value, bool Both>
struct ScanValues {
  template <std::ptrdiff_t R, std::ptrdiff_t P>
  static void run(const Batch& batch, const Block& block, Collector& collector, std::ptrdiff_t first,
                  std::ptrdiff_t row) {
    // Next to a whole panel these are few, so no reading ahead by the hardware finds them.
    __builtin_prefetch(block.bias + row + 4 * P * panel_rows);
    __builtin_prefetch(block.scale + row + 4 * P * panel_rows);
    Tile<R, P> tile;
    multiply<R, P>(batch.tiles + first * batch.depth, static_cast<const Value*>(block.values) + row * batch.depth,
                   batch.depth, tile);
    turn_into_keys<R, P>(batch.bias + first, batch.scale + first, block.bias + row, block.scale + row, tile);
    offer_tile<Both, R, P>(batch, block, collector, first, row, tile);
  }
};

inline void scan_floats(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanValues<float, false>>(batch, block, collector);
}
inline void scan_halves(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanValues<Half, false>>(batch, block, collector);
}
inline void join_floats(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanValues<float, true>>(batch, block, collector);
}
inline void join_halves(const Batch& batch, const Block& block, Collector& collector) {
  for_tiles<ScanValues<Half, true>>(batch, block, collector);
}

inline void keys_of_floats(const Batch& batch, std::ptrdiff_t query, const Block& block, std::ptrdiff_t row,
                           float* keys) {
  const std::ptrdiff_t first = query / Lanes::tile_queries * Lanes::tile_queries;
  const std::ptrdiff_t width = std::min(Lanes::tile_queries, batch.count - first);
  const float* component = batch.tiles + first * batch.depth + (query - first);
  const float* panel = static_cast<const float*>(block.values) + row / panel_rows * panel_rows * batch.depth;
  panel += row % panel_rows;
  Lanes sum = Lanes::broadcast(0);
  for (std::ptrdiff_t d = 0; d < batch.depth; ++d, component += width, panel += panel_rows) {
    sum = multiply_add(Lanes::broadcast(*component), Lanes::load(panel), sum);
  }
  const Lanes product = sum * (Lanes::broadcast(batch.scale[query]) * Lanes::load(block.scale + row));
  (Lanes::broadcast(batch.bias[query]) + Lanes::load(block.bias + row) - product).store(keys);
}
