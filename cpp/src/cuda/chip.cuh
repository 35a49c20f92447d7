#pragma once
// Chips on the card, a thread a pixel. Every operation is that of cpu/chip-inl.hpp, in the same order, so that the bits
// are the same; neighbouring threads read neighbouring pixels and write neighbouring values.

#include <cmath>
#include <cstdint>

#include "cpu/sample_grid.hpp"
#include "cuda/block.cuh"
#include "cuda/grid.cuh"
#include "half.hpp"

namespace faceprint::cuda {

// Some rows and columns of an image, 3 bytes a pixel without a gap, on the card.
struct Patch {
  std::uint8_t* data;
  std::int64_t first_row, first_column, rows, columns;

  __device__ std::uint8_t* pixel(std::int64_t row, std::int64_t column) const {
    return data + 3 * ((row - first_row) * columns + (column - first_column));
  }
  __device__ bool has(std::int64_t row, std::int64_t column) const {
    return row >= first_row && row < first_row + rows && column >= first_column && column < first_column + columns;
  }
};

// What one chip is cut from: all pixels of the image, halved or not, that its boxes touch; whatever else is black.
struct Cut {
  Patch patch;
  Grid grid;
  Range rows, columns;  // as of a Window
};

struct Whitening {
  float mean = 0, scale = 1;
};

// Red, green and blue.
struct Pixel {
  float values[3];
};

// Weighed sums over a row of pixels in a box: of the first two of each four, and of the other two.
struct WeighedRow {
  std::int32_t values[2][3] = {};

