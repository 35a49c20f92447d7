#pragma once
// The k nearest rows of each query while the products are made: no matrix of keys is ever written.
//
// The gallery is cut into stripes. A block walks through one with some queries and, for each, writes what is below the
// limit so far behind the k nearest so far. When a list may not have room for all of the next tile, it is sorted down
// to k, which lowers the limit; so most keys are only compared. In the end the lists of all stripes are merged. Where
// tensor cores multiply, what is compared and written is what a key is at least; before a list is sorted, the keys
// themselves take its place, so that the answer is the same.

#include <cmath>
#include <cstdint>

#include "cuda/grid.cuh"
#include "cuda/keys.cuh"
#include "cuda/sort.cuh"

namespace faceprint::cuda {

// Places for the nearest of each query in each stripe, [stripes][queries][capacity]; a power of two.
struct Lists {
  Entry* entries;
  int queries, capacity, k;
  Count* computed;  // how many keys were, after tensor cores had not excluded them

  __device__ Entry* of(int stripe, int query) const {
    return entries + (std::int64_t{stripe} * queries + query) * capacity;
  }
};

// What a block shares of its queries.
template <class Shape>
struct SharedLimits {
  float limits[Shape::queries];  // only keys below are of use
  int counts[Shape::queries];    // of entries in the list
};

inline constexpr int sorted_by_block = 2048, sorted_by_warp = 256;  // entries at most, in shared memory

// Tiles are multiplied and lists are sorted in the same memory.
template <class Shape, class Number>
union SharedMemory {
  SharedTile<Shape, Number> tile;
  Entry sorted[sorted_by_block];
};

// The k least of a list come to its beginning in order. `memory` is the list itself where it does not fit another.
template <class Team>
__device__ void keep_least_of(Entry* list, int count, int k, Entry* memory) {
  if (memory != list) {
    for (int i = Team::member(); i < count; i += Team::size) memory[i] = list[i];
  }
  sort_entries<Team>(memory, static_cast<unsigned>(count));
  if (memory != list) {
    for (int i = Team::member(); i < count && i < k; i += Team::size) list[i] = memory[i];
  }
}

// By a whole block: the same for its lists of more than `most` entries, by a warp each if they are short.
template <class Shape>
[[gnu::noinline]] __device__ void keep_least(const Lists& lists, int stripe, int first_query, int most,
                                             SharedLimits<Shape>& shared, Entry* memory) {
  using Everyone = Block<Shape::threads>;
  const bool alone = lists.capacity <= sorted_by_warp;
  const int warp = Everyone::member() / Warp::size, teams = alone ? Shape::threads / Warp::size : 1;
  const int member = alone ? Warp::member() : Everyone::member();
  for (int query = alone ? warp : 0; query < Shape::queries; query += teams) {
    const int count = shared.counts[query];
    if (count <= most) continue;
    Entry* list = lists.of(stripe, first_query + query);
    if (alone) {
      keep_least_of<Warp>(list, count, lists.k, memory + warp * sorted_by_warp);
    } else {
      keep_least_of<Everyone>(list, count, lists.k, lists.capacity <= sorted_by_block ? memory : list);
    }
    const Entry* sorted = alone ? memory + warp * sorted_by_warp : lists.capacity <= sorted_by_block ? memory : list;
    if (member == 0) {
      shared.counts[query] = least(count, lists.k);
      if (count >= lists.k) shared.limits[query] = key_of(sorted[lists.k - 1]);
    }
    if (alone) {
      Warp::meet();
    } else {
      Everyone::meet();
    }
  }
  Everyone::meet();
}

// The numbers of rows. Where queries are rows themselves, none is near to itself.
struct Numbers {
  std::uint32_t first_row, first_query;
  bool join;

