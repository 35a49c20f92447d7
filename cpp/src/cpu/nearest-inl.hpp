// After tile-inl.hpp, and like it.

template <std::ptrdiff_t R, std::ptrdiff_t P>
inline void nearest_in_panels(const NearestSlice& slice, const float* packed, std::ptrdiff_t first,
                              std::ptrdiff_t panel) {
  const std::ptrdiff_t depth = slice.queries.columns;
  const float* norms = slice.norms + panel * panel_rows;
  Tile<R, P> tile;
  multiply<R, P>(packed, slice.panels + panel * panel_rows * depth, depth, tile);
  subtract_from_norms<R, P>(slice.query_norms + first, norms, tile);

  Mask closer = none();
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    const Lanes worst = Lanes::broadcast(slice.distances.row(first + r)[0]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) closer = either(closer, less(tile.sums[r][c], worst));
  }
  if (any(closer)) [[unlikely]] {
    float found[R * P * panel_rows];
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) {
        tile.sums[r][c].store(found + r * P * panel_rows + c * Lanes::count);
      }
    }
    keep_nearest(slice, found, first, R, panel * panel_rows, P * panel_rows);
  }
}

// The tile of the R queries that begin at `first`, over all panels from one to another.
template <std::ptrdiff_t R>
inline void nearest_of_tile(const NearestSlice& slice, std::ptrdiff_t first, std::ptrdiff_t panel,
                            std::ptrdiff_t last) {
  constexpr std::ptrdiff_t P = panels_at_once<R>();
  const float* packed = slice.packed_queries + first * slice.queries.columns;
  for (; panel + P <= last; panel += P) nearest_in_panels<R, P>(slice, packed, first, panel);
  for (; panel < last; ++panel) nearest_in_panels<R, 1>(slice, packed, first, panel);
}

template <std::ptrdiff_t R>
inline void nearest_of_last_tile(const NearestSlice& slice, std::ptrdiff_t first, std::ptrdiff_t panel,
                                 std::ptrdiff_t last) {
  if constexpr (R > 0) {
    if (slice.queries.rows - first == R) return nearest_of_tile<R>(slice, first, panel, last);
    nearest_of_last_tile<R - 1>(slice, first, panel, last);
  }
}

inline void nearest(const NearestSlice& slice) {
  constexpr std::ptrdiff_t R = Lanes::tile_queries;
  pack_queries(slice.queries, slice.packed_queries, slice.query_norms);
  for (std::ptrdiff_t panel = slice.first_panel; panel < slice.last_panel; panel += slice.block_panels) {
    const std::ptrdiff_t last = std::min(panel + slice.block_panels, slice.last_panel);
    std::ptrdiff_t first = 0;
    for (; first + R <= slice.queries.rows; first += R) nearest_of_tile<R>(slice, first, panel, last);
    nearest_of_last_tile<R - 1>(slice, first, panel, last);
  }
}
