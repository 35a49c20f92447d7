#include "faceprint/chip.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "check.hpp"
#include "data.hpp"

using namespace faceprint;

namespace {

struct Photo {
  std::ptrdiff_t height, width, stride;
  std::vector<std::uint8_t> data;

  Photo(std::ptrdiff_t rows, std::ptrdiff_t columns, unsigned seed, std::ptrdiff_t gap = 0)
      : height(rows), width(columns), stride(3 * columns + gap), data(static_cast<std::size_t>(rows * stride)) {
    std::mt19937 random(seed);
    for (std::uint8_t& value : data) value = static_cast<std::uint8_t>(random());
  }
  Image view() const { return {data.data(), height, width, stride}; }
  double at(std::ptrdiff_t y, std::ptrdiff_t x, std::ptrdiff_t channel) const {
    if (x < 0 || y < 0 || x >= width || y >= height) return 0;
    return view().row(y)[3 * x + channel];
  }
};

// Means of blocks of 2 x 2, rounded half up; black fills up the last blocks.
Photo halved(const Photo& photo) {
  Photo half((photo.height + 1) / 2, (photo.width + 1) / 2, 0);
  for (std::ptrdiff_t y = 0; y < half.height; ++y) {
    for (std::ptrdiff_t i = 0; i < half.stride; ++i) {
      double sum = 0;
      for (std::ptrdiff_t j = 0; j < 4; ++j) sum += photo.at(2 * y + j / 2, i / 3 * 2 + j % 2, i % 3);
      half.data[static_cast<std::size_t>(y * half.stride + i)] = static_cast<std::uint8_t>(std::floor(sum / 4 + 0.5));
    }
  }
  return half;
}

double shared(double begin, double side, std::ptrdiff_t pixel) {
  const auto start = static_cast<double>(pixel);
  return std::max(0.0, std::min(begin + side, start + 1) - std::max(begin, start));
}

// The contract, word for word, in float64: means over upright boxes.
std::vector<double> exact(const Photo& photo, const Affine& map, std::ptrdiff_t height, std::ptrdiff_t width) {
  double across = std::max(1.0, std::hypot(map.xx, map.xy)), down = std::max(1.0, std::hypot(map.yx, map.yy));
  double scale = 1;
  Photo pixels = photo;
  while (std::max(across, down) / scale > 6 + 1e-6) {
    pixels = halved(pixels);
    scale *= 2;
  }
  across = std::max(1.0, across / scale);
  down = std::max(1.0, down / scale);
  std::vector<double> chip;
  for (std::ptrdiff_t i = 0; i < 3 * height * width; ++i) {
    const std::ptrdiff_t row = i / width % height, channel = i / width / height;
    const auto v = static_cast<double>(row), u = static_cast<double>(i % width);
    const double left = (map.xx * u + map.xy * v + map.x0 + 0.5) / scale - across / 2;
    const double top = (map.yx * u + map.yy * v + map.y0 + 0.5) / scale - down / 2;
    double sum = 0;
    const auto first_row = static_cast<std::ptrdiff_t>(std::floor(top));
    const auto first_column = static_cast<std::ptrdiff_t>(std::floor(left));
    for (std::ptrdiff_t y = first_row; y < first_row + 7; ++y) {
      for (std::ptrdiff_t x = first_column; x < first_column + 7; ++x) {
        sum += shared(left, across, x) * shared(top, down, y) * pixels.at(y, x, channel);
      }
    }
    chip.push_back(sum / across / down);
  }
  return chip;
}

std::vector<Crop> crops_of(const Photo& photo, const std::vector<Affine>& maps) {
  std::vector<Crop> crops;
  for (const Affine& map : maps) crops.push_back({photo.view(), map});
  return crops;
}

template <class T = float>
Rows<T> computed(const Photo& photo, const std::vector<Affine>& maps, const ChipFormat& format, int threads = 1) {
  Rows<T> out(static_cast<std::ptrdiff_t>(maps.size()), values_per_chip(format), 2, T{77});
  chips(crops_of(photo, maps), format, out.view(), threads);
  return out;
}

Affine turned(double scale, double angle, double x0, double y0) {
  return {scale * std::cos(angle), -scale * std::sin(angle), x0, scale * std::sin(angle), scale * std::cos(angle), y0};
}

const std::vector<Affine> maps = {turned(0.4, 0.3, 5, 6),    turned(1, 0, 0, 0),         turned(0.999, -2, 40, 30),
                                  turned(1.7, 0.7, 10, -8),  turned(3.2, 3, 60, 60),     turned(9.5, 0.1, -20, -30),
                                  turned(0.7, 0.2, -9, 1e6), {2.5, 0.3, 1, 0.2, 0.6, 3}, {13, 0.1, -30, 0, 1, 5},
                                  turned(3.8, 3, 60, 60),    turned(4.6, -0.4, 60, 60),  turned(5.9, 0.2, -6, 6)};

}  // namespace

