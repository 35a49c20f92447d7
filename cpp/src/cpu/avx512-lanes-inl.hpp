// No include guard: the 16 lanes of AVX-512, 32 registers of them, in the target regions that have it.

#include "cpu/avx-least-inl.hpp"
#include "cpu/avx-strip-inl.hpp"

struct Lanes {
  static constexpr std::ptrdiff_t count = 16, accumulators = 24, tile_queries = 12;
  __m512 values;

  static Lanes broadcast(float value) { return {_mm512_set1_ps(value)}; }
  static Lanes load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static Lanes load(const Half* from) {
    return {_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
  }
  void store(float* to) const { _mm512_storeu_ps(to, values); }
};
using Mask = __mmask16;

inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.values, b.values)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.values, b.values)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.values, b.values)}; }
// With a full mask where GCC 12 warns of the undefined register inside its own function for all lanes.
inline Lanes max(Lanes a, Lanes b) { return {_mm512_maskz_max_ps(0xffff, a.values, b.values)}; }
inline float least(Lanes a) {
  return least_of_eight(
      _mm256_min_ps(_mm512_maskz_extractf32x8_ps(0xff, a.values, 0), _mm512_maskz_extractf32x8_ps(0xff, a.values, 1)));
}
inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.values, b.values, c.values)}; }
inline Mask none() { return 0; }
inline Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
inline bool any(Mask mask) { return mask != 0; }
inline Mask less(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.values, b.values, _CMP_LT_OQ); }
inline Mask not_above(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.values, b.values, _CMP_LE_OQ); }
inline std::uint32_t bits(Mask mask) { return mask; }

struct Bytes {
  static constexpr std::int32_t offset = 128;  // what the bytes of rows are more than their codes
  __m512i values;

  static Bytes load(const std::uint8_t* from) { return {_mm512_loadu_si512(from)}; }
  static Bytes load_low(const std::uint8_t* from) {
    return {_mm512_and_si512(load(from).values, _mm512_set1_epi8(15))};
  }
  static Bytes load_high(const std::uint8_t* from) {
    return {_mm512_and_si512(_mm512_srli_epi16(load(from).values, 4), _mm512_set1_epi8(15))};
  }
  static Bytes broadcast(const std::int8_t* four) {
    int word;
    std::memcpy(&word, four, sizeof word);
    return {_mm512_set1_epi32(word)};
  }
};

// A vector of ints, because GCC 12 copies registers where sums of products change their type.
struct Counts {
  using Ints [[gnu::vector_size(64)]] = int;
  Ints values;

  static Counts begin(std::int32_t sum) { return {reinterpret_cast<Ints>(_mm512_set1_epi32(sum))}; }
  void store(std::int32_t* to) const { _mm512_storeu_si512(to, reinterpret_cast<__m512i>(values)); }
};

inline Counts count_up(Counts counts, Mask where) {
  const auto old = reinterpret_cast<__m512i>(counts.values);
  return {reinterpret_cast<Counts::Ints>(_mm512_mask_add_epi32(old, where, old, _mm512_set1_epi32(1)))};
}
inline Lanes to_floats(Counts sum) { return {_mm512_maskz_cvtepi32_ps(0xffff, reinterpret_cast<__m512i>(sum.values))}; }
