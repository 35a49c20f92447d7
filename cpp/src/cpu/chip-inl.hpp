// No include guard, no #include: compiled once per instruction set, inside its namespace and target region, over its
// `Shares` (of four neighbouring pixels, a strip, in a box), `Sums` (8 whole numbers: red, green, blue and 0 of the
// first two pixels of strips, weighed and added up, then of the other two), `Strip` (the same in float32) and its
// `halve_some` (the first of the blocks of two rows that `halve` is asked for, as many as it likes; it returns how
// many).

// Where the boxes of some neighbouring pixels of a chip lie.
struct Places {
  alignas(64) std::int32_t rows[places_at_once], columns[places_at_once];  // of the first pixel, in the window
  alignas(64) std::int32_t begins[places_at_once];                         // in the first pixel, along its row
  alignas(64) float shares[max_taps][places_at_once];                      // of the rows of pixels in the mean
};

template <int Rows>
inline void locate(const Grid& grid, const Window& window, std::ptrdiff_t v, std::ptrdiff_t u, std::int32_t count,
                   Places& places) {
  const Near x = Near::from(grid.x.begin + v * grid.x.down + u * grid.x.along, grid.x.along, window.columns);
  const Near y = Near::from(grid.y.begin + v * grid.y.down + u * grid.y.along, grid.y.along, window.rows);
  const std::int32_t side = grid.y.side;
  const float share = grid.share;
  for (std::int32_t i = 0; i < count; ++i) {
    places.columns[i] = x.tap(x.at(i));
    places.rows[i] = y.tap(y.at(i));
    places.begins[i] = Near::begin_in_tap(x.at(i));
    const std::int32_t begin = Near::begin_in_tap(y.at(i));
    for (std::int32_t tap = 0; tap < Rows; ++tap) {
      places.shares[tap][i] = static_cast<float>(tap_share(begin, side, tap)) * share;
    }
  }
}

// The shares of a row of pixels in a box, and the sums over them.
template <int Strips>
struct RowShares {
  Shares strips[Strips];

  RowShares(std::int32_t begin, std::int32_t side) {
    for (int strip = 0; strip < Strips; ++strip) strips[strip] = Shares::of(begin, side, strip);
  }
  Sums weigh_row(const std::uint8_t* pixels) const {
    Sums sums = weigh(pixels, strips[0]);
    if constexpr (Strips > 1) sums = sums + weigh(pixels + 3 * taps_per_strip, strips[1]);
    return sums;
  }
};

// The mean over a box of up to `Rows` rows, of which all but the first and the last two are in it whole. Two sums, so
// that one need not wait for the other.
template <int Rows, int Strips>
inline Strip mean(const std::uint8_t* from, std::ptrdiff_t stride, const RowShares<Strips>& shares,
                  const Places& places, std::int32_t i) {
  constexpr std::ptrdiff_t end = Rows;
  const Strip first = shares.weigh_row(from) * places.shares[0][i];
  const Strip last = shares.weigh_row(from + (end - 1) * stride) * places.shares[end - 1][i];
  if constexpr (Rows == 2) {
    return first + last;
  } else {
    const Strip outer = first + shares.weigh_row(from + (end - 2) * stride) * places.shares[end - 2][i];
    if constexpr (Rows == 3) {
      return outer + last;
    } else {
      Sums inner = shares.weigh_row(from + stride);
      FACEPRINT_UNROLL
      for (std::ptrdiff_t row = 2; row < end - 2; ++row) inner = inner + shares.weigh_row(from + row * stride);
      return outer + (last + inner * places.shares[1][i]);
    }
  }
}

template <int Rows, int Strips>
inline void sample(const Window& window, const Places& places, std::int32_t side, std::int32_t count, float* pixels) {
  for (std::int32_t i = 0; i < count; ++i) {
    const std::uint8_t* from = window.data + places.rows[i] * window.stride + 3 * std::ptrdiff_t{places.columns[i]};
    const RowShares<Strips> shares(places.begins[i], side);
    mean<Rows, Strips>(from, window.stride, shares, places, i).store_sum(pixels + 4 * std::ptrdiff_t{i});
  }
}

template <int Rows, int Strips>
inline void sample_row_of(const Grid& grid, const Window& window, std::ptrdiff_t v, std::ptrdiff_t width,
                          float* pixels) {
  Places places;
  for (std::ptrdiff_t u = 0; u < width; u += places_at_once) {
    const auto count = static_cast<std::int32_t>(std::min<std::ptrdiff_t>(places_at_once, width - u));
    locate<Rows>(grid, window, v, u, count, places);
    sample<Rows, Strips>(window, places, grid.x.side, count, pixels + 4 * u);
  }
}