// A box's position and side are rounded to 2^-14 of a pixel along both axes, where neighbours differ by at most 255:
// 4 * 255 * 2^-14 = 0.06. What float32 rounds is far less.
TEST(equals_the_contract_in_float64) {
  on_each_backend([](const std::string&) {
    const Photo photo(50, 71, 1, 5);
    for (const auto& [height, width] : {std::pair{20, 17}, {1, 1}, {3, 16}, {16, 133}}) {
      const Rows<float> out = computed(photo, maps, {.height = height, .width = width});
      for (std::ptrdiff_t chip = 0; chip < out.rows; ++chip) {
        const std::vector<double> expected = exact(photo, maps[static_cast<std::size_t>(chip)], height, width);
        for (std::ptrdiff_t i = 0; i < out.columns; ++i) {
          CHECK(std::abs(out.at(chip, i) - expected[static_cast<std::size_t>(i)]) <= 0.1);
        }
        CHECK_EQUAL(out.at(chip, out.columns), 77.0f);
      }
    }
  });
}

TEST(reads_images_of_a_single_row_or_column) {
  on_each_backend([](const std::string&) {
    for (const auto& [rows, columns] : {std::pair{1, 1}, {1, 9}, {9, 1}, {1, 2}, {2, 1}}) {
      const Photo photo(rows, columns, 3);
      const std::vector<Affine> some = {{1, 0, 0, 0, 1, 0}, {0.3, 0, -0.4, 0, 0.3, -0.4}, {7, 0, -9, 0, 7, -9}};
      const Rows<float> out = computed(photo, some, {.height = 4, .width = 4});
      for (std::ptrdiff_t chip = 0; chip < out.rows; ++chip) {
        const std::vector<double> expected = exact(photo, some[static_cast<std::size_t>(chip)], 4, 4);
        for (std::ptrdiff_t i = 0; i < out.columns; ++i) {
          CHECK(std::abs(out.at(chip, i) - expected[static_cast<std::size_t>(i)]) <= 0.1);
        }
      }
    }
  });
}

// Kernels cut steps off to 22 bits of a fraction. Here that adds up to a place before the first pixel of the window.
TEST(reaches_the_last_pixel_of_a_row_though_steps_are_cut_off) {
  on_each_backend([](const std::string&) {
    const Photo photo(20, 100, 4);
    const double step = -(1 - 0x1.ff8p9 * 0x1p-32);
    const Affine map = {step, 0, 10 - 63 * step + 0x1p-20 - 0x1p-14, 0, 1, 5};
    const Rows<float> out = computed(photo, {map}, {.height = 1, .width = 64});
    const std::vector<double> expected = exact(photo, map, 1, 64);
    for (std::ptrdiff_t i = 0; i < out.columns; ++i) {
      CHECK(std::abs(out.at(0, i) - expected[static_cast<std::size_t>(i)]) <= 0.1);
    }
  });
}

