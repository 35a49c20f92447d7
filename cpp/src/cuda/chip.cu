#include "cuda/chip.hpp"

#include <algorithm>
#include <vector>

#include "cpu/ranges.hpp"
#include "cuda/chip.cuh"
#include "cuda/prepare.hpp"
#include "divide_up.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t most_bytes = 64 << 20;  // of pixels, or of chips, on the card at once, unless one has more
constexpr std::ptrdiff_t most_chips = 65535;     // of a grid
// What one chip is cut from: of its image, these rows and columns; after all halvings, what its kernel takes.
struct Source {
  const Image* image;
  Range rows, columns, halved_rows, halved_columns;
  Cut cut;  // the patch aside

  std::int64_t bytes() const { return 3 * length(rows) * length(columns); }
};

Range with_last_taps(Range range) { return {range.first, range.last + max_taps - 1}; }

Source source_of(const Crop& crop, const ChipFormat& format) {
  const Grid grid = sample_grid(crop.affine);
  const std::int64_t height = crop.image.height, width = crop.image.width, pixels = std::int64_t{1} << grid.halvings;
  const Range rows = touching(first_pixels(grid.y, format.width, 0, format.height), divide_up(height, pixels));
  const Range columns = touching(first_pixels(grid.x, format.width, 0, format.height), divide_up(width, pixels));
  const Range all_rows = with_last_taps(rows), all_columns = with_last_taps(columns);
  return {.image = &crop.image,
          .rows = clip(unhalved(all_rows, grid.halvings), height),
          .columns = clip(unhalved(all_columns, grid.halvings), width),
          .halved_rows = all_rows,
          .halved_columns = all_columns,
          .cut = {.patch = {}, .grid = grid, .rows = rows, .columns = columns}};
}

Patch patch_of(std::uint8_t* data, Range rows, Range columns) {
  return {data, rows.first, columns.first, length(rows), length(columns)};
}

void copy_pixels(const Source& source, std::uint8_t* to) {
  const std::int64_t bytes = 3 * length(source.columns);
  for (std::int64_t row = source.rows.first; bytes > 0 && row <= source.rows.last; ++row, to += bytes) {
    std::copy_n(source.image->row(row) + 3 * source.columns.first, bytes, to);
  }
}

// Some chips that are cut at once.
class Chips {
 public:
  Chips(std::span<const Source> sources, const ChipFormat& format, const Stream& stream)
      : format_(format), stream_(stream), chips_(std::ssize(sources)) {
    std::int64_t bytes = 0;
    for (const Source& source : sources) bytes += source.bytes();
    std::vector<std::uint8_t> staged(static_cast<std::size_t>(bytes));
    bytes = 0;
    for (const Source& source : sources) {
      copy_pixels(source, staged.data() + bytes);
      bytes += source.bytes();
    }
    pixels_ = uploaded(staged.data(), bytes, stream);

    std::vector<Cut> cuts;
    bytes = 0;
    for (const Source& source : sources) {
      cuts.push_back(source.cut);
      cuts.back().patch = halved(source, patch_of(pixels_.data() + bytes, source.rows, source.columns));
      bytes += source.bytes();
    }
    cuts_ = uploaded(cuts.data(), chips_, stream);
  }

  template <class T>
  void write(T* out) const {
    const std::int64_t pixels = format_.height * format_.width;
    const dim3 grid(blocks_of(pixels), static_cast<unsigned>(chips_));
    if (!format_.whitening) {
      return launch(cut_chips<T>, grid, block_threads, 0, stream_, cuts_.data(), format_, out);
    }
    const DeviceArray<Pixel> sampled(chips_ * pixels, stream_);
    const DeviceArray<Whitening> whitenings(chips_, stream_);
    launch(sample_chips, grid, block_threads, 0, stream_, cuts_.data(), static_cast<std::int32_t>(format_.height),
           static_cast<std::int32_t>(format_.width), sampled.data());
    launch(whiten_chips, static_cast<unsigned>(chips_), warp_size, 0, stream_, sampled.data(), pixels,
           whitenings.data());
    launch(write_chips<T>, grid, block_threads, 0, stream_, sampled.data(), whitenings.data(), format_, out);
  }

 private:
  Patch halved(const Source& source, Patch patch) {
    std::int64_t height = source.image->height, width = source.image->width;
    for (int left = source.cut.grid.halvings - 1; left >= 0; --left) {
      height = divide_up(height, 2);
      width = divide_up(width, 2);
      const Range rows = clip(unhalved(source.halved_rows, left), height);
      const Range columns = clip(unhalved(source.halved_columns, left), width);
      DeviceArray<std::uint8_t> halves(3 * length(rows) * length(columns), stream_);
      const Patch half = patch_of(halves.data(), rows, columns);
      if (halves.size() > 0) launch(halve, blocks_of(half.rows * half.columns), block_threads, 0, stream_, patch, half);
      halves_.push_back(std::move(halves));
      patch = half;
    }
    return patch;
  }

  const ChipFormat& format_;
  const Stream& stream_;
  std::ptrdiff_t chips_;
  DeviceArray<std::uint8_t> pixels_;
  std::vector<DeviceArray<std::uint8_t>> halves_;
  DeviceArray<Cut> cuts_;
};

// Calls write(chips, first, count) for as many chips at a time as there is room for.
template <class Write>
void cut_in_batches(std::span<const Crop> crops, const ChipFormat& format, std::ptrdiff_t most, const Stream& stream,
                    const Write& write) {
  std::vector<Source> sources;
  std::ptrdiff_t bytes = 0;
  for (std::ptrdiff_t i = 0; i < std::ssize(crops); ++i) {
    sources.push_back(source_of(crops[static_cast<std::size_t>(i)], format));
    bytes += sources.back().bytes();
    if (i + 1 < std::ssize(crops) && std::ssize(sources) < most && bytes < most_bytes) continue;
    const std::ptrdiff_t count = std::ssize(sources);
    write(Chips(sources, format, stream), i + 1 - count, count);
    sources.clear();
    bytes = 0;
  }
}

}  // namespace

template <class T>
void chips_on_card(std::span<const Crop> crops, const ChipFormat& format, T* out, const Stream& stream) {
  cut_in_batches(crops, format, most_chips, stream, [&](const Chips& chips, std::ptrdiff_t first, std::ptrdiff_t) {
    chips.write(out + first * values_per_chip(format));
  });
}

template <class T>
void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<T> out, const Stream& stream) {
  const std::ptrdiff_t values = values_per_chip(format), bytes = values * static_cast<std::ptrdiff_t>(sizeof(T));
  const std::ptrdiff_t most = std::clamp<std::ptrdiff_t>(most_bytes / bytes, 1, most_chips);
  const DeviceArray<T> written(std::min(most, std::ssize(crops)) * values, stream);
  cut_in_batches(crops, format, most, stream, [&](const Chips& chips, std::ptrdiff_t first, std::ptrdiff_t count) {
    chips.write(written.data());
    download_rows(written.data(), out.slice(first, count), stream);
  });
}

template void chips(std::span<const Crop>, const ChipFormat&, Matrix<float>, const Stream&);
template void chips(std::span<const Crop>, const ChipFormat&, Matrix<std::uint16_t>, const Stream&);
template void chips_on_card(std::span<const Crop>, const ChipFormat&, float*, const Stream&);
template void chips_on_card(std::span<const Crop>, const ChipFormat&, std::uint16_t*, const Stream&);

}  // namespace faceprint::cuda
