#pragma once
// The instructions of PTX that translate.py knows, as "PTX ISA" 9.0 describes them. Registers are numbers without a
// sign.

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "executor.hpp"
#include "language.hpp"

namespace translated {

struct Kernel {
  std::string name;  // as C++ has it
  void (*run)(const std::byte* parameters, std::byte* shared);
  std::size_t shared_bytes;                                     // without those that a launch asks for
  std::vector<std::pair<std::size_t, std::size_t>> parameters;  // where each begins, and its bytes
};

bool add(std::vector<Kernel> kernels);

}  // namespace translated

// Registers.

template <class T>
using Bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                   std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

// What a register holds, as a number of this type: its lowest bits where it is wider.
template <class T, class Register>
T as(Register value) {
  static_assert(sizeof(T) <= sizeof(Register));
  return std::bit_cast<T>(static_cast<Bits<T>>(std::bit_cast<Bits<Register>>(value)));
}

// Into a register, which is filled up by the number's sign where it is wider.
template <class Register, class T>
void put(Register& target, T value) {
  if constexpr (std::same_as<Register, bool>) {
    target = value;
  } else if constexpr (sizeof(Register) == sizeof(T)) {
    target = std::bit_cast<Register>(value);
  } else {
    static_assert(sizeof(T) < sizeof(Register) && std::integral<T>);
    target = static_cast<Register>(value);
  }
}

template <class T>
auto joined(T low, T high) {
  if constexpr (sizeof(T) == 2) return static_cast<std::uint32_t>(std::uint32_t{high} << 16 | low);
  if constexpr (sizeof(T) == 4) return std::uint64_t{high} << 32 | low;
}
inline std::uint16_t half_of(std::uint32_t whole, int half) { return static_cast<std::uint16_t>(whole >> 16 * half); }
inline std::uint32_t half_of(std::uint64_t whole, int half) { return static_cast<std::uint32_t>(whole >> 32 * half); }

// Memory.

inline std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }

// The same address, which must be a multiple of the bytes that are read or written at once.
template <std::size_t Bytes, class Byte>
Byte* aligned(Byte* address, std::source_location site = std::source_location::current()) {
  if (reinterpret_cast<std::uintptr_t>(address) % Bytes != 0) {
    emulated::fail(std::string(site.file_name()) + ":" + std::to_string(site.line()) + ": misaligned address");
  }
  return address;
}
template <class T>
T load(const std::byte* from, std::size_t place) {
  T value;
  std::memcpy(&value, from + place * sizeof(T), sizeof(T));
  return value;
}
template <class T>
void store(std::byte* to, std::size_t place, T value) {
  std::memcpy(to + place * sizeof(T), &value, sizeof(T));
}

template <class T>
T atomic_add(std::byte* address, T value) {
  using Known = std::conditional_t<sizeof(T) == 8 && std::integral<T>, unsigned long long, T>;
  return static_cast<T>(atomicAdd(reinterpret_cast<Known*>(address), static_cast<Known>(value)));
}
template <class T>
T atomic_min(std::byte* address, T value) {
  using Known = std::conditional_t<sizeof(T) == 8, unsigned long long, T>;
  return static_cast<T>(atomicMin(reinterpret_cast<Known*>(address), static_cast<Known>(value)));
}
template <class T>
T atomic_cas(std::byte* address, T expected, T value) {
  return atomicCAS(reinterpret_cast<T*>(address), expected, value);
}

// Arithmetic. Integers wrap around.

template <class T>
T wrapped(Bits<T> value) {
  return static_cast<T>(value);
}
template <class T>
T add(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a + b;
  else
    return wrapped<T>(static_cast<Bits<T>>(static_cast<Bits<T>>(a) + static_cast<Bits<T>>(b)));
}
template <class T>
T subtract(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a - b;
  else
    return wrapped<T>(static_cast<Bits<T>>(static_cast<Bits<T>>(a) - static_cast<Bits<T>>(b)));
}
template <class T>
T multiply(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a * b;
  else
    return wrapped<T>(static_cast<Bits<T>>(std::uint64_t{static_cast<Bits<T>>(a)} * static_cast<Bits<T>>(b)));
}

template <class T>
struct WiderThan;
template <>
struct WiderThan<std::int16_t> {
  using Type = std::int32_t;
};
template <>
struct WiderThan<std::uint16_t> {
  using Type = std::uint32_t;
};
template <>
struct WiderThan<std::int32_t> {
  using Type = std::int64_t;
};
template <>
struct WiderThan<std::uint32_t> {
  using Type = std::uint64_t;
};
template <class T>
using Wider = typename WiderThan<T>::Type;