TEST(is_the_same_to_the_bit_on_all_backends_and_threads) {
  const Photo photo(300, 200, 2);
  std::vector<Affine> many;
  for (int i = 0; i < 30; ++i) many.push_back(maps[static_cast<std::size_t>(i) % maps.size()]);
  const ChipFormat format = {.height = 50, .width = 45, .mean = {1, 2, 3}, .scale = {0.1f, 0.2f, 0.3f}};
  use_backend("portable");
  const Rows<float> expected = computed(photo, many, format);
  on_each_backend([&](const std::string&) {
    for (const int threads : {1, 2, 5, 0}) {
      const Rows<float> out = computed(photo, many, format, threads);
      CHECK(std::memcmp(out.data.data(), expected.data.data(), out.data.size() * sizeof(float)) == 0);
    }
  });
}

TEST(whitened_chips_are_the_same_to_the_bit_too) {
  const Photo photo(300, 200, 2);
  const ChipFormat format = {.height = 50, .width = 45, .scale = {1, 2, 3}, .whitening = true, .twin = true};
  use_backend("portable");
  const auto expected = computed<std::uint16_t>(photo, maps, format);
  on_each_backend([&](const std::string&) {
    for (const int threads : {1, 5}) {
      CHECK(computed<std::uint16_t>(photo, maps, format, threads).data == expected.data);
    }
  });
}

TEST(is_the_same_to_the_bit_on_every_machine) {
  on_each_backend([](const std::string&) {
    const std::vector<Affine> some = {
        {0.7, -0.2, 11.3, 0.2, 0.7, 5.9}, {2.3, 0.4, -3.1, -0.4, 2.3, 8.2}, {8.3, 0.4, -3.1, -0.4, 8.3, 8.2}};
    const ChipFormat format = {.height = 21, .width = 17, .mean = {3, 4, 5}, .scale = {0.1f, 1, 2}};
    CHECK_EQUAL(checksum(computed(Photo(60, 60, 10), some, format).data), 894820845714441271u);
    const ChipFormat white = {.height = 21, .width = 17, .whitening = true};
    CHECK_EQUAL(checksum(computed(Photo(60, 60, 10), some, white).data), 7322605255634820183u);
  });
}

TEST(copies_pixels_where_the_map_is_the_identity) {
  on_each_backend([](const std::string&) {
    const Photo photo(20, 37, 3);
    const Rows<float> out = computed(photo, {{1, 0, 0, 0, 1, 0}}, {.height = 20, .width = 37, .layout = Layout::nhwc});
    for (std::size_t i = 0; i < photo.data.size(); ++i) CHECK_EQUAL(out.data[i], static_cast<float>(photo.data[i]));
  });
}

TEST(averages_exactly_the_pixels_of_a_whole_scale) {
  // Samples of a scale of 2 lie a quarter of a chip pixel off its centre: here, on the centres of four pixels.
  const Photo photo(8, 8, 4);
  const Rows<float> out = computed(photo, {{2, 0, 0.5, 0, 2, 0.5}}, {.height = 4, .width = 4});
  for (std::ptrdiff_t v = 0; v < 4; ++v) {
    for (std::ptrdiff_t u = 0; u < 4; ++u) {
      double sum = 0;
      for (std::ptrdiff_t i = 0; i < 4; ++i) {
        const std::ptrdiff_t y = 2 * v + i / 2, x = 2 * u + i % 2;
        sum += photo.at(y, x, 0);
      }
      CHECK_EQUAL(out.at(0, 4 * v + u), static_cast<float>(sum / 4));
    }
  }
}

