// No include guard, no #include: compiled once per instruction set, inside its namespace and target region, over the
// vector type `Lanes` of the including file.
//
// The product of a tile: R packed queries with P neighbouring panels, all sums in registers. Lanes run over different
// rows of the gallery and each sum is one chain over the depth, so every instruction set computes the same bits.

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr std::ptrdiff_t panel_lanes = panel_rows / Lanes::count;  // vectors across one panel

// As many panels as registers allow, up to the number of chains that hide the latency of a multiply-add. For few
// queries, which wait for memory, one: a single stream of addresses is what the hardware reads ahead best.
template <std::ptrdiff_t R>
constexpr std::ptrdiff_t panels_at_once() {
  constexpr std::ptrdiff_t most = Lanes::accumulators / (R * panel_lanes), enough = R <= 8 ? 1 : 8 / panel_lanes;
  return most < 1 ? 1 : most < enough ? most : enough;
}

template <std::ptrdiff_t R, std::ptrdiff_t P>
struct Tile {
  static constexpr std::ptrdiff_t columns = P * panel_lanes;
  Lanes sums[R][columns];
};

struct Nothing {
  void step() const {}
};

// `queries` as pack_queries leaves them, [depth][R]; panels of floats or halves. What is done `beside`, a step for each
// of the depth, takes the time of a processor's parts that wait for the multiply-adds.
template <std::ptrdiff_t R, std::ptrdiff_t P, class Value, class Beside = Nothing>
[[gnu::always_inline]] inline void multiply(const float* queries, const Value* panels, std::ptrdiff_t depth,
                                            Tile<R, P>& tile, Beside&& beside = {}) {
  constexpr std::ptrdiff_t columns = Tile<R, P>::columns;
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) tile.sums[r][c] = Lanes::broadcast(0);
  }
  const std::ptrdiff_t ahead = P == 1 ? 1024 : P * depth * panel_rows;  // what is read next from memory, if it is
  const Value* panel = panels;
#pragma GCC unroll 8
  for (std::ptrdiff_t d = 0; d < depth; ++d, queries += R, panel += panel_rows) {
    Lanes components[columns];
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      const Value* from = panel + c / panel_lanes * depth * panel_rows + c % panel_lanes * Lanes::count;
      if (R > 1 || Lanes::count > 8) __builtin_prefetch(from + ahead);
      components[c] = Lanes::load(from);
    }
    beside.step();
    FACEPRINT_UNROLL
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      const Lanes query = Lanes::broadcast(queries[r]);
      FACEPRINT_UNROLL
      for (std::ptrdiff_t c = 0; c < columns; ++c) {
        tile.sums[r][c] = multiply_add(query, components[c], tile.sums[r][c]);
      }
    }
  }
}

// Turns products into squared distances, which rounding may leave a little below zero.
template <std::ptrdiff_t R, std::ptrdiff_t P>
[[gnu::always_inline]] inline void subtract_from_norms(const float* query_norms, const float* panel_norms,
                                                       Tile<R, P>& tile) {
  FACEPRINT_UNROLL
  for (std::ptrdiff_t r = 0; r < R; ++r) {
    const Lanes query_norm = Lanes::broadcast(query_norms[r]);
    FACEPRINT_UNROLL
    for (std::ptrdiff_t c = 0; c < Tile<R, P>::columns; ++c) {
      const Lanes product = tile.sums[r][c];
      tile.sums[r][c] = (query_norm + Lanes::load(panel_norms + c * Lanes::count)) - (product + product);
    }
  }
}

inline void panel_squares(const float* panels, std::ptrdiff_t count, std::ptrdiff_t depth, float* norms) {
  for (std::ptrdiff_t p = 0; p < count; ++p, panels += panel_rows * depth, norms += panel_rows) {
    for (std::ptrdiff_t lane = 0; lane < panel_rows; lane += Lanes::count) {
      Lanes sum = Lanes::broadcast(0);
      for (std::ptrdiff_t d = 0; d < depth; ++d) {
        const Lanes component = Lanes::load(panels + d * panel_rows + lane);
        sum = multiply_add(component, component, sum);
      }
      sum.store(norms + lane);
    }
  }
}

// Packs queries as tiles [depth][Lanes::tile_queries], the last one as narrow as its queries are few, and finds their
// norms, which need room up to the next multiple of Lanes::count.
inline void pack_queries(Matrix<const float> queries, float* packed, float* norms) {
  const std::ptrdiff_t depth = queries.columns;
  for (std::ptrdiff_t first = 0; first < queries.rows; first += Lanes::tile_queries) {
    const std::ptrdiff_t count = std::min(Lanes::tile_queries, queries.rows - first);
    float* tile = packed + first * depth;
    for (std::ptrdiff_t r = 0; r < count; ++r) {
      const float* row = queries.row(first + r);
      for (std::ptrdiff_t d = 0; d < depth; ++d) tile[d * count + r] = row[d];
    }
  }
  for (std::ptrdiff_t first = 0; first < queries.rows; first += Lanes::count) {
    const std::ptrdiff_t count = std::min(Lanes::count, queries.rows - first);
    float components[Lanes::count] = {};
    Lanes sum = Lanes::broadcast(0);
    for (std::ptrdiff_t d = 0; d < depth; ++d) {
      for (std::ptrdiff_t r = 0; r < count; ++r) components[r] = queries.row(first + r)[d];
      const Lanes component = Lanes::load(components);
      sum = multiply_add(component, component, sum);
    }
    sum.store(norms + first);
  }
}
