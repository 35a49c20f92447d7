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
  double at(double y, double x, std::ptrdiff_t channel) const {
    if (x < 0 || y < 0 || x >= static_cast<double>(width) || y >= static_cast<double>(height)) return 0;
    return view().row(static_cast<std::ptrdiff_t>(y))[3 * static_cast<std::ptrdiff_t>(x) + channel];
  }
};

double bilinear(const Photo& photo, double x, double y, std::ptrdiff_t channel) {
  const double left = std::floor(x), top = std::floor(y), right = x - left, down = y - top;
  return (1 - down) * ((1 - right) * photo.at(top, left, channel) + right * photo.at(top, left + 1, channel)) +
         down * ((1 - right) * photo.at(top + 1, left, channel) + right * photo.at(top + 1, left + 1, channel));
}

int samples(double x, double y) { return std::clamp(static_cast<int>(std::ceil(std::hypot(x, y) - 1e-6)), 1, 64); }

// The contract, word for word, in float64.
double pixel(const Photo& photo, const Affine& map, std::ptrdiff_t u, std::ptrdiff_t v, std::ptrdiff_t channel) {
  const int across = samples(map.xx, map.yx), down = samples(map.xy, map.yy);
  double sum = 0;
  for (int j = 0; j < down; ++j) {
    for (int i = 0; i < across; ++i) {
      const double column = static_cast<double>(u) + (i + 0.5) / across - 0.5;
      const double row = static_cast<double>(v) + (j + 0.5) / down - 0.5;
      sum += bilinear(photo, map.xx * column + map.xy * row + map.x0, map.yx * column + map.yy * row + map.y0, channel);
    }
  }
  return sum / across / down;
}

Rows<float> computed(const Photo& photo, const std::vector<Affine>& maps, const ChipFormat& format, int threads = 1) {
  Rows<float> out(static_cast<std::ptrdiff_t>(maps.size()), 3 * format.height * format.width, 2, -7);
  chips(photo.view(), maps, format, out.view(), threads);
  return out;
}

Affine turned(double scale, double angle, double x0, double y0) {
  return {scale * std::cos(angle), -scale * std::sin(angle), x0, scale * std::sin(angle), scale * std::cos(angle), y0};
}

const std::vector<Affine> maps = {turned(0.4, 0.3, 5, 6),    turned(1, 0, 0, 0),        turned(0.999, -2, 40, 30),
                                  turned(1.7, 0.7, 10, -8),  turned(3.2, 3, 60, 60),    turned(9.5, 0.1, -20, -30),
                                  turned(0.7, 0.2, -9, 1e6), {2.5, 0.3, 1, 0.2, 0.6, 3}};

}  // namespace

// Positions are rounded to 2^-20 pixels at worst, and neighbouring pixels differ by at most 255 each way: 5e-4. Each
// float32 operation rounds by at most 2^-24 of 255, and no value passes through more than 9 + 2 * 64 of them: 2.1e-3.
TEST(equals_the_contract_in_float64) {
  on_each_backend([](const std::string&) {
    const Photo photo(50, 70, 1, 5);
    for (const auto& [height, width] : {std::pair{20, 17}, {1, 1}, {3, 16}, {16, 33}}) {
      const ChipFormat format = {.height = height, .width = width};
      const Rows<float> out = computed(photo, maps, format);
      for (std::ptrdiff_t chip = 0; chip < out.rows; ++chip) {
        for (std::ptrdiff_t channel = 0; channel < 3; ++channel) {
          for (std::ptrdiff_t v = 0; v < height; ++v) {
            for (std::ptrdiff_t u = 0; u < width; ++u) {
              const double expected = pixel(photo, maps[static_cast<std::size_t>(chip)], u, v, channel);
              CHECK(std::abs(out.at(chip, (channel * height + v) * width + u) - expected) <= 3e-3);
            }
          }
        }
        CHECK_EQUAL(out.at(chip, out.columns), -7.0f);
      }
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

TEST(is_the_same_to_the_bit_on_every_machine) {
  on_each_backend([](const std::string&) {
    const std::vector<Affine> some = {{0.7, -0.2, 11.3, 0.2, 0.7, 5.9}, {2.3, 0.4, -3.1, -0.4, 2.3, 8.2}};
    Rows<float> out(2, 1071);
    chips(Photo(60, 60, 10).view(), some, {.height = 21, .width = 17, .mean = {3, 4, 5}, .scale = {0.1f, 1, 2}},
          out.view());
    CHECK_EQUAL(checksum(out.data), 17143571695210672565u);
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
        sum += photo.at(static_cast<double>(y), static_cast<double>(x), 0);
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
        for (const bool mirror : {false, true}) {
          const ChipFormat format = {height, width, layout, channels, {10, 20, 30}, {1, 0.5f, 0.25f}, mirror};
          const Rows<float> out = computed(photo, one, format);
          for (std::ptrdiff_t channel = 0; channel < 3; ++channel) {
            const auto at = static_cast<std::size_t>(channel);
            const std::ptrdiff_t source = channels == Channels::rgb ? channel : 2 - channel;
            for (std::ptrdiff_t v = 0; v < height; ++v) {
              for (std::ptrdiff_t u = 0; u < width; ++u) {
                const std::ptrdiff_t from = mirror ? width - 1 - u : u;
                const float value = plain.at(0, (source * height + v) * width + from);
                const std::ptrdiff_t place =
                    layout == Layout::nchw ? (channel * height + v) * width + u : (v * width + u) * 3 + channel;
                CHECK_EQUAL(out.at(0, place), (value - format.mean[at]) * format.scale[at]);
              }
            }
          }
        }
      }
    }
  });
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
  chips(upside_down, std::vector<Affine>{turned(0.8, 0.1, 1, 1)}, format, out.view());
  CHECK(std::memcmp(out.data.data(), computed(photo, {turned(0.8, 0.1, 1, 1)}, format).data.data(),
                    out.data.size() * sizeof(float)) == 0);
}

TEST(makes_no_chips_of_no_maps) {
  Rows<float> out(0, 3);
  chips(Photo(2, 2, 8).view(), {}, {.height = 1, .width = 1}, out.view());
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
  for (const Affine& bad : {turned(1, 0, 1 << 30, 0), turned(1 << 29, 0, 0, 0), Affine{1, 0, 0, 0, nan, 0}}) {
    CHECK_THROWS(std::invalid_argument, "affines must be finite and reach less than 2^30 pixels: affine 1 does not",
                 computed(photo, {one[0], bad}, {4, 4}));
  }
  Rows<float> out(1, 47);
  CHECK_THROWS(std::invalid_argument, "out must have shape (1, 48), not (1, 47)",
               chips(photo.view(), one, {4, 4}, out.view()));
  Rows<float> right(1, 48);
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1",
               chips(photo.view(), one, {4, 4}, right.view(), -1));
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
