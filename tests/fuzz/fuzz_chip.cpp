// Chips out of images of any size and stride, by any affine map and format, right and wrong: every backend gives the
// same bits or refuses the same call, and touches nothing but its own memory.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "driver.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/chip.hpp"

using namespace faceprint;
using fuzz::Chance;

namespace {

// Mostly a reasonable number, now and then one that nobody expects.
double number(Chance& chance, double low, double high) {
  static constexpr double odd[] = {0,
                                   -0.0,
                                   1e-300,
                                   0x1p-32,
                                   0x1p30,
                                   -0x1p30,
                                   0x1p31,
                                   0x1p62,
                                   -0x1p63,
                                   1e300,
                                   4096.,
                                   1073e6,
                                   -1073e6,
                                   0.5,
                                   -0.5,
                                   std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::quiet_NaN()};
  return chance.once_in(60) ? odd[chance.in(0, std::ssize(odd) - 1)] : chance.between(low, high);
}

Affine aligned(Chance& chance, double width, double height) {
  std::array<Point, 5> landmarks;
  std::array<Point, 5> chip_template;
  for (Point& point : landmarks) point = {number(chance, -width, 2 * width), number(chance, -height, 2 * height)};
  for (Point& point : chip_template) point = {number(chance, 0, 112), number(chance, 0, 112)};
  return align(landmarks, chip_template);
}

Affine any(Chance& chance, double width, double height) {
  const double scale = std::exp2(chance.once_in(8) ? number(chance, -6, 7) : chance.between(-4, 1));
  const auto one = [&] { return number(chance, -scale, scale); };
  return {one(), one(), number(chance, -width, 2 * width), one(), one(), number(chance, -height, 2 * height)};
}

}  // namespace

void fuzz::round(Chance& chance) {
  const std::ptrdiff_t height = chance.once_in(40) ? 0 : chance.in(1, chance.once_in(3) ? 300 : 20);
  const std::ptrdiff_t width = chance.once_in(40) ? 0 : chance.in(1, chance.once_in(3) ? 300 : 20);
  fuzz::Strided<std::uint8_t> pixels(height, 3 * width, fuzz::stride(chance, 3 * width));
  for (std::uint8_t& value : pixels) value = static_cast<std::uint8_t>(chance.bits());
  const Image image = {pixels.first(), height, width, pixels.stride()};

  std::vector<Crop> crops;
  for (std::ptrdiff_t count = chance.in(0, 3); count > 0; --count) {
    const auto across = static_cast<double>(width);
    const auto down = static_cast<double>(height);
    const auto draw = [&] { crops.push_back({image, (chance.once_in(2) ? aligned : any)(chance, across, down)}); };
    if (fuzz::refused(draw)) crops.push_back({image, {1, 0, 0, 0, 1, 0}});
  }

  ChipFormat format = {.height = chance.once_in(50) ? 0 : chance.in(1, chance.once_in(8) ? 40 : 10),
                       .width = chance.once_in(50) ? 4097 : chance.in(1, 20),
                       .layout = chance.once_in(2) ? Layout::nchw : Layout::nhwc,
                       .channels = chance.once_in(2) ? Channels::rgb : Channels::bgr,
                       .whitening = chance.once_in(4),
                       .twin = chance.once_in(2)};
  for (float& mean : format.mean) mean = static_cast<float>(number(chance, 0, 255));
  for (float& scale : format.scale) scale = static_cast<float>(number(chance, -2, 2));

  const std::ptrdiff_t wrong = chance.once_in(30) ? chance.in(-1, 1) : 0;
  const std::ptrdiff_t columns = std::max<std::ptrdiff_t>(values_per_chip(format) + wrong, 0);
  const std::ptrdiff_t rows = std::ssize(crops) + (chance.once_in(50) ? 1 : 0);
  const std::ptrdiff_t length = fuzz::stride(chance, columns);
  const int threads = static_cast<int>(chance.in(1, 3));
  std::vector<fuzz::Strided<float>> answers;
  std::size_t refusals = 0;
  for (const BackendStatus& status : backends()) {
    if (!status.unavailable.empty()) continue;
    use_backend(status.name);
    answers.emplace_back(rows, columns, length);
    if (fuzz::refused([&] { chips(crops, format, answers.back().view(), threads); })) ++refusals;
  }
  const bool fits = wrong == 0 && rows == std::ssize(crops);
  fuzz::require(fits || refusals == answers.size(), "an output of another shape is refused");
  fuzz::require(refusals == 0 || refusals == answers.size(), "all backends refuse the same calls");
  for (const auto& answer : answers) fuzz::require(answer.same(answers.front()), "all backends give the same bits");
}