TEST(arranges_values_as_the_format_says) {
  on_each_backend([](const std::string&) {
    const Photo photo(40, 40, 5);
    const std::ptrdiff_t height = 7, width = 18;
    const std::vector<Affine> one = {turned(1.3, 0.4, 8, 3)};
    const Rows<float> plain = computed(photo, one, {.height = height, .width = width});
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      for (const Channels channels : {Channels::rgb, Channels::bgr}) {
        for (const bool twin : {false, true}) {
          const ChipFormat format = {.height = height,
                                     .width = width,
                                     .layout = layout,
                                     .channels = channels,
                                     .mean = {10, 20, 30},
                                     .scale = {1, 0.5f, 0.25f},
                                     .twin = twin};
          const Rows<float> out = computed(photo, one, format);
          CHECK_EQUAL(out.columns, (twin ? 2 : 1) * plain.columns);
          for (std::ptrdiff_t i = 0; i < out.columns; ++i) {
            const std::ptrdiff_t pixel = layout == Layout::nchw ? i % (height * width) : i % plain.columns / 3;
            const std::ptrdiff_t channel = layout == Layout::nchw ? i % plain.columns / (height * width) : i % 3;
            const std::ptrdiff_t u = i < plain.columns ? pixel % width : width - 1 - pixel % width;
            const std::ptrdiff_t source = channels == Channels::rgb ? channel : 2 - channel;
            const float value = plain.at(0, (source * height + pixel / width) * width + u);
            const auto at = static_cast<std::size_t>(channel);
            CHECK_EQUAL(out.at(0, i), (value - format.mean[at]) * format.scale[at]);
          }
        }
      }
    }
  });
}

TEST(cuts_each_chip_from_its_own_image) {
  const Photo first(30, 40, 1), second(50, 20, 2);
  const ChipFormat format = {.height = 9, .width = 7};
  const std::vector<Crop> both = {{first.view(), maps[0]}, {second.view(), maps[3]}};
  Rows<float> out(2, 189);
  chips(both, format, out.view());
  const Rows<float> one = computed(first, {maps[0]}, format), other = computed(second, {maps[3]}, format);
  for (std::ptrdiff_t i = 0; i < 189; ++i) {
    CHECK_EQUAL(out.at(0, i), one.at(0, i));
    CHECK_EQUAL(out.at(1, i), other.at(0, i));
  }
}

TEST(is_black_outside_however_far) {
  const Photo photo(5, 5, 6);
  const double far = (1 << 30) - 100;
  for (const Affine& map : {turned(1, 0, far, 0), turned(1, 0, -far, -far), turned(1, 1, 0, far)}) {
    const Rows<float> out = computed(photo, {map}, {.height = 4, .width = 4});
    for (std::ptrdiff_t i = 0; i < out.columns; ++i) CHECK_EQUAL(out.at(0, i), 0.0f);
  }
}

TEST(reads_images_upside_down) {
  const Photo photo(9, 6, 7);
  Photo flipped = photo;
  for (std::ptrdiff_t y = 0; y < 9; ++y) {
    std::copy_n(photo.view().row(8 - y), 18, flipped.data.begin() + 18 * y);
  }
  const Image upside_down = {flipped.view().row(8), 9, 6, -18};
  const ChipFormat format = {.height = 9, .width = 6};
  Rows<float> out(1, 162);
  for (const Affine& map : {turned(0.8, 0.1, 1, 1), turned(7.5, 0.1, 1, 1)}) {
    chips(std::vector<Crop>{{upside_down, map}}, format, out.view());
    CHECK(std::memcmp(out.data.data(), computed(photo, {map}, format).data.data(), out.data.size() * sizeof(float)) ==
          0);
  }
}

TEST(makes_no_chips_of_no_maps) {
  Rows<float> out(0, 3);
  chips({}, {.height = 1, .width = 1}, out.view());
}

