// x86-64 with AVX2 and FMA: 16 registers of 8 floats.

#include "absent.hpp"
#include "cpu/cpu_backend.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

FACEPRINT_TARGET_BEGIN("avx2,fma,f16c")
namespace faceprint::avx2 {
namespace {

#include "cpu/avx-least-inl.hpp"
#include "cpu/avx-strip-inl.hpp"

struct Lanes {
  static constexpr std::ptrdiff_t count = 8, accumulators = 12, tile_queries = 6;
  __m256 values;

  static Lanes broadcast(float value) { return {_mm256_set1_ps(value)}; }
  static Lanes load(const float* from) { return {_mm256_loadu_ps(from)}; }
  static Lanes load(const Half* from) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
  }
  void store(float* to) const { _mm256_storeu_ps(to, values); }
};
using Mask = Lanes;

inline Lanes operator+(Lanes a, Lanes b) { return {_mm256_add_ps(a.values, b.values)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm256_sub_ps(a.values, b.values)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm256_mul_ps(a.values, b.values)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm256_max_ps(a.values, b.values)}; }
inline float least(Lanes a) { return least_of_eight(a.values); }
inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return {_mm256_fmadd_ps(a.values, b.values, c.values)}; }
inline Mask none() { return {_mm256_setzero_ps()}; }
inline Mask either(Mask a, Mask b) { return {_mm256_or_ps(a.values, b.values)}; }
inline bool any(Mask mask) { return _mm256_movemask_ps(mask.values) != 0; }
inline Mask less(Lanes a, Lanes b) { return {_mm256_cmp_ps(a.values, b.values, _CMP_LT_OQ)}; }
inline Mask not_above(Lanes a, Lanes b) { return {_mm256_cmp_ps(a.values, b.values, _CMP_LE_OQ)}; }
inline std::uint32_t bits(Mask mask) { return static_cast<std::uint32_t>(_mm256_movemask_ps(mask.values)); }

struct Bytes {
  static constexpr std::int32_t offset = 128;  // what the bytes of rows are more than their codes
  __m256i values;

  static Bytes load(const std::uint8_t* from) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))}; }
  static Bytes load_low(const std::uint8_t* from) {
    return {_mm256_and_si256(load(from).values, _mm256_set1_epi8(15))};
  }
  static Bytes load_high(const std::uint8_t* from) {
    return {_mm256_and_si256(_mm256_srli_epi16(load(from).values, 4), _mm256_set1_epi8(15))};
  }
  static Bytes broadcast(const std::int8_t* four) {
    int word;
    std::memcpy(&word, four, sizeof word);
    return {_mm256_set1_epi32(word)};
  }
};

struct Counts {
  __m256i values;

  static Counts begin(std::int32_t sum) { return {_mm256_set1_epi32(sum)}; }
  void store(std::int32_t* to) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), values); }
};

inline Counts count_up(Counts counts, Mask where) {
  return {_mm256_sub_epi32(counts.values, _mm256_castps_si256(where.values))};  // true is -1
}

inline Counts add_products(Counts sum, Bytes rows, Bytes query) {
  const __m256i pairs = _mm256_maddubs_epi16(rows.values, query.values);
  return {_mm256_add_epi32(sum.values, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
}
inline Lanes to_floats(Counts sum) { return {_mm256_cvtepi32_ps(sum.values)}; }

#include "cpu/kernels-inl.hpp"

}  // namespace
}  // namespace faceprint::avx2
FACEPRINT_TARGET_END

namespace faceprint {
namespace {

struct Kernels {
  static constexpr std::string_view name = "avx2", otherwise = "the CPU lacks AVX2, FMA or F16C";
  static bool runs_here() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  }
  static constexpr auto norms = avx2::panel_squares;
  static constexpr auto distances = avx2::distances;
  static constexpr auto& scan = avx2::scan_kernels;
  static constexpr auto& chips = avx2::chip_kernels;
  static constexpr auto& triplets = avx2::triplet_kernels;
};

}  // namespace

const Backend& avx2_backend() {
  static const CpuBackend<Kernels> backend;
  return backend;
}

}  // namespace faceprint

#else

const faceprint::Backend& faceprint::avx2_backend() {
  static const AbsentBackend backend("avx2", "this build is not for x86-64");
  return backend;
}

#endif
