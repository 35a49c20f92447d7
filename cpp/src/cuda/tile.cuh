#pragma once
// The products of a tile: some queries with some rows of a gallery, each sum one chain over the depth in the registers
// of one thread, so that it has the bits that the CPU's has; or by tensor cores, near to that.

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/panels.cuh"
#include "cuda/tensor.cuh"
#include "half.hpp"

namespace faceprint::cuda {

// What products of values are made of: floats, or four codes in an int.
template <class Value>
struct NumberOf {
  using Type = float;
};
template <>
struct NumberOf<Codes> {
  using Type = int;
};
template <>
struct NumberOf<int> {
  using Type = int;
};
template <class Value>
using Number = typename NumberOf<Value>::Type;

// Neighbouring rows' numbers of one place, read at once.
__device__ inline void load_four(const float* from, float (&to)[4]) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ inline void load_four(const int* from, int (&to)[4]) {
  const int4 four = *reinterpret_cast<const int4*>(from);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ inline void load_four(const Codes* from, int (&to)[4]) {
  load_four(reinterpret_cast<const int*>(from), to);
  for (int& four : to) four ^= static_cast<int>(0x80808080u);  // 128 less
}
__device__ inline void load_four(const Half* from, float (&to)[4]) {
  const uint2 four = *reinterpret_cast<const uint2*>(from);
  const std::uint32_t halves[4] = {four.x, four.x >> 16, four.y, four.y >> 16};
  for (int i = 0; i < 4; ++i) to[i] = to_float(Half{static_cast<std::uint16_t>(halves[i])});
}
__device__ inline void store_four(const float (&from)[4], float* to) {
  *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
}
__device__ inline void store_four(const int (&from)[4], int* to) {
  *reinterpret_cast<int4*>(to) = make_int4(from[0], from[1], from[2], from[3]);
}
__device__ inline void load_two(const float* from, float (&to)[2]) {
  const float2 two = *reinterpret_cast<const float2*>(from);
  to[0] = two.x, to[1] = two.y;
}
__device__ inline void load_two(const int* from, int (&to)[2]) {
  const int2 two = *reinterpret_cast<const int2*>(from);
  to[0] = two.x, to[1] = two.y;
}

__device__ inline float add_product(float a, float b, float sum) { return fmaf(a, b, sum); }
__device__ inline int add_product(int a, int b, int sum) { return __dp4a(a, b, sum); }

// How many queries and rows a block multiplies, and how many of them each thread.
template <int Queries, int Rows, int ThreadQueries, int ThreadRows>
struct Shape {
  static constexpr int queries = Queries, rows = Rows, thread_queries = ThreadQueries, thread_rows = ThreadRows;
  static constexpr int across = Rows / ThreadRows, threads = Queries / ThreadQueries * across;
  static constexpr int rows_at_once = ThreadRows < 4 ? ThreadRows : 4;  // that a thread reads from shared memory
  static constexpr int chunk = 8;                                       // of the depth, in shared memory
  static constexpr int gap = 0;                                         // behind the numbers of one depth
  static constexpr bool by_tensor_cores = false;

  // The place in the tile of what a thread multiplies. Neighbouring threads have neighbouring rows, so that shared
  // memory is read without conflicts.
  __device__ static int query(int i) { return static_cast<int>(threadIdx.x) / across * ThreadQueries + i; }
  __device__ static int row(int j) {
    const int lane = static_cast<int>(threadIdx.x) % across;
    return j / rows_at_once * rows_at_once * across + rows_at_once * lane + j % rows_at_once;
  }
};
using ManyQueries = Shape<128, 128, 8, 8>;
using FewQueries = Shape<16, 256, 8, 2>;  // which wait for memory

// The same for tensor cores: a warp multiplies 64 queries with 32 rows, 16 with 8 at a time. With the gap, lanes read
// shared memory without conflicts.
struct TensorQueries {
  static constexpr int queries = 128, rows = 128, thread_queries = 8, thread_rows = 8, threads = 256;
  static constexpr int chunk = 8, gap = 8;
  static constexpr bool by_tensor_cores = true;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static int first_query() { return static_cast<int>(threadIdx.x) / 128 * 64; }
  __device__ static int first_row() { return static_cast<int>(threadIdx.x) / 32 % 4 * 32; }
  __device__ static int query(int i) { return first_query() + i / 2 * 16 + i % 2 * 8 + lane() / 4; }
  __device__ static int row(int j) { return first_row() + j / 2 * 8 + lane() % 4 * 2 + j % 2; }
};

template <class Shape, class Number>
struct SharedTile {
  alignas(16) Number queries[2][Shape::chunk][Shape::queries + Shape::gap];
  alignas(16) Number rows[2][Shape::chunk][Shape::rows + Shape::gap];
};

// What a thread carries of the next chunk from global into shared memory. After the last row, and the last place of a
// row, there are zeros.
template <class Shape, int Rows, class Value>
class Carried {
 public:
  __device__ Carried(const Panels<Value>& panels, int first) : length_(panels.length) {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      const int row = first + piece(i) % across * 4;
      from_[i] = piece(i) < pieces && row < panels.padded_rows() ? panels.data + panels.place(row, column(i)) : nullptr;
    }
  }
  __device__ void load(int first_column) {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      for (Number<Value>& number : numbers_[i]) number = 0;
      if (from_[i] && first_column + column(i) < length_) {
        load_four(from_[i] + std::int64_t{first_column} * panel_rows, numbers_[i]);
      }
    }
  }
  __device__ void store(Number<Value> (&to)[Shape::chunk][Rows + Shape::gap]) {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      if constexpr (Shape::by_tensor_cores && !std::is_same_v<Value, Half>) {  // halves are TF32 already
#pragma unroll
        for (float& number : numbers_[i]) number = to_tf32(number);
      }
      if (piece(i) < pieces) store_four(numbers_[i], &to[column(i)][piece(i) % across * 4]);
    }
  }

 private:
  static constexpr int across = Rows / 4, pieces = across * Shape::chunk;
  static constexpr int each = (pieces + Shape::threads - 1) / Shape::threads;

  __device__ static int piece(int i) { return static_cast<int>(threadIdx.x) + i * Shape::threads; }
  __device__ static int column(int i) { return piece(i) / across; }

  const Value* from_[each];
  int length_;
  Number<Value> numbers_[each][4] = {};
};

