// Tensor cores as a card may have them. How they add is not specified: here it depends on the order in which threads
// run, from float32's own rounding to truncation in any order.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "executor.hpp"
#include "settings.hpp"

namespace emulated {

namespace {

struct Operands {
  std::array<float, 4> queries;
  std::array<float, 2> rows;
};

// The bits that tensor cores do not look at.
float without_tail(float number) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(number) & ~std::uint32_t{0x1fff});
}

float truncated(double sum) {
  const auto nearest = static_cast<float>(sum);
  return std::fabs(nearest) > std::fabs(sum) ? std::nextafter(nearest, 0.0f) : nearest;
}

float total(float sum, std::array<double, 8> products) {
  thread_local std::mt19937 random(1);
  if (settings().order == Order::reverse) std::ranges::reverse(products);
  if (settings().order == Order::shuffled) std::ranges::shuffle(products, random);
  for (const double product : products) {
    const double next = static_cast<double>(sum) + product;
    sum = settings().order == Order::forward ? static_cast<float>(next) : truncated(next);
  }
  return sum;
}

}  // namespace

void multiply_tf32(const float (&queries)[4], const float (&rows)[2], float (&sums)[4], std::source_location site) {
  constexpr unsigned whole_warp = 0xffffffff;
  if (capability() < 80) fail("this card does not multiply TF32");
  Operands own;
  std::ranges::transform(queries, own.queries.begin(), without_tail);
  std::ranges::transform(rows, own.rows.begin(), without_tail);
  const Exchanged all = exchange(whole_warp, reinterpret_cast<std::uint64_t>(&own), site);
  const auto of_lane = [&](int lane) -> const Operands& {
    const std::uint64_t address = all[static_cast<std::size_t>(lane)];
    return *reinterpret_cast<const Operands*>(address);  // NOLINT(performance-no-int-to-ptr)
  };
  for (std::size_t i = 0; i < 4; ++i) {
    const int query = lane() / 4, row = lane() % 4 * 2 + static_cast<int>(i % 2);
    std::array<double, 8> products;
    for (std::size_t depth = 0; depth < products.size(); ++depth) {
      const int from = static_cast<int>(depth % 4);
      const float factor = of_lane(4 * query + from).queries[i / 2 + depth / 4 * 2];
      products[depth] = static_cast<double>(factor) * static_cast<double>(of_lane(4 * row + from).rows[depth / 4]);
    }
    sums[i] = total(sums[i], products);
  }
  exchange(whole_warp, 0, site);  // until then, others read what this lane brought
}

}  // namespace emulated