  __device__ std::uint32_t of_query(int query) const { return join ? first_query + query : ~std::uint32_t{0}; }
};

// By a whole block: computes the keys of lists of more than `most` entries, but for the first `computed` ones of each,
// and tells how many will be when the least have been kept.
template <class Shape, class Value>
[[gnu::noinline]] __device__ void compute_keys(const Pairs<Value>& pairs, KeyRange range, const Lists& lists,
                                               int stripe, int first_query, int most, std::uint32_t first_number,
                                               const SharedLimits<Shape>& shared, int* computed) {
  for (int query = static_cast<int>(threadIdx.x) / Warp::size; query < Shape::queries;
       query += Shape::threads / Warp::size) {
    const int count = shared.counts[query];
    if (count <= most) continue;
    Entry* list = lists.of(stripe, first_query + query);
    for (int i = computed[query] + Warp::member(); i < count; i += Warp::size) {
      const std::uint32_t number = row_of(list[i]);
      const float key = key_of_pair(pairs, first_query + query, static_cast<int>(number - first_number));
      list[i] = entry_of(range.clamp(key), number);
    }
    Warp::meet();
    if (Warp::member() > 0) continue;
    atomicAdd(lists.computed, static_cast<Count>(count - computed[query]));
    computed[query] = least(count, lists.k);
  }
  __syncthreads();
}

// By a block of either kernel below.
template <class Shape, class Value>
[[gnu::always_inline]] __device__ inline void scan(const Pairs<Value>& pairs, KeyRange range, const Lists& lists,
                                                   const Entry* nearest, int stripe_tiles, const Numbers& numbers) {
  using Memory = SharedMemory<Shape, Number<Value>>;
  FACEPRINT_SHARED(Memory, memory, [1]);
  using TileTerms = std::conditional_t<Shape::by_tensor_cores, SharedBounds<Shape>, SharedTerms<Shape>>;
  FACEPRINT_SHARED(TileTerms, terms, [1]);
  FACEPRINT_SHARED(SharedLimits<Shape>, shared, [1]);
  FACEPRINT_SHARED(int, computed, [Shape::queries]);
  const int first_query = static_cast<int>(blockIdx.x) * Shape::queries, stripe = static_cast<int>(blockIdx.y);
  for (int query = static_cast<int>(threadIdx.x); query < Shape::queries; query += Shape::threads) {
    const bool exists = first_query + query < pairs.queries.rows;
    const Entry last = exists ? nearest[std::int64_t{first_query + query + 1} * lists.k - 1] : no_entry;
    shared->limits[query] = last == no_entry ? INFINITY : key_of(last);
    shared->counts[query] = 0;
    if constexpr (Shape::by_tensor_cores) computed[query] = 0;
  }
  terms->load_queries(pairs, first_query);
  const int begin = stripe * stripe_tiles * Shape::rows;
  const int end = least(begin + stripe_tiles * Shape::rows, pairs.rows.rows);
  const auto keep = [&](int most) {
    if constexpr (Shape::by_tensor_cores) {
      compute_keys(pairs, range, lists, stripe, first_query, most, numbers.first_row, *shared, computed);
    }
    keep_least(lists, stripe, first_query, most, *shared, memory->sorted);
  };
  const int most = lists.capacity - Shape::rows;
  for (int first_row = begin; first_row < end; first_row += Shape::rows) {
    Sums<Shape, Number<Value>> sums;
    terms->load_rows(pairs, first_row);
    multiply<Shape, Value>(pairs.queries, first_query, pairs.rows, first_row, memory->tile, sums);
    if constexpr (Shape::by_tensor_cores) terms->raise(sums);
#pragma unroll
    for (int i = 0; i < Shape::thread_queries; ++i) {
      const int query = Shape::query(i);
      const float limit = shared->limits[query];
#pragma unroll
      for (int j = 0; j < Shape::thread_rows; ++j) {
        const float found = terms->key(sums[i][j], query, Shape::row(j)), key = range.clamp(found);
        if (!(found < limit && key < limit)) continue;
        const std::uint32_t number = numbers.first_row + static_cast<std::uint32_t>(first_row + Shape::row(j));
        if (number == numbers.of_query(first_query + query)) continue;
        const int place = atomicAdd(&shared->counts[query], 1);
        lists.of(stripe, first_query + query)[place] = entry_of(key, number);
      }
    }
    int full = 0;
    __syncthreads();
    for (int query = static_cast<int>(threadIdx.x); query < Shape::queries; query += Shape::threads) {
      full |= shared->counts[query] > most;
    }
    if (__syncthreads_or(full)) keep(most);
  }
  __syncthreads();
  keep(0);
  for (int query = 0; query < Shape::queries && first_query + query < pairs.queries.rows; ++query) {
    Entry* list = lists.of(stripe, first_query + query);
    for (int i = shared->counts[query] + static_cast<int>(threadIdx.x); i < lists.k; i += Shape::threads) {
      list[i] = no_entry;
    }
  }
}

// Grid: tiles of queries by stripes of `stripe_tiles` tiles each. `nearest`, [queries][k], are those of rows before.
template <class Shape, class Value>
__global__ void __launch_bounds__(Shape::threads, 2)
    scan_nearest(Pairs<Value> pairs, KeyRange range, Lists lists, const Entry* nearest, int stripe_tiles,
                 Numbers numbers) {
  scan<Shape>(pairs, range, lists, nearest, stripe_tiles, numbers);
}

// The same by tensor cores. The pairs, to which functions refer, stay where they are: a copy would cost registers.
template <class Value>
__global__ void __launch_bounds__(TensorQueries::threads, 2)
    scan_bounded(const __grid_constant__ Pairs<Value> pairs, KeyRange range, Lists lists, const Entry* nearest,
                 int stripe_tiles, Numbers numbers) {
  scan<TensorQueries>(pairs, range, lists, nearest, stripe_tiles, numbers);
}

template <class Shape, class Value>
constexpr auto scan_kernel() {
  if constexpr (Shape::by_tensor_cores) {
    return &scan_bounded<Value>;
  } else {
    return &scan_nearest<Shape, Value>;
  }
}

// How many entries of a sorted list are less.
__device__ inline int rank_in(const Entry* list, int size, Entry entry) {
  int low = 0;
  while (size > 0) {
    const int half = size / 2;
    if (list[low + half] < entry) {
      low += half + 1;
      size -= half + 1;
    } else {
      size = half;
    }
  }
  return low;
}

// Merges sorted lists, those of the stripes and `nearest`, into `merged`, [queries][k], which must hold no_entry: a
// thread an entry finds how many come before it.
static __global__ void merge_lists(Lists lists, int stripes, const Entry* nearest, Entry* merged) {
  const std::int64_t at = global_thread(), line = at / lists.k;
  const int query = static_cast<int>(line / (stripes + 1)), own = static_cast<int>(line % (stripes + 1));
  if (line / (stripes + 1) >= lists.queries) return;
  const auto list_of = [&](int stripe) {
    return stripe < stripes ? lists.of(stripe, query) : nearest + std::int64_t{query} * lists.k;
  };
  int rank = static_cast<int>(at % lists.k);
  const Entry entry = list_of(own)[rank];
  if (entry == no_entry) return;
  for (int stripe = 0; stripe <= stripes; ++stripe) {
    if (stripe != own) rank += rank_in(list_of(stripe), lists.k, entry);
  }
  if (rank < lists.k) merged[std::int64_t{query} * lists.k + rank] = entry;
}

static __global__ void read_entries(const Entry* entries, std::int64_t count, bool similarity, float* values,
                                    std::int64_t* rows) {
  const std::int64_t at = global_thread();
  if (at >= count) return;
  const float key = key_of(entries[at]);
  values[at] = similarity ? 0.0f - key : key;
  rows[at] = row_of(entries[at]);
}

}  // namespace faceprint::cuda