  __device__ void add(const WeighedRow& other) {
    for (int half = 0; half < 2; ++half) {
      for (int c = 0; c < 3; ++c) values[half][c] += other.values[half][c];
    }
  }
};

struct Strip {
  float values[2][3];
};

__device__ inline Strip operator*(const WeighedRow& sums, float share) {
  Strip strip;
  for (int half = 0; half < 2; ++half) {
    for (int c = 0; c < 3; ++c) strip.values[half][c] = static_cast<float>(sums.values[half][c]) * share;
  }
  return strip;
}

__device__ inline Strip operator+(const Strip& a, const Strip& b) {
  Strip sum;
  for (int half = 0; half < 2; ++half) {
    for (int c = 0; c < 3; ++c) sum.values[half][c] = a.values[half][c] + b.values[half][c];
  }
  return sum;
}

// One pixel's box: it begins so many shares behind the beginning of its first pixel.
struct Box {
  std::int64_t row, column;
  std::int32_t begin_down, begin_along;
};

__device__ inline Box box_of(const Cut& cut, std::int32_t v, std::int32_t u) {
  const std::int32_t i = u % places_at_once, first = u - i;
  const SampleAxis &x = cut.grid.x, &y = cut.grid.y;
  const Near across = Near::from(x.begin + v * x.down + first * x.along, x.along, cut.columns);
  const Near down = Near::from(y.begin + v * y.down + first * y.along, y.along, cut.rows);
  return {cut.rows.first + down.tap(down.at(i)), cut.columns.first + across.tap(across.at(i)),
          Near::begin_in_tap(down.at(i)), Near::begin_in_tap(across.at(i))};
}

// How many pixels along an axis a box may touch.
__device__ inline std::int32_t taps(std::int32_t side) { return (side + full_share - 1) / full_share + 1; }

__device__ inline WeighedRow weigh_row(const Cut& cut, const Box& box, std::int32_t tap) {
  WeighedRow sums;
  for (std::int32_t first = 0; first < taps(cut.grid.x.side); first += 4) {
#pragma unroll
    for (std::int32_t i = 0; i < 4; ++i) {
      const std::int32_t share = tap_share(box.begin_along, cut.grid.x.side, first + i);
      if (share == 0 || !cut.patch.has(box.row + tap, box.column + first + i)) continue;
      const std::uint8_t* pixel = cut.patch.pixel(box.row + tap, box.column + first + i);
      for (int c = 0; c < 3; ++c) sums.values[i / 2][c] += pixel[c] * share;
    }
  }
  return sums;
}

__device__ inline float share_of_row(const Cut& cut, const Box& box, std::int32_t tap) {
  return static_cast<float>(tap_share(box.begin_down, cut.grid.y.side, tap)) * cut.grid.share;
}

__device__ inline Pixel sample(const Cut& cut, std::int32_t v, std::int32_t u) {
  const Box box = box_of(cut, v, u);
  const std::int32_t rows = taps(cut.grid.y.side);
  const auto weighed = [&](std::int32_t tap) { return weigh_row(cut, box, tap) * share_of_row(cut, box, tap); };
  const Strip last = weighed(rows - 1);
  Strip mean = weighed(0);
  if (rows > 2) mean = mean + weighed(rows - 2);
  if (rows > 3) {
    WeighedRow inner;
    for (std::int32_t tap = 1; tap < rows - 2; ++tap) inner.add(weigh_row(cut, box, tap));
    mean = mean + (last + inner * share_of_row(cut, box, 1));
  } else {
    mean = mean + last;
  }
  Pixel pixel;
  for (int c = 0; c < 3; ++c) pixel.values[c] = mean.values[0][c] + mean.values[1][c];
  return pixel;
}

__device__ inline void write_value(float value, float* to) { *to = value; }
__device__ inline void write_value(float value, std::uint16_t* to) { *to = to_half(value).bits; }

// Writes a pixel into its chip, which begins at `out`, and into the chip's twin.
template <class T>
__device__ void write_pixel(const ChipFormat& format, const Whitening& white, const Pixel& pixel, std::int64_t v,
                            std::int64_t u, T* out) {
  const std::int64_t height = format.height, width = format.width;
  for (int c = 0; c < 3; ++c) {
    const float value = format.channels == Channels::rgb ? pixel.values[c] : pixel.values[2 - c];
    const float written = ((value - white.mean) * white.scale - format.mean[c]) * format.scale[c];
    const bool planes = format.layout == Layout::nchw;
    T* row = planes ? out + (c * height + v) * width : out + 3 * v * width + c;
    const std::int64_t step = planes ? 1 : 3;
    write_value(written, row + step * u);
    if (format.twin) write_value(written, row + 3 * height * width + step * (width - 1 - u));
  }
}

// Grid: pixels of a chip by chips.
template <class T>
__global__ void cut_chips(const Cut* cuts, ChipFormat format, T* out) {
  const std::int64_t pixel = global_thread();
  if (pixel >= format.height * format.width) return;
  const auto v = static_cast<std::int32_t>(pixel / format.width), u = static_cast<std::int32_t>(pixel % format.width);
  write_pixel(format, {}, sample(cuts[blockIdx.y], v, u), v, u, out + blockIdx.y * values_per_chip(format));
}

// The same in three steps, for chips that are whitened. First their pixels, [chips, height * width].
__global__ void sample_chips(const Cut* cuts, std::int32_t height, std::int32_t width, Pixel* pixels) {
  const std::int64_t pixel = global_thread(), count = std::int64_t{height} * width;
  if (pixel >= count) return;
  const auto v = static_cast<std::int32_t>(pixel / width), u = static_cast<std::int32_t>(pixel % width);
  const Pixel sampled = sample(cuts[blockIdx.y], v, u);
  pixels[blockIdx.y * count + pixel] = sampled;
}

// Then their means and deviations, a warp a chip. Each of six lanes sums a channel of every second pixel, in their
// order, which keeps the bits.
__global__ void whiten_chips(const Pixel* pixels, std::int64_t count, Whitening* whitenings) {
  const unsigned lane = threadIdx.x, channel = lane % 3;
  double sum = 0, square = 0;
  for (std::int64_t i = lane / 3; lane < 6 && i < count; i += 2) {
    const double value = pixels[blockIdx.x * count + i].values[channel];
    sum += value;
    square += value * value;
  }
  const double numbers = 3 * static_cast<double>(count);
  double mean = 0, mean_square = 0;
  for (int i = 0; i < 6; ++i) {
    mean += __shfl_sync(whole_warp, sum, i) / numbers;
    mean_square += __shfl_sync(whole_warp, square, i) / numbers;
  }
  if (lane > 0) return;
  const double deviation = std::sqrt(std::fmax(mean_square - mean * mean, 1 / numbers));
  whitenings[blockIdx.x] = {static_cast<float>(mean), static_cast<float>(1 / deviation)};
}

// Then the chips.
template <class T>
__global__ void write_chips(const Pixel* pixels, const Whitening* whitenings, ChipFormat format, T* out) {
  const std::int64_t pixel = global_thread();
  const std::int64_t count = format.height * format.width;
  if (pixel >= count) return;
  write_pixel(format, whitenings[blockIdx.y], pixels[blockIdx.y * count + pixel], pixel / format.width,
              pixel % format.width, out + blockIdx.y * values_per_chip(format));
}

// The means of blocks of two rows and two columns, rounded half up, a thread a pixel. Black fills up the last blocks.
__global__ void halve(Patch from, Patch to) {
  const std::int64_t pixel = global_thread();
  if (pixel >= to.rows * to.columns) return;
  const std::int64_t row = to.first_row + pixel / to.columns, column = to.first_column + pixel % to.columns;
  int sums[3] = {2, 2, 2};
  for (int i = 0; i < 4; ++i) {
    if (!from.has(2 * row + i / 2, 2 * column + i % 2)) continue;
    const std::uint8_t* source = from.pixel(2 * row + i / 2, 2 * column + i % 2);
    for (int c = 0; c < 3; ++c) sums[c] += source[c];
  }
  for (int c = 0; c < 3; ++c) to.pixel(row, column)[c] = static_cast<std::uint8_t>(sums[c] / 4);
}

}  // namespace faceprint::cuda