TEST(refuses_wrong_arguments) {
  const Photo photo(4, 4, 9);
  const std::vector<Affine> one = {turned(1, 0, 0, 0)};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(std::invalid_argument, "height must be in [1, 4096], not 0", computed(photo, one, {0, 4}));
  CHECK_THROWS(std::invalid_argument, "width must be in [1, 4096], not 4097", computed(photo, one, {4, 4097}));
  CHECK_THROWS(std::invalid_argument, "mean must be finite",
               computed(photo, one, {.height = 4, .width = 4, .mean = {0, nan, 0}}));
  CHECK_THROWS(std::invalid_argument, "scale must be finite",
               computed(photo, one, {.height = 4, .width = 4, .scale = {nan, 1, 1}}));
  CHECK_THROWS(std::invalid_argument, "image must have at least 1 x 1 pixels, not 0 x 4",
               computed(Photo(0, 4, 1), one, {4, 4}));
  CHECK_THROWS(std::invalid_argument, "image must have at least 1 x 1 pixels, not 4 x 0",
               computed(Photo(4, 0, 1), one, {4, 4}));
  for (const Affine& bad : {turned(1, 0, 1 << 30, 0), turned(1 << 29, 0, 0, 0), Affine{1, 0, 0, 0, nan, 0}}) {
    CHECK_THROWS(std::invalid_argument, "affines must be finite and reach less than 2^30 pixels: affine 1 does not",
                 computed(photo, {one[0], bad}, {4, 4}));
  }
  Rows<float> out(1, 47);
  CHECK_THROWS(std::invalid_argument, "out must have shape (1, 48), not (1, 47)",
               chips(crops_of(photo, one), {4, 4}, out.view()));
  Rows<float> right(1, 48);
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1",
               chips(crops_of(photo, one), {4, 4}, right.view(), -1));
  CHECK_THROWS(std::invalid_argument, "mean and scale must keep values within 65504 for float16",
               computed<std::uint16_t>(photo, one, {.height = 4, .width = 4, .scale = {1, 1, 300}}));
}

namespace {

constexpr const char* no_fit = "landmarks and template must be five points with an extent and a common orientation";
constexpr std::array<Point, 5> face = {Point{38, 52}, Point{74, 52}, Point{56, 72}, Point{42, 92}, Point{71, 92}};

std::array<Point, 5> moved(const Affine& map, const std::array<Point, 5>& points) {
  std::array<Point, 5> result{};
  for (std::size_t i = 0; i < 5; ++i) {
    result[i] = {map.xx * points[i].x + map.xy * points[i].y + map.x0,
                 map.yx * points[i].x + map.yy * points[i].y + map.y0};
  }
  return result;
}

double misfit(const Affine& map, const std::array<Point, 5>& landmarks) {
  const std::array<Point, 5> fitted = moved(map, face);
  double sum = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    sum += std::pow(fitted[i].x - landmarks[i].x, 2) + std::pow(fitted[i].y - landmarks[i].y, 2);
  }
  return sum;
}

}  // namespace

TEST(align_finds_the_similarity_that_moved_the_template) {
  for (const Affine& map : {turned(1, 0, 0, 0), turned(0.3, 2, 100, -50), turned(20, -1, 3, 4)}) {
    const Affine found = align(moved(map, face), face);
    CHECK(std::abs(found.xx - map.xx) < 1e-12 * 20 && std::abs(found.xy - map.xy) < 1e-12 * 20);
    CHECK(std::abs(found.yx - map.yx) < 1e-12 * 20 && std::abs(found.yy - map.yy) < 1e-12 * 20);
    CHECK(std::abs(found.x0 - map.x0) < 1e-9 && std::abs(found.y0 - map.y0) < 1e-9);
  }
}

TEST(align_cannot_be_improved_by_any_small_change) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 6);
  for (int trial = 0; trial < 50; ++trial) {
    std::array<Point, 5> landmarks = moved(turned(2, 0.5, 30, 10), face);
    for (Point& point : landmarks) point = {point.x + noise(random), point.y + noise(random)};
    const Affine best = align(landmarks, face);
    CHECK_EQUAL(best.xx, best.yy);
    CHECK_EQUAL(best.xy, -best.yx);
    for (const double step : {-1e-3, 1e-3}) {
      CHECK(misfit({best.xx + step, best.xy, best.x0, best.yx, best.yy + step, best.y0}, landmarks) >
            misfit(best, landmarks));
      CHECK(misfit({best.xx, best.xy - step, best.x0, best.yx + step, best.yy, best.y0}, landmarks) >
            misfit(best, landmarks));
      CHECK(misfit({best.xx, best.xy, best.x0 + step, best.yx, best.yy, best.y0}, landmarks) > misfit(best, landmarks));
      CHECK(misfit({best.xx, best.xy, best.x0, best.yx, best.yy, best.y0 + step}, landmarks) > misfit(best, landmarks));
    }
  }
}

