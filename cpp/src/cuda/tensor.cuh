#pragma once
// Products by tensor cores, of compute capability 8.0 and later, and how far they may be from one chain of fused
// multiply-adds in float32: they serve to exclude pairs, and the rest are computed as everywhere else.

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

namespace faceprint::cuda {

#if defined(__CUDACC__)

// The nearest number with 10 bits behind the point, as tensor cores multiply them (TF32).
__device__ inline float to_tf32(float number) {
  std::uint32_t bits = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(number));
#else
  __trap();  // not for these cards
#endif
  return std::bit_cast<float>(bits);
}

// By a whole warp: adds the products of 16 queries with 8 rows over 8 of the depth. With g = lane / 4 and t = lane % 4,
// a lane brings the queries g and g + 8 at the depth t, then both at t + 4, and the row g at t and t + 4; the sums are
// those of query g with the rows 2 t and 2 t + 1, then those of query g + 8.
__device__ inline void multiply_add(const float (&queries)[4], const float (&rows)[2], float (&sums)[4]) {
#if __CUDA_ARCH__ >= 800
  const auto bits = [](float number) { return std::bit_cast<std::uint32_t>(number); };
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(bits(queries[0])), "r"(bits(queries[1])), "r"(bits(queries[2])), "r"(bits(queries[3])), "r"(bits(rows[0])),
        "r"(bits(rows[1])));
#else
  __trap();
#endif
}

#endif

// |sum of tensor cores - chain| is at most this times |query| |row|, both as floored_length finds them.
//
// By Cauchy and Schwarz, the magnitudes of all products have a sum P <= |query| |row|. Of it,
//   (2^-10 + 2^-22) P        are lost at most where both factors are rounded, by 2^-11 of each,
//   1.29 * 2^-22 * depth P   where tensor cores add: their products are exact, and no addition is taken to lose
//                            more than 2^-22 of what there is, twice what truncation to float32 does; for at most 2^20
//                            of them, (1 + 2^-22)^depth < 1.29,
//   0.27 * 2^-22 * depth P   where the chain rounds, by 2^-24 each time,
//   2^-21 P                  where this bound and its sum are computed.
// Lengths, which are computed too, may be short by 1.07 * 2^-24 * depth of themselves. All of it together is less than
// 2^-10 + 2^-20 + 2^-21 * depth. What vanishes below 2^-126 is less than the same of the floor of lengths.
constexpr float tensor_error(int depth) { return 0x1.004p-10f + 0x1p-21f * static_cast<float>(depth); }

__device__ inline float floored_length(float norm) { return fmaxf(sqrtf(norm), 0x1p-52f); }

}  // namespace faceprint::cuda
