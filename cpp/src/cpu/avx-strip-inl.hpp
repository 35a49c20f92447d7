// No include guard: in the target regions that have AVX2.

struct Shares {
  __m256i values;  // of pixels 0 1 0 1 0 1 0 1 and 2 3 2 3 2 3 2 3

  static Shares of(std::int32_t begin, std::int32_t side) {
    const __m256i first = _mm256_set1_epi16(static_cast<std::int16_t>(begin));
    const __m256i end = _mm256_set1_epi16(static_cast<std::int16_t>(begin + side));
    const __m256i from = _mm256_max_epu16(first, pairs(0, full_share, 2 * full_share, 3 * full_share));
    const __m256i to = _mm256_min_epu16(end, pairs(full_share, 2 * full_share, 3 * full_share, 4 * full_share - 1));
    return {_mm256_subs_epu16(to, from)};
  }
  static __m256i pairs(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    const auto low = static_cast<std::int32_t>(a | b << 16), high = static_cast<std::int32_t>(c | d << 16);
    return _mm256_setr_epi32(low, low, low, low, high, high, high, high);
  }
};

struct Strip {
  __m256 values;

  void store_sum(float* to) const {
    _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1)));
  }
};
inline Strip operator+(Strip a, Strip b) { return {_mm256_add_ps(a.values, b.values)}; }

// The pixels' bytes are spread to 16 bits, channel by channel, two pixels beside each other.
inline Strip weigh(const std::uint8_t* pixels, Shares shares, float share) {
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels)));
  const __m256i sums = _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, order), shares.values);
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(share))};
}