template <int Rows, int Strips>
inline void sample_row_with(const Grid& grid, const Window& window, std::ptrdiff_t v, std::ptrdiff_t width,
                            float* pixels) {
  if (grid.y.side > (Rows - 1) * full_share) {
    if constexpr (Rows < max_taps) sample_row_with<Rows + 1, Strips>(grid, window, v, width, pixels);
  } else {
    sample_row_of<Rows, Strips>(grid, window, v, width, pixels);
  }
}

// One row of the chip, 4 numbers a pixel: red, green, blue and 0.
inline void sample_row(const Grid& grid, const Window& window, std::ptrdiff_t v, std::ptrdiff_t width, float* pixels) {
  if (grid.x.side <= (taps_per_strip - 1) * full_share) {
    sample_row_with<2, 1>(grid, window, v, width, pixels);
  } else {
    sample_row_with<2, 2>(grid, window, v, width, pixels);
  }
}

struct Whitening {
  float mean = 0, scale = 1;
};

// Sums go over every second pixel, so that one addition need not wait for the other, and in float64, which holds the
// squares of float32 exactly. Behind the last pixel there is room for a black one.
inline Whitening whitening(const float* pixels, std::ptrdiff_t count) {
  double sums[8] = {}, squares[8] = {};
  for (std::ptrdiff_t i = 0; i < 4 * count; i += 8) {
    for (std::ptrdiff_t j = 0; j < 8; ++j) {
      const double value = pixels[i + j];
      sums[j] += value;
      squares[j] += value * value;
    }
  }
  const double values = 3 * static_cast<double>(count);
  double mean = 0, square = 0;
  for (std::ptrdiff_t j = 0; j < 8; ++j) {
    mean += sums[j] / values;
    square += squares[j] / values;
  }
  const double deviation = std::sqrt(std::max(square - mean * mean, 1 / values));
  return {static_cast<float>(mean), static_cast<float>(1 / deviation)};
}

inline void write_value(float value, float* to) { *to = value; }
inline void write_value(float value, std::uint16_t* to) { *to = to_half(value).bits; }

// One channel of a row of the chip and of its twin; values lie `step` apart.
template <class T>
inline void write_channel(const ChipSlice<T>& slice, const Whitening& white, std::size_t channel, const float* pixels,
                          T* out, std::ptrdiff_t step) {
  const ChipFormat& format = slice.format;
  const float mean = format.mean[channel], scale = format.scale[channel];
  const float* from = pixels + (format.channels == Channels::rgb ? channel : 2 - channel);
  for (std::ptrdiff_t u = 0; u < format.width; ++u) {
    write_value(((from[4 * u] - white.mean) * white.scale - mean) * scale, out + step * u);
  }
  if (!format.twin) return;
  T* twin = out + 3 * format.height * format.width + step * (format.width - 1);
  for (std::ptrdiff_t u = 0; u < format.width; ++u) twin[-step * u] = out[step * u];
}

template <class T>
inline void write_row(const ChipSlice<T>& slice, const Whitening& white, std::ptrdiff_t v, const float* pixels) {
  const std::ptrdiff_t height = slice.format.height, width = slice.format.width;
  for (std::ptrdiff_t channel = 0; channel < 3; ++channel) {
    if (slice.format.layout == Layout::nchw) {
      write_channel(slice, white, static_cast<std::size_t>(channel), pixels, slice.out + (channel * height + v) * width,
                    1);
    } else {
      write_channel(slice, white, static_cast<std::size_t>(channel), pixels, slice.out + 3 * v * width + channel, 3);
    }
  }
}

template <class T>
inline void chip(const ChipSlice<T>& slice) {
  const std::ptrdiff_t width = slice.format.width;
  if (!slice.format.whitening) {
    for (std::ptrdiff_t v = slice.first_row; v < slice.last_row; ++v) {
      sample_row(slice.grid, slice.window, v, width, slice.pixels);
      write_row(slice, {}, v, slice.pixels);
    }
    return;
  }
  for (std::ptrdiff_t v = 0; v < slice.last_row; ++v) {
    sample_row(slice.grid, slice.window, v, width, slice.pixels + 4 * v * width);
  }
  const Whitening white = whitening(slice.pixels, slice.last_row * width);
  for (std::ptrdiff_t v = 0; v < slice.last_row; ++v) write_row(slice, white, v, slice.pixels + 4 * v * width);
}

inline void halve(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t blocks, std::uint8_t* out) {
  for (std::ptrdiff_t i = halve_some(upper, lower, blocks, out); i < blocks; ++i) {
    for (std::ptrdiff_t c = 0; c < 3; ++c) {
      const std::ptrdiff_t left = 6 * i + c, right = left + 3;
      out[3 * i + c] = static_cast<std::uint8_t>((upper[left] + upper[right] + lower[left] + lower[right] + 2) / 4);
    }
  }
}

inline void chip_floats(const ChipSlice<float>& slice) { chip(slice); }
inline void chip_halves(const ChipSlice<std::uint16_t>& slice) { chip(slice); }

constexpr ChipKernels chip_kernels = {.floats = chip_floats, .halves = chip_halves, .halve = halve};
