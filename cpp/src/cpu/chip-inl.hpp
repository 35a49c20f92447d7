// No include guard, no #include: compiled once per instruction set, inside its namespace and target region, over the
// vector type `Lanes` of the including file. Lanes run over neighbouring pixels of the chip.

// The four pixels around each lane's sample point, by corner (00, 01, 10, 11: row, then column) and channel, and how
// far the point lies past the first of them.
struct Taps {
  alignas(64) float corners[4][3][Lanes::count];
  alignas(64) float right[Lanes::count], down[Lanes::count];
};

inline void load_pixel(const Image& image, std::int64_t x, std::int64_t y, std::ptrdiff_t lane,
                       float (&channels)[3][Lanes::count]) {
  const bool inside = x >= 0 && x < image.width && y >= 0 && y < image.height;
  for (std::ptrdiff_t c = 0; c < 3; ++c) channels[c][lane] = inside ? image.row(y)[3 * x + c] : 0;
}

inline void load_taps(const Image& image, std::int64_t x, std::int64_t y, std::ptrdiff_t lane, Taps& taps) {
  const std::int64_t column = x >> fraction_bits, row = y >> fraction_bits;
  taps.right[lane] = fraction(x);
  taps.down[lane] = fraction(y);
  if (column >= 0 && column < image.width - 1 && row >= 0 && row < image.height - 1) {
    const std::uint8_t* upper = image.row(row) + 3 * column;
    const std::uint8_t* lower = upper + image.stride;
    for (std::ptrdiff_t c = 0; c < 3; ++c) {
      taps.corners[0][c][lane] = upper[c];
      taps.corners[1][c][lane] = upper[c + 3];
      taps.corners[2][c][lane] = lower[c];
      taps.corners[3][c][lane] = lower[c + 3];
    }
    return;
  }
  load_pixel(image, column, row, lane, taps.corners[0]);
  load_pixel(image, column + 1, row, lane, taps.corners[1]);
  load_pixel(image, column, row + 1, lane, taps.corners[2]);
  load_pixel(image, column + 1, row + 1, lane, taps.corners[3]);
}

// Not fused: between 0 and 1 this never leaves the range of its ends by more than rounding, and is cheap everywhere.
inline Lanes between(Lanes a, Lanes b, Lanes part) { return a + (b - a) * part; }

struct Pixels {
  Lanes channels[3];
};

inline Pixels interpolate(const Taps& taps) {
  const Lanes right = Lanes::load(taps.right), down = Lanes::load(taps.down);
  Pixels pixels;
  for (std::ptrdiff_t c = 0; c < 3; ++c) {
    const Lanes upper = between(Lanes::load(taps.corners[0][c]), Lanes::load(taps.corners[1][c]), right);
    const Lanes lower = between(Lanes::load(taps.corners[2][c]), Lanes::load(taps.corners[3][c]), right);
    pixels.channels[c] = between(upper, lower, down);
  }
  return pixels;
}

// The averages of the samples of the pixels that begin at column u of row v. Samples are summed row by row, so that
// rounding grows with the height and width of their grid, not with their number.
inline Pixels average(const Image& image, const Grid& grid, std::ptrdiff_t u, std::ptrdiff_t v) {
  const Lanes zero = Lanes::broadcast(0), share = Lanes::broadcast(grid.share);
  Pixels total = {{zero, zero, zero}};
  for (int j = 0; j < grid.down.count; ++j) {
    Pixels along = {{zero, zero, zero}};
    for (int i = 0; i < grid.along.count; ++i) {
      const std::int64_t x = grid.x0 + grid.along.x[i] + grid.down.x[j] + v * grid.down.step_x;
      const std::int64_t y = grid.y0 + grid.along.y[i] + grid.down.y[j] + v * grid.down.step_y;
      Taps taps;
      for (std::ptrdiff_t lane = 0; lane < Lanes::count; ++lane) {
        const std::ptrdiff_t column = std::min(u + lane, grid.width - 1);
        load_taps(image, x + column * grid.along.step_x, y + column * grid.along.step_y, lane, taps);
      }
      const Pixels sample = interpolate(taps);
      for (std::ptrdiff_t c = 0; c < 3; ++c) along.channels[c] = along.channels[c] + sample.channels[c];
    }
    for (std::ptrdiff_t c = 0; c < 3; ++c) total.channels[c] = total.channels[c] + along.channels[c];
  }
  for (Lanes& channel : total.channels) channel = channel * share;
  return total;
}

inline void chip(const ChipSlice& slice) {
  const ChipFormat& format = slice.format;
  for (std::ptrdiff_t v = slice.first_row; v < slice.last_row; ++v) {
    for (std::ptrdiff_t u = 0; u < format.width; u += Lanes::count) {
      const Pixels pixels = average(slice.image, slice.grid, u, v);
      for (std::size_t c = 0; c < 3; ++c) {
        const Lanes value = pixels.channels[format.channels == Channels::rgb ? c : 2 - c];
        float values[Lanes::count];
        ((value - Lanes::broadcast(format.mean[c])) * Lanes::broadcast(format.scale[c])).store(values);
        write_pixels(slice, static_cast<std::ptrdiff_t>(c), v, u, std::min(Lanes::count, format.width - u), values);
      }
    }
  }
}
