#pragma once
// The loss over all triplets of a batch and its gradient, without any of them named, as cpu/batch_all.cpp has them: the
// same sums in the same order.

#include <algorithm>

#include "cuda/anchors.cuh"
#include "cuda/grid.cuh"

namespace faceprint::cuda {

inline constexpr int weighing_threads = 256;

// How many bytes of room `weigh` needs.
constexpr std::size_t room_to_weigh(std::int32_t pairs) {
  return static_cast<std::size_t>(pairs) * (sizeof(Entry) + sizeof(double) + 2 * sizeof(std::uint32_t)) +
         static_cast<std::size_t>(weighing_threads + 1) * sizeof(double);
}

// Puts in place of the distances in how many triplets each takes part, negative for those to negatives. Blocks take
// anchors in turns.
static __global__ void weigh(Anchors anchors, Identities identities, TripletRule rule, const Found* found,
                             TripletSum* triplets, Room room) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  constexpr std::int32_t threads = weighing_threads;
  for (auto i = static_cast<std::int32_t>(blockIdx.x); i < anchors.count; i += gridDim.x) {
    const std::int64_t begin = anchors.begins[i];
    const auto pairs = static_cast<std::int32_t>(anchors.begins[i + 1] - begin);
    auto* sorted = room.of_block<Entry>();                   // the positives
    auto* sums = reinterpret_cast<double*>(sorted + pairs);  // of the pairs from each bin on
    double* terms = sums + pairs + 1;
    auto* limits = reinterpret_cast<std::uint32_t*>(terms + threads);
    std::uint32_t* below = limits + pairs;  // the negatives of each bin, then of all bins up to it
    for (std::int32_t j = thread; j < pairs; j += threads) {
      sorted[j] = entry_of(found[begin + j].near, found[begin + j].positive);
      below[j] = 0;
    }
    sort_entries<Block<weighing_threads>>(sorted, static_cast<unsigned>(pairs));
    for (std::int32_t j = thread; j < pairs; j += threads) limits[j] = bits(pair_of(rule, 0, key_of(sorted[j])).limit);
    if (thread == 0) {
      sums[pairs] = 0;
      for (std::int32_t j = pairs - 1; j >= 0; --j) {
        sums[j] = sums[j + 1] + static_cast<double>(key_of(sorted[j])) + rule.margin;
      }
    }
    __syncthreads();

    float* weights = anchors.distances + std::int64_t{i} * anchors.rows;
    double part = 0;  // of every fourth row, in the order of rows
    for (std::int32_t first = 0; first < anchors.rows; first += threads) {
      const std::int32_t row = first + thread;
      double term = 0;
      if (row < anchors.rows) {
        float weight = 0;
        if (!identities.same(anchors.first + i, row)) {
          const std::int32_t bin = up_to(bits(weights[row]), limits, pairs);
          const std::int32_t share = pairs - bin;
          if (share > 0) {
            term = sums[bin] - share * static_cast<double>(weights[row]);
            weight = -static_cast<float>(share);
            atomicAdd(&below[bin], 1U);
          }
        }
        weights[row] = weight;
      }
      terms[thread] = term;
      __syncthreads();
      for (std::int32_t j = thread; thread < 4 && j < threads; j += 4) part += terms[j];
      __syncthreads();
    }
    if (thread < 4) terms[thread] = part;
    add_up(below, pairs);
    __syncthreads();
    for (std::int32_t j = thread; j < pairs; j += threads) {
      weights[row_of(sorted[j])] = static_cast<float>(below[j]);
    }
    if (thread == 0) {
      TripletSum all = {(terms[0] + terms[1]) + (terms[2] + terms[3]), 0};
      for (std::int32_t j = 0; j < pairs; ++j) all.count += below[j];
      triplets[anchors.first + i] = all;
    }
    __syncthreads();
  }
}

// Weights as factors of products: those of an anchor are a row.
struct Weights {
  const float* data;
  std::int64_t stride;
  bool transposed;  // whether results belong to columns
  std::int32_t results, chain;

  __device__ float at(std::int32_t result, std::int32_t link) const {
    return transposed ? data[link * stride + result] : data[result * stride + link];
  }
};

inline constexpr std::int32_t chain_length = anchor_multiple;  // of a sum in float32

// A tile of results and numbers, each thread 4 x 4 of them; some links of the chain at a time.
struct ProductTile {
  static constexpr std::int32_t side = 64, links = 16, thread_side = 4, across = side / thread_side;
  static constexpr std::int32_t threads = across * across;

  alignas(16) float weights[links][side + 4];  // wider, for columns of it to lie in different banks
  alignas(16) float rows[links][side];
};

