#pragma once
// Which pixels of an image a chip needs, along one axis.

#include "cpu/sample_grid.hpp"

namespace faceprint {

// The first pixels of all boxes of the rows `first_row` up to `last_row` of a chip, the last one excluded.
Range first_pixels(const SampleAxis& axis, std::ptrdiff_t width, std::ptrdiff_t first_row, std::ptrdiff_t last_row);

// Likewise, but for boxes that touch no pixel of an image of this size: one that begins `max_taps` before the first
// pixel, or behind the last, is black wherever it begins.
Range touching(Range range, std::int64_t size);

// What lies in an image of this size.
Range clip(Range range, std::int64_t size);

std::int64_t length(Range range);

// The pixels that so many halvings make these of.
Range unhalved(Range range, int halvings);

}  // namespace faceprint
