#include "cpu/pixels.hpp"

namespace faceprint {

void write_pixels(const ChipSlice& slice, std::ptrdiff_t channel, std::ptrdiff_t v, std::ptrdiff_t u,
                  std::ptrdiff_t count, const float* values) {
  const ChipFormat& format = slice.format;
  const bool planes = format.layout == Layout::nchw;
  const std::ptrdiff_t direction = format.mirror ? -1 : 1, step = planes ? direction : 3 * direction;
  const std::ptrdiff_t column = format.mirror ? format.width - 1 - u : u, pixel = v * format.width + column;
  float* out = slice.out + (planes ? channel * format.height * format.width + pixel : 3 * pixel + channel);
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i * step] = values[i];
}

}  // namespace faceprint