template <class T>
Wider<T> multiply_wide(T a, T b) {
  return static_cast<Wider<T>>(Wider<T>{a} * Wider<T>{b});
}
template <class T>
T multiply_add(T a, T b, T c) {
  return add(multiply(a, b), c);
}
template <class T>
T divide(T a, T b) {
  return a / b;
}
template <class T>
T remainder(T a, T b) {
  return a % b;
}
template <class T>
T least(T a, T b) {
  if constexpr (std::floating_point<T>)
    return std::fmin(a, b);
  else
    return std::min(a, b);
}
template <class T>
T greatest(T a, T b) {
  if constexpr (std::floating_point<T>)
    return std::fmax(a, b);
  else
    return std::max(a, b);
}
template <class T>
T magnitude(T a) {
  return static_cast<T>(std::abs(a));
}
template <class T>
T negative(T a) {
  if constexpr (std::floating_point<T>)
    return -a;
  else
    return subtract(T{0}, a);
}
template <std::floating_point T>
T reciprocal(T a) {
  return 1 / a;
}

template <class T>
T bit_and(T a, T b) {
  return a & b;
}
template <class T>
T bit_or(T a, T b) {
  return a | b;
}
template <class T>
T bit_xor(T a, T b) {
  return a ^ b;
}
template <class T>
T bit_not(T a) {
  if constexpr (std::same_as<T, bool>)
    return !a;
  else
    return static_cast<T>(~a);
}
template <class T>
T shift_left(T a, std::uint32_t count) {
  return count < 8 * sizeof(T) ? static_cast<T>(static_cast<Bits<T>>(a) << count) : T{0};
}
template <class T>
T shift_right(T a, std::uint32_t count) {
  return static_cast<T>(a >> std::min<std::uint32_t>(count, 8 * sizeof(T) - 1) >> (count < 8 * sizeof(T) ? 0 : 1));
}
template <class T>
std::uint32_t count_ones(T a) {
  return static_cast<std::uint32_t>(std::popcount(a));
}
inline std::uint32_t reverse_bits(std::uint32_t a) {
  std::uint32_t reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (a >> i & 1) << (31 - i);
  return reversed;
}
// How far the highest one has to be shifted to the left; all ones where there is none.
inline std::uint32_t distance_of_first_one(std::uint32_t a) {
  return a == 0 ? ~std::uint32_t{0} : static_cast<std::uint32_t>(std::countl_zero(a));
}
// The lowest bits of a in place of some of b.
template <class T>
T insert_bits(T a, T b, std::uint32_t first, std::uint32_t count) {
  const T field = shift_left(subtract(shift_left(T{1}, count & 0xff), T{1}), first & 0xff);
  return static_cast<T>((b & ~field) | (shift_left(a, first & 0xff) & field));
}

// Conversions.

enum class Rounding { none, rn, rz, rni, rzi, rmi, rpi };

template <Rounding Mode, std::floating_point T>
T rounded(T value) {
  if constexpr (Mode == Rounding::rni) return std::nearbyint(value);
  if constexpr (Mode == Rounding::rzi) return std::trunc(value);
  if constexpr (Mode == Rounding::rmi) return std::floor(value);
  if constexpr (Mode == Rounding::rpi) return std::ceil(value);
  return value;
}

// Floats that are beyond an integer's range become its nearest end, and NaN becomes 0.
template <class To, Rounding Mode, class From>
To convert(From value) {
  if constexpr (std::integral<To> && std::floating_point<From>) {
    using Range = std::numeric_limits<To>;
    const From whole = rounded<Mode>(value);
    if (std::isnan(whole)) return 0;
    if (whole <= static_cast<From>(Range::min())) return Range::min();
    if (whole >= static_cast<From>(Range::max())) return Range::max();
    return static_cast<To>(whole);
  } else if constexpr (std::floating_point<From>) {
    return static_cast<To>(rounded<Mode>(value));
  } else {
    return static_cast<To>(value);
  }
}

// Exchanges between the threads of a warp.

enum class Shuffle { up, down, bfly, idx };

struct Shuffled {
  std::uint32_t value;
  bool within;
};

template <Shuffle Mode>
Shuffled shuffle(std::uint32_t value, std::uint32_t step, std::uint32_t clamp, std::uint32_t mask,
                 std::source_location site = std::source_location::current()) {
  const int lane = emulated::lane(), by = static_cast<int>(step & 31), segment = static_cast<int>(clamp >> 8 & 31);
  const int last = (lane & segment) | static_cast<int>(clamp & 31 & ~static_cast<unsigned>(segment));
  int from = 0;
  if constexpr (Mode == Shuffle::up) from = lane - by;
  if constexpr (Mode == Shuffle::down) from = lane + by;
  if constexpr (Mode == Shuffle::bfly) from = lane ^ by;
  if constexpr (Mode == Shuffle::idx) from = (lane & segment) | (by & ~segment);
  const bool within = Mode == Shuffle::up ? from >= last : from <= last;
  return {emulated::value_of_lane(mask, value, from, within, site), within};
}
