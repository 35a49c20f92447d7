#pragma once
// CUDA C++ as kernels use it. Its rules are checked where a card would not: whoever breaks one stops the launch.

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <source_location>
#include <type_traits>

#include "executor.hpp"

#define __global__ inline
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(...)

struct alignas(8) int2 {
  int x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};

constexpr int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
constexpr float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline void __syncthreads(std::source_location site = std::source_location::current()) {
  emulated::meet_block(0, site);
}
inline int __syncthreads_or(int predicate, std::source_location site = std::source_location::current()) {
  return emulated::meet_block(predicate != 0, site);
}
inline void __syncwarp(unsigned mask = 0xffffffff, std::source_location site = std::source_location::current()) {
  emulated::meet_warp(mask, site);
}

namespace emulated {

// The value that a lane of this warp brought along, or this lane's own where `lane` is out of its part of the warp.
template <class T>
T value_of_lane(unsigned mask, T value, int lane, bool within, std::source_location site) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
  std::uint64_t word = 0;
  __builtin_memcpy(&word, &value, sizeof value);
  const Exchanged words = exchange(mask, word, site);
  if (within) {
    check_lane(mask, lane, site);
    __builtin_memcpy(&value, &words[static_cast<std::size_t>(lane)], sizeof value);
  }
  return value;
}

}  // namespace emulated

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32,
              std::source_location site = std::source_location::current()) {
  const int from = (emulated::lane() & ~(width - 1)) + (lane & (width - 1));
  return emulated::value_of_lane(mask, value, from, true, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 std::source_location site = std::source_location::current()) {
  const int from = emulated::lane() - static_cast<int>(distance);
  return emulated::value_of_lane(mask, value, from, from >= (emulated::lane() & ~(width - 1)), site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  std::source_location site = std::source_location::current()) {
  const int from = emulated::lane() ^ bits;
  return emulated::value_of_lane(mask, value, from, from < (emulated::lane() & ~(width - 1)) + width, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location site = std::source_location::current()) {
  const emulated::Exchanged words = emulated::exchange(mask, predicate != 0, site);
  unsigned votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1 && words[lane]) votes |= 1u << lane;
  }
  return votes;
}

namespace emulated {

template <class T, class... Kinds>
concept AnyOf = (std::same_as<T, Kinds> || ...);

// Fibers of a block give way only where this says so, hence nothing comes between reading and writing.
template <class T, class Change>
T change_atomically(T* address, const Change& change) {
  const AtomicAccess here;
  const T before = *address;
  *address = change(before);
  return before;
}

}  // namespace emulated

template <emulated::AnyOf<int, unsigned, unsigned long long, float, double> T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return emulated::change_atomically(address, [&](T before) {
    if constexpr (std::same_as<T, int>) {
      return static_cast<int>(static_cast<unsigned>(before) + static_cast<unsigned>(value));
    } else {
      return before + value;
    }
  });
}
template <emulated::AnyOf<int, unsigned, unsigned long long> T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return emulated::change_atomically(address, [&](T before) { return value < before ? value : before; });
}
template <emulated::AnyOf<int, unsigned, unsigned long long> T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return emulated::change_atomically(address, [&](T before) { return before == expected ? value : before; });
}

inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }

namespace emulated {

// Rounded to 10 bits behind the point, halves away from 0.
inline float to_tf32(float number) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(number) + 0x1000) & ~std::uint32_t{0x1fff});
}

}  // namespace emulated

// Four products of bytes, added to a sum.
inline int __dp4a(int a, int b, int sum) {
  for (int shift = 0; shift < 32; shift += 8) {
    sum += static_cast<std::int8_t>(a >> shift) * static_cast<std::int8_t>(b >> shift);
  }
  return sum;
}