// Adds to out, [results, depth], the products of weights with rows of embeddings, [chain, depth].
static __global__ void __launch_bounds__(ProductTile::threads, 2)
    add_products(Weights weights, Matrix<const float> rows, double* out) {
  FACEPRINT_SHARED(ProductTile, tile, );
  constexpr std::int32_t side = ProductTile::side, links = ProductTile::links, each = ProductTile::thread_side;
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  const auto depth = static_cast<std::int32_t>(rows.columns);
  const std::int32_t first_result = static_cast<std::int32_t>(blockIdx.x) * side;
  const std::int32_t first_number = static_cast<std::int32_t>(blockIdx.y) * side;
  const std::int32_t down = thread / ProductTile::across * each, along = thread % ProductTile::across * each;
  const auto lies_in_out = [&](std::int32_t r, std::int32_t c) {
    return first_result + down + r < weights.results && first_number + along + c < depth;
  };
  const auto place = [&](std::int32_t r, std::int32_t c) {
    return std::int64_t{first_result + down + r} * depth + first_number + along + c;
  };

  double wholes[each][each];
  for (std::int32_t r = 0; r < each; ++r) {
    for (std::int32_t c = 0; c < each; ++c) wholes[r][c] = lies_in_out(r, c) ? out[place(r, c)] : 0;
  }
  for (std::int32_t first = 0; first < weights.chain; first += chain_length) {
    const std::int32_t end = std::min(first + chain_length, weights.chain);
    float sums[each][each] = {};
    for (std::int32_t link = first; link < end; link += links) {
      for (std::int32_t i = thread; i < links * side; i += ProductTile::threads) {
        // Neighbouring threads read neighbouring numbers.
        const std::int32_t l = weights.transposed ? i / side : i % links;
        const std::int32_t result = weights.transposed ? i % side : i / links;
        const bool there = link + l < end && first_result + result < weights.results;
        tile.weights[l][result] = there ? weights.at(first_result + result, link + l) : 0;
      }
      for (std::int32_t i = thread; i < links * side; i += ProductTile::threads) {
        const std::int32_t l = i / side, number = first_number + i % side;
        const bool there = link + l < end && number < depth;
        tile.rows[l][i % side] = there ? rows.row(link + l)[number] : 0;
      }
      __syncthreads();
      for (std::int32_t l = 0; l < links; ++l) {
        const float4 weight = *reinterpret_cast<const float4*>(&tile.weights[l][down]);
        const float4 row = *reinterpret_cast<const float4*>(&tile.rows[l][along]);
        const float by[] = {weight.x, weight.y, weight.z, weight.w}, of[] = {row.x, row.y, row.z, row.w};
        for (std::int32_t r = 0; r < each; ++r) {
          for (std::int32_t c = 0; c < each; ++c) sums[r][c] = fmaf(by[r], of[c], sums[r][c]);
        }
      }
      __syncthreads();
    }
    for (std::int32_t r = 0; r < each; ++r) {
      for (std::int32_t c = 0; c < each; ++c) wholes[r][c] += static_cast<double>(sums[r][c]);
    }
  }
  for (std::int32_t r = 0; r < each; ++r) {
    for (std::int32_t c = 0; c < each; ++c) {
      if (lies_in_out(r, c)) out[place(r, c)] = wholes[r][c];
    }
  }
}

// Adds to each row's total the weights of some anchors, a block a share of them. Weights are whole numbers, so sums in
// float64 are exact in any order.
inline constexpr std::int32_t anchors_per_total = 32;

static __global__ void add_totals(Anchors anchors, double* totals) {
  const auto row = static_cast<std::int32_t>(global_thread());
  if (row >= anchors.rows) return;
  const std::int32_t first = static_cast<std::int32_t>(blockIdx.y) * anchors_per_total;
  double sum = 0;
  for (std::int32_t i = first; i < std::min(first + anchors_per_total, anchors.count); ++i) {
    sum += static_cast<double>(anchors.apart(i)[row]);
  }
  atomicAdd(&totals[row], sum);
}

// The gradient of a weighted sum of |x - y|^2, in which the weights of an anchor add up to nothing.
static __global__ void write_gradient(Matrix<const float> embeddings, const double* totals, const double* products,
                                      double scale, Matrix<float> gradient) {
  const std::int64_t place = global_thread(), row = place / embeddings.columns, d = place % embeddings.columns;
  if (row >= embeddings.rows) return;
  const double sum = 2 * (totals[row] * static_cast<double>(embeddings.row(row)[d]) - products[place]);
  gradient.row(row)[d] = static_cast<float>(sum * scale);
}

}  // namespace faceprint::cuda
