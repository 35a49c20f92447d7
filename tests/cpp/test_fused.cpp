#include "cpu/fused.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "check.hpp"

using faceprint::fused_multiply_add;

static std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

static void compare(float a, float b, float c) {
  if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(c)) return;
  const float fused = fused_multiply_add(a, b, c), expected = std::fma(a, b, c);
  if (bits(fused) == bits(expected)) return;
  std::ostringstream terms;
  terms << std::hexfloat << a << " * " << b << " + " << c;
  check::equal(__FILE__, __LINE__, terms.str().c_str(), bits(fused), bits(expected));
}

// 32 bits, unlike what std::mt19937 returns.
static std::uint32_t draw(std::mt19937& random) { return static_cast<std::uint32_t>(random()); }

static float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

TEST(equals_fma_on_random_bits) {
  std::mt19937 random(1);
  for (int i = 0; i < 3'000'000; ++i)
    compare(from_bits(draw(random)), from_bits(draw(random)), from_bits(draw(random)));
}

// Exponents near one another, so that the product and the addend overlap, touch, or miss by a bit or two.
TEST(equals_fma_where_the_terms_meet) {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> exponent(-60, 60), near(-52, 52);
  for (int i = 0; i < 3'000'000; ++i) {
    const float a = std::ldexp(from_bits(0x3f800000u | (draw(random) & 0x807fffffu)), exponent(random));
    const float b = std::ldexp(from_bits(0x3f800000u | (draw(random) & 0x807fffffu)), exponent(random));
    const float c = std::ldexp(from_bits(0x3f800000u | (draw(random) & 0x807fffffu)), near(random)) * a * b;
    compare(a, b, c);
  }
}

// An addend far below half a unit of a product that lies exactly halfway: only its sign decides the rounding.
TEST(equals_fma_around_halfway_cases) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> exponent(-20, 20), far(-100, -24);
  for (int i = 0; i < 2'000'000; ++i) {
    const float a =
        static_cast<float>((draw(random) & 0xfff) | 0x801) * std::ldexp(1.0f, exponent(random));  // 12 bits, odd
    const auto b = static_cast<float>((draw(random) & 0x1fff) | 0x1001);  // 13 bits, odd: 25 in all
    compare(a, b, std::ldexp(draw(random) & 1 ? a : -a, far(random)));
    compare(a, -b, std::ldexp(draw(random) & 1 ? a : -a, far(random)));
    compare(a, b, 0);
  }
}

TEST(equals_fma_among_subnormals_and_zeros) {
  std::mt19937 random(4);
  const float smallest = from_bits(1);
  for (int i = 0; i < 2'000'000; ++i) {
    const float tiny = from_bits(draw(random) & 0x80ffffffu);
    const float a = from_bits((draw(random) & 0x807fffffu) | 0x20000000u),
                b = from_bits((draw(random) & 0x807fffffu) | 0x1f800000u);
    compare(a, b, tiny);
    compare(a, b, draw(random) & 1 ? smallest : -smallest);
    compare(a, b, 0);
  }
  for (const float a : {0.0f, -0.0f, smallest, -smallest, 1.0f, -1.0f}) {
    for (const float b : {0.0f, -0.0f, smallest, -smallest, 0.5f, -1.0f}) {
      for (const float c : {0.0f, -0.0f, smallest, -smallest, 1.0f}) compare(a, b, c);
    }
  }
}

TEST(equals_fma_near_overflow) {
  const float most = std::numeric_limits<float>::max();
  for (const float a : {most, -most}) {
    for (const float b : {1.0f, -1.0f, 1 + 0x1p-23f, 0.5f, 2.0f, most}) {
      for (const float c : {0.0f, most, -most, 0x1p102f, 0x1p103f, -0x1p103f}) compare(a, b, c);
    }
  }
}
