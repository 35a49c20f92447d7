// After tile-inl.hpp, and like it.

template <std::ptrdiff_t R, std::ptrdiff_t P>
inline void distances_in_panels(const DistanceSlice& slice, const float* packed, std::ptrdiff_t first,
                                std::ptrdiff_t block, std::ptrdiff_t panel) {
  const std::ptrdiff_t depth = slice.queries.columns, column = (block + panel) * panel_rows;
  Tile<R, P> tile;
  multiply<R, P>(packed, slice.panels + panel * panel_rows * depth, depth, tile);
  subtract_from_norms<R, P>(slice.query_norms + first, slice.panel_norms + panel * panel_rows, tile);

  const Lanes zero = Lanes::broadcast(0);
  const std::ptrdiff_t count = std::min(P * panel_rows, slice.out.columns - column);
  if (count == P * panel_rows) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      float* out = slice.out.row(first + r) + column;
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) max(tile.sums[r][c], zero).store(out + c * Lanes::count);
    }
    return;
  }
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    float row[P * panel_rows];
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) max(tile.sums[r][c], zero).store(row + c * Lanes::count);
    std::copy_n(row, count, slice.out.row(first + r) + column);
  }
}

// The tile of the R queries that begin at `first`, over the packed block of the gallery that begins at panel `block`.
template <std::ptrdiff_t R>
inline void distances_of_tile(const DistanceSlice& slice, std::ptrdiff_t first, std::ptrdiff_t block,
                              std::ptrdiff_t panels) {
  constexpr std::ptrdiff_t P = panels_at_once<R>();
  const float* packed = slice.packed_queries + first * slice.queries.columns;
  std::ptrdiff_t panel = 0;
  for (; panel + P <= panels; panel += P) distances_in_panels<R, P>(slice, packed, first, block, panel);
  for (; panel < panels; ++panel) distances_in_panels<R, 1>(slice, packed, first, block, panel);
}

template <std::ptrdiff_t R>
inline void distances_of_last_tile(const DistanceSlice& slice, std::ptrdiff_t first, std::ptrdiff_t block,
                                   std::ptrdiff_t panels) {
  if constexpr (R > 0) {
    if (slice.queries.rows - first == R) return distances_of_tile<R>(slice, first, block, panels);
    distances_of_last_tile<R - 1>(slice, first, block, panels);
  }
}

inline void distances(const DistanceSlice& slice) {
  constexpr std::ptrdiff_t R = Lanes::tile_queries;
  const std::ptrdiff_t all_panels = (slice.gallery.rows + panel_rows - 1) / panel_rows;
  pack_queries(slice.queries, slice.packed_queries, slice.query_norms);
  for (std::ptrdiff_t block = 0; block < all_panels; block += slice.block_panels) {
    const std::ptrdiff_t panels = std::min(slice.block_panels, all_panels - block);
    const std::ptrdiff_t rows = std::min(panels * panel_rows, slice.gallery.rows - block * panel_rows);
    pack_all(slice.gallery.slice(block * panel_rows, rows), slice.panels);
    panel_squares(slice.panels, panels, slice.queries.columns, slice.panel_norms);
    std::ptrdiff_t first = 0;
    for (; first + R <= slice.queries.rows; first += R) distances_of_tile<R>(slice, first, block, panels);
    distances_of_last_tile<R - 1>(slice, first, block, panels);
    slice.progress->add(static_cast<double>(rows * slice.queries.rows));
  }
}
