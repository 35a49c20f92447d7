// After tile-inl.hpp, and like it. The instruction set brings `Counts`, whole numbers, as many as Lanes has.

constexpr std::ptrdiff_t most_compared = 64;  // thresholds; of more, a search of the sorted ones takes fewer steps

inline std::ptrdiff_t nearest_of_all(const float* values, std::ptrdiff_t count) {
  std::ptrdiff_t nearest = 0;
  for (std::ptrdiff_t i = 0; i < count; i += panel_rows) {
    const Lanes best = Lanes::broadcast(values[nearest]);
    Mask found = none();
    FACEPRINT_UNROLL
    for (std::ptrdiff_t v = 0; v < panel_lanes; ++v) {
      found = either(found, less(Lanes::load(values + i + v * Lanes::count), best));
    }
    if (!any(found)) continue;
    for (std::ptrdiff_t at = i; at < i + panel_rows; ++at) {
      if (values[at] < values[nearest]) nearest = at;
    }
  }
  return nearest;
}

inline void rank_by_comparing(const Lanes* values, const float* thresholds, std::ptrdiff_t size, std::int32_t* bins) {
  Counts ranks[panel_lanes];
  FACEPRINT_UNROLL
  for (Counts& rank : ranks) rank = Counts::begin(0);
  for (std::ptrdiff_t t = 0; t < size; ++t) {
    const Lanes threshold = Lanes::broadcast(thresholds[t]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t v = 0; v < panel_lanes; ++v) ranks[v] = count_up(ranks[v], not_above(threshold, values[v]));
  }
  FACEPRINT_UNROLL
  for (std::ptrdiff_t v = 0; v < panel_lanes; ++v) ranks[v].store(bins + v * Lanes::count);
}

inline void rank_by_searching(const float* values, const float* thresholds, std::int32_t half, std::int32_t* bins) {
  std::int32_t found[panel_rows] = {};
  for (std::int32_t step = half; step > 0; step /= 2) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t i = 0; i < panel_rows; ++i) {
      found[i] += thresholds[found[i] + step - 1] <= values[i] ? step : 0;
    }
  }
  std::copy_n(found, panel_rows, bins);
}

inline void rank(const float* values, std::ptrdiff_t count, float limit, const float* thresholds, std::ptrdiff_t size,
                 std::uint16_t* below, std::int32_t* bins) {
  std::ptrdiff_t half = 1;
  while (2 * half <= size) half *= 2;
  const Lanes limits = Lanes::broadcast(limit);
  for (std::ptrdiff_t i = 0; i < count; i += panel_rows) {
    Lanes block[panel_lanes];
    std::uint32_t found = 0;
    FACEPRINT_UNROLL
    for (std::ptrdiff_t v = 0; v < panel_lanes; ++v) {
      block[v] = Lanes::load(values + i + v * Lanes::count);
      found |= bits(less(block[v], limits)) << (v * Lanes::count);
    }
    below[i / panel_rows] = static_cast<std::uint16_t>(found);
    if (found == 0) continue;
    if (size <= most_compared) {
      rank_by_comparing(block, thresholds, size, bins + i);
    } else {
      rank_by_searching(values + i, thresholds, static_cast<std::int32_t>(half), bins + i);
    }
  }
}

// Weights as `multiply` reads queries: tiles of Lanes::tile_queries rows, the last one as narrow as its rows are few.
// Where rows are columns of the weights, all tiles are filled row by row: one tile alone would jump through memory.
inline void pack_weights(const ProductSlice& slice, std::ptrdiff_t chain) {
  const std::ptrdiff_t rows = slice.out.rows;
  for (std::ptrdiff_t i = 0; slice.transposed && i < chain; ++i) {
    const float* weights = slice.weights.row(i);
    for (std::ptrdiff_t first = 0; first < rows; first += Lanes::tile_queries) {
      const std::ptrdiff_t count = std::min(Lanes::tile_queries, rows - first);
      float* place = slice.packed + first * chain + i * count;
      for (std::ptrdiff_t r = 0; r < count; ++r) place[r] = weights[first + r];
    }
  }
  for (std::ptrdiff_t row = 0; !slice.transposed && row < rows; ++row) {
    const std::ptrdiff_t first = row / Lanes::tile_queries * Lanes::tile_queries;
    const std::ptrdiff_t count = std::min(Lanes::tile_queries, rows - first);
    const float* weights = slice.weights.row(row);
    float* place = slice.packed + first * chain + row - first;
    for (std::ptrdiff_t i = 0; i < chain; ++i) place[i * count] = weights[i];
  }
}

template <std::ptrdiff_t R>
inline void add_products_of_tile(const ProductSlice& slice, std::ptrdiff_t chain, std::ptrdiff_t first) {
  for (std::ptrdiff_t column = 0; column < slice.columns; column += panel_rows) {
    Tile<R, 1> tile;
    multiply<R, 1>(slice.packed + first * chain, slice.factors + column * slice.panel_length, chain, tile);
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      float sums[panel_rows];
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < panel_lanes; ++c) tile.sums[r][c].store(sums + c * Lanes::count);
      double* out = slice.out.row(first + r) + column;
      for (std::ptrdiff_t c = 0; c < panel_rows; ++c) out[c] += static_cast<double>(sums[c]);
    }
  }
}

template <std::ptrdiff_t R>
inline void add_products_of_last_tile(const ProductSlice& slice, std::ptrdiff_t chain, std::ptrdiff_t first) {
  if constexpr (R > 0) {
    if (slice.out.rows - first == R) return add_products_of_tile<R>(slice, chain, first);
    add_products_of_last_tile<R - 1>(slice, chain, first);
  }
}

inline void add_products(const ProductSlice& slice) {
  constexpr std::ptrdiff_t R = Lanes::tile_queries;
  const std::ptrdiff_t chain = slice.transposed ? slice.weights.rows : slice.weights.columns;
  pack_weights(slice, chain);
  std::ptrdiff_t first = 0;
  for (; first + R <= slice.out.rows; first += R) add_products_of_tile<R>(slice, chain, first);
  add_products_of_last_tile<R - 1>(slice, chain, first);
}

constexpr TripletKernels triplet_kernels = {
    .distances = distances, .nearest = nearest_of_all, .rank = rank, .add_products = add_products};