template <class Shape, class Number>
using Sums = Number[Shape::thread_queries][Shape::thread_rows];

template <class Shape, class Number>
__device__ void add_chunk(const SharedTile<Shape, Number>& tile, int buffer, Sums<Shape, Number>& sums) {
#pragma unroll 2  // more at once would want more registers than two blocks a multiprocessor have
  for (int d = 0; d < Shape::chunk; ++d) {
    Number queries[Shape::thread_queries], rows[Shape::thread_rows];
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; i += 4) {
      load_four(&tile.queries[buffer][d][Shape::query(i)], *reinterpret_cast<Number(*)[4]>(queries + i));
    }
#pragma unroll
    for (int j = 0; j < Shape::thread_rows; j += Shape::rows_at_once) {
      const Number* from = &tile.rows[buffer][d][Shape::row(j)];
      if constexpr (Shape::rows_at_once == 4) {
        load_four(from, *reinterpret_cast<Number(*)[4]>(rows + j));
      } else {
        load_two(from, *reinterpret_cast<Number(*)[2]>(rows + j));
      }
    }
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; ++i) {
#pragma unroll
      for (int j = 0; j < Shape::thread_rows; ++j) sums[i][j] = add_product(queries[i], rows[j], sums[i][j]);
    }
  }
}

// By tensor cores, in the places that `multiply_add` states.
__device__ inline void add_chunk(const SharedTile<TensorQueries, float>& tile, int buffer,
                                 Sums<TensorQueries, float>& sums) {
  using Shape = TensorQueries;
  const int depth = Shape::lane() % 4, place = Shape::lane() / 4;
  float rows[Shape::thread_rows / 2][2];
#pragma unroll
  for (int j = 0; j < Shape::thread_rows / 2; ++j) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      rows[j][half] = tile.rows[buffer][depth + 4 * half][Shape::first_row() + 8 * j + place];
    }
  }
#pragma unroll
  for (int i = 0; i < Shape::thread_queries / 2; ++i) {
    float queries[4];
#pragma unroll
    for (int piece = 0; piece < 4; ++piece) {
      const int query = Shape::first_query() + 16 * i + piece % 2 * 8 + place;
      queries[piece] = tile.queries[buffer][depth + piece / 2 * 4][query];
    }
#pragma unroll
    for (int j = 0; j < Shape::thread_rows / 2; ++j) {
      float four[4] = {sums[2 * i][2 * j], sums[2 * i][2 * j + 1], sums[2 * i + 1][2 * j], sums[2 * i + 1][2 * j + 1]};
      multiply_add(queries, rows[j], four);
#pragma unroll
      for (int l = 0; l < 4; ++l) sums[2 * i + l / 2][2 * j + l % 2] = four[l];
    }
  }
}

// By the whole block, which must have met since it last used the tile: the queries and rows from the first ones on.
// While a chunk is multiplied, the next is on its way.
template <class Shape, class Value>
__device__ void multiply(const Panels<Number<Value>>& queries, int first_query, const Panels<Value>& rows,
                         int first_row, SharedTile<Shape, Number<Value>>& tile, Sums<Shape, Number<Value>>& sums) {
#pragma unroll
  for (auto& row : sums) {
#pragma unroll
    for (Number<Value>& sum : row) sum = 0;
  }
  Carried<Shape, Shape::queries, Number<Value>> next_queries(queries, first_query);
  Carried<Shape, Shape::rows, Value> next_rows(rows, first_row);
  next_queries.load(0);
  next_rows.load(0);
  next_queries.store(tile.queries[0]);
  next_rows.store(tile.rows[0]);
  __syncthreads();
  int buffer = 0;
  for (int column = Shape::chunk; column < rows.length; column += Shape::chunk, buffer ^= 1) {
    next_queries.load(column);
    next_rows.load(column);
    add_chunk(tile, buffer, sums);
    next_queries.store(tile.queries[buffer ^ 1]);
    next_rows.store(tile.rows[buffer ^ 1]);
    __syncthreads();
  }
  add_chunk(tile, buffer, sums);
}

}  // namespace faceprint::cuda
