#pragma once
// Which negatives belong to the pairs of some anchors.

#include <algorithm>

#include "cuda/anchors.cuh"

namespace faceprint::cuda {

__device__ inline void add_negative(const TripletRule& rule, std::int32_t negative, float distance, Found& found) {
  if (!(distance < pair_of(rule, found.positive, found.near).limit)) return;
  found.negative = negative;
  found.far = distance;
}

// The nearest negative of all. A block of whole warps an anchor.
static __global__ void pick_nearest(Anchors anchors, Identities identities, TripletRule rule, Found* found) {
  FACEPRINT_SHARED(Entry, bests, [warp_size]);
  const auto i = static_cast<std::int32_t>(blockIdx.x);
  const auto thread = static_cast<std::int32_t>(threadIdx.x), threads = static_cast<std::int32_t>(blockDim.x);
  const float* apart = anchors.apart(i);
  Entry best = no_entry;
  for (std::int32_t row = thread; row < anchors.rows; row += threads) {
    if (identities.same(anchors.first + i, row)) continue;
    best = std::min(best, entry_of(apart[row], row));
  }
  best = least_of_warp(best);
  if (thread % warp_size == 0) bests[thread / warp_size] = best;
  __syncthreads();
  for (std::int32_t warp = 0; warp < threads / warp_size; ++warp) best = std::min(best, bests[warp]);
  if (best == no_entry) return;
  const auto negative = static_cast<std::int32_t>(row_of(best));
  for (std::int64_t place = anchors.begins[i] + thread; place < anchors.begins[i + 1]; place += threads) {
    add_negative(rule, negative, apart[negative], found[place]);
  }
}

// Of the following, blocks take anchors in turns. Thresholds are the distances at which pairs begin or end to want
// negatives, as entries of row 0, which can be sorted; the bin of a distance is how many of them are at most that.

inline constexpr int picking_threads = 256;

constexpr Entry threshold(float distance) { return entry_of(distance, 0); }

// How many bytes of room `pick_next` needs.
constexpr std::size_t room_to_pick_next(std::int32_t pairs) {
  return static_cast<std::size_t>(pairs) * sizeof(Entry) +
         2 * static_cast<std::size_t>(pairs + 1) * sizeof(std::uint32_t);
}

// The nearest negative that is farther than the positive.
static __global__ void pick_next(Anchors anchors, Identities identities, TripletRule rule, Found* found, Room room) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  constexpr std::int32_t threads = picking_threads;
  for (auto i = static_cast<std::int32_t>(blockIdx.x); i < anchors.count; i += gridDim.x) {
    const std::int64_t begin = anchors.begins[i];
    const auto pairs = static_cast<std::int32_t>(anchors.begins[i + 1] - begin);
    if (pairs == 0) continue;
    auto* thresholds = room.of_block<Entry>();
    auto* nearest = reinterpret_cast<std::uint32_t*>(thresholds + pairs);  // of each bin, as bits
    std::uint32_t* rows = nearest + pairs + 1;                             // and its row
    for (std::int32_t j = thread; j < pairs; j += threads) {
      thresholds[j] = threshold(pair_of(rule, 0, found[begin + j].near).lowest);
    }
    for (std::int32_t bin = thread; bin <= pairs; bin += threads) nearest[bin] = rows[bin] = above_all;
    sort_entries<Block<picking_threads>>(thresholds, static_cast<unsigned>(pairs));
    const auto bin_of = [&](float distance) { return up_to(threshold(distance), thresholds, pairs); };

    const float* apart = anchors.apart(i);
    for (std::int32_t row = thread; row < anchors.rows; row += threads) {
      if (identities.same(anchors.first + i, row)) continue;
      atomicMin(&nearest[bin_of(apart[row])], bits(apart[row]));
    }
    __syncthreads();
    for (std::int32_t row = thread; row < anchors.rows; row += threads) {
      if (identities.same(anchors.first + i, row)) continue;
      const std::int32_t bin = bin_of(apart[row]);
      if (nearest[bin] == bits(apart[row])) atomicMin(&rows[bin], static_cast<std::uint32_t>(row));
    }
    __syncthreads();
    for (std::int32_t j = thread; j < pairs; j += threads) {
      Found& pair = found[begin + j];
      std::int32_t bin = bin_of(pair_of(rule, 0, pair.near).lowest);
      while (bin < pairs && rows[bin] == above_all) ++bin;  // where a bin is empty, the next one has the nearest
      if (rows[bin] != above_all) add_negative(rule, static_cast<std::int32_t>(rows[bin]), apart[rows[bin]], pair);
    }
    __syncthreads();
  }
}