TEST(align_tells_a_poor_fit_from_none) {
  // No turn fits a regular pentagon to its mirror image at all; a little of the pentagon itself added, one does.
  std::array<Point, 5> pentagon{}, mirrored{};
  for (std::size_t i = 0; i < 5; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / 5;
    pentagon[i] = {50 + 20 * std::cos(angle), 50 + 20 * std::sin(angle)};
    mirrored[i] = {50 + 20 * std::cos(angle), 50 - 20 * std::sin(angle)};
  }
  const auto mixed = [&](double share) {
    std::array<Point, 5> result{};
    for (std::size_t i = 0; i < 5; ++i) {
      result[i] = {mirrored[i].x + share * (pentagon[i].x - 50), mirrored[i].y + share * (pentagon[i].y - 50)};
    }
    return result;
  };
  for (const double share : {0.0, 5e-7}) {
    CHECK_THROWS(std::invalid_argument, no_fit, align(mixed(share), pentagon));
  }
  CHECK(std::abs(align(mixed(2e-6), pentagon).xx - 2e-6) < 1e-12);
}

TEST(align_refuses_points_it_cannot_fit) {
  const std::array<Point, 5> same = {Point{3, 4}, Point{3, 4}, Point{3, 4}, Point{3, 4}, Point{3, 4}};
  CHECK_THROWS(std::invalid_argument, no_fit, align(same, face));
  CHECK_THROWS(std::invalid_argument, no_fit, align(face, same));
  std::array<Point, 5> bad = face;
  bad[2].y = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(std::invalid_argument, "landmarks must be finite", align(bad, face));
  bad[2].y = std::numeric_limits<double>::infinity();
  CHECK_THROWS(std::invalid_argument, "template must be finite", align(face, bad));
}

TEST(align_puts_a_box_into_the_middle_of_a_chip) {
  const Affine map = align(Box{10, 20, 90, 60}, 0.2, 50, 200);
  CHECK_EQUAL(map.xy, 0.0);
  CHECK_EQUAL(map.yx, 0.0);
  // The chip begins half a pixel before its first one; a tenth of it lies before the box, a tenth behind.
  CHECK(std::abs(map.xx * 19.5 + map.x0 - 10) < 1e-9 && std::abs(map.xx * 179.5 + map.x0 - 90) < 1e-9);
  CHECK(std::abs(map.yy * 4.5 + map.y0 - 20) < 1e-9 && std::abs(map.yy * 44.5 + map.y0 - 60) < 1e-9);
}

TEST(align_refuses_what_is_no_box) {
  const char* rule = "boxes must be finite, left < right and top < bottom";
  CHECK_THROWS(std::invalid_argument, rule, align(Box{3, 1, 3, 2}, 0, 4, 4));
  CHECK_THROWS(std::invalid_argument, rule, align(Box{1, 2, 3, 1}, 0, 4, 4));
  CHECK_THROWS(std::invalid_argument, rule, align(Box{1, 2, std::numeric_limits<double>::infinity(), 3}, 0, 4, 4));
  CHECK_THROWS(std::invalid_argument, "margin must be in [0, 1), not 1.000000", align(Box{1, 2, 3, 4}, 1, 4, 4));
  CHECK_THROWS(std::invalid_argument, "height must be in [1, 4096], not 0", align(Box{1, 2, 3, 4}, 0, 0, 4));
}
