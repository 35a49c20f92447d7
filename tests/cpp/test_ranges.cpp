#include "cpu/ranges.hpp"

#include "check.hpp"

using faceprint::Range, faceprint::SampleAxis;

namespace {

constexpr std::int64_t pixel = std::int64_t{1} << faceprint::fraction_bits;

// Of a chip of ten columns, whose boxes begin in the middles of pixels.
Range pixels_of(std::int64_t along, std::int64_t down, std::ptrdiff_t last_row) {
  const SampleAxis axis = {.begin = 5 * pixel / 2, .along = along, .down = down, .side = faceprint::full_share};
  return faceprint::first_pixels(axis, 10, 0, last_row);
}

void check_range(Range range, std::int64_t first, std::int64_t last) {
  CHECK_EQUAL(range.first, first);
  CHECK_EQUAL(range.last, last);
}

}  // namespace

// More would change no chip, but what is read for it.
TEST(no_more_pixels_than_the_boxes_begin_in) {
  check_range(pixels_of(pixel, 0, 1), 2, 11);
  check_range(pixels_of(-pixel, 0, 1), -7, 2);
  check_range(pixels_of(pixel, -pixel, 3), 0, 11);
  check_range(pixels_of(pixel / 2, pixel, 3), 2, 9);
}

TEST(boxes_outside_the_image_are_all_alike) {
  check_range(faceprint::touching({-1000, 1000}, 40), -faceprint::max_taps, 40);
  check_range(faceprint::touching({-3, 39}, 40), -3, 39);
  check_range(faceprint::clip({-3, 39}, 40), 0, 39);
  check_range(faceprint::clip({2, 80}, 40), 2, 39);
  CHECK_EQUAL(faceprint::length({2, 2}), 1);
  CHECK_EQUAL(faceprint::length({2, -9}), 0);
}

TEST(a_halved_pixel_is_made_of_two) {
  check_range(faceprint::unhalved({1, 2}, 0), 1, 2);
  check_range(faceprint::unhalved({1, 2}, 1), 2, 5);
  check_range(faceprint::unhalved({1, 2}, 3), 8, 23);
}