// The place-th row, counted from 0, of another identity with lower <= distance < upper, of which there are more than
// that. By a warp.
__device__ inline std::int32_t find_row(const Anchors& anchors, const Identities& identities, std::int32_t i,
                                        Entry lower, Entry upper, std::int32_t place) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % warp_size);
  for (std::int32_t first = 0; first < anchors.rows; first += warp_size) {
    const std::int32_t row = first + lane;
    bool counts = row < anchors.rows && !identities.same(anchors.first + i, row);
    if (counts) {
      const Entry apart = threshold(anchors.apart(i)[row]);
      counts = lower <= apart && apart < upper;
    }
    std::uint32_t found = __ballot_sync(whole_warp, counts);
    if (place >= __popc(found)) {
      place -= __popc(found);
      continue;
    }
    for (; place > 0; --place) found &= found - 1;
    return first + __ffs(static_cast<std::int32_t>(found)) - 1;
  }
  return none;
}

// How many bytes of room `pick_any` needs.
constexpr std::size_t room_to_pick_any(std::int32_t pairs) {
  return 2 * static_cast<std::size_t>(pairs) * sizeof(Entry) +
         2 * static_cast<std::size_t>(pairs + 1) * sizeof(std::uint32_t);
}

// One negative of those within a pair's limits, drawn at random: they are numbered by bin, in each bin by row.
static __global__ void pick_any(Anchors anchors, Identities identities, TripletRule rule, Found* found, Room room) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  constexpr std::int32_t threads = picking_threads;
  for (auto i = static_cast<std::int32_t>(blockIdx.x); i < anchors.count; i += gridDim.x) {
    const std::int64_t begin = anchors.begins[i];
    const auto pairs = static_cast<std::int32_t>(anchors.begins[i + 1] - begin);
    if (pairs == 0) continue;
    auto* thresholds = room.of_block<Entry>();
    auto* starts = reinterpret_cast<std::uint32_t*>(thresholds + 2 * pairs);  // the number of each bin's first negative
    for (std::int32_t j = thread; j < pairs; j += threads) {
      const Pair pair = pair_of(rule, 0, found[begin + j].near);
      thresholds[2 * j] = threshold(pair.lowest);
      thresholds[2 * j + 1] = threshold(pair.limit);
    }
    for (std::int32_t bin = thread; bin < 2 * pairs + 2; bin += threads) starts[bin] = 0;
    sort_entries<Block<picking_threads>>(thresholds, static_cast<unsigned>(2 * pairs));
    const auto bin_of = [&](float distance) { return up_to(threshold(distance), thresholds, 2 * pairs); };

    const float* apart = anchors.apart(i);
    for (std::int32_t row = thread; row < anchors.rows; row += threads) {
      if (identities.same(anchors.first + i, row)) continue;
      atomicAdd(&starts[bin_of(apart[row]) + 1], 1U);
    }
    __syncthreads();
    add_up(starts, 2 * pairs + 2);
    __syncthreads();
    for (std::int32_t j = thread / warp_size; j < pairs; j += threads / warp_size) {
      const Pair pair = pair_of(rule, found[begin + j].positive, found[begin + j].near);
      const std::uint32_t first = starts[bin_of(pair.lowest)];
      const std::uint32_t last = starts[bin_of(pair.limit)];
      if (first >= last) continue;
      const auto drawn =
          static_cast<std::uint32_t>(first + draw(rule.seed, anchors.first + i, pair.positive, last - first));
      const std::int32_t bin = up_to(drawn, starts + 1, 2 * pairs);
      const std::int32_t row = find_row(anchors, identities, i, bin > 0 ? thresholds[bin - 1] : threshold(0),
                                        thresholds[bin], static_cast<std::int32_t>(drawn - starts[bin]));
      if (thread % warp_size == 0) {
        found[begin + j].negative = row;
        found[begin + j].far = apart[row];
      }
    }
    __syncthreads();
  }
}

// All negatives within a pair's limits: how many, or, where `rows` is given, which, from offsets[pair] on. A block of
// whole warps an anchor.
static __global__ void pick_all(Anchors anchors, Identities identities, TripletRule rule, const Found* found,
                                std::int64_t* offsets, std::int32_t* rows) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x), threads = static_cast<std::int32_t>(blockDim.x);
  const auto i = static_cast<std::int32_t>(blockIdx.x), lane = thread % warp_size;
  const float* apart = anchors.apart(i);
  for (std::int64_t place = anchors.begins[i] + thread / warp_size; place < anchors.begins[i + 1];
       place += threads / warp_size) {
    const Pair pair = pair_of(rule, 0, found[place].near);
    std::int64_t count = rows ? offsets[place] : 0;
    for (std::int32_t first = 0; first < anchors.rows; first += warp_size) {
      const std::int32_t row = first + lane;
      bool counts = row < anchors.rows && !identities.same(anchors.first + i, row);
      if (counts) counts = pair.lowest <= apart[row] && apart[row] < pair.limit;
      const std::uint32_t others = __ballot_sync(whole_warp, counts);
      if (rows && counts) rows[count + __popc(others & ((1U << lane) - 1))] = row;
      count += __popc(others);
    }
    if (!rows && lane == 0) offsets[place] = count;
  }
}

}  // namespace faceprint::cuda
