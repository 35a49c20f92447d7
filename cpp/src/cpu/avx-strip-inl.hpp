// No include guard: in the target regions that have AVX2.

struct Shares {
  __m256i values;  // of pixels 0 1 0 1 0 1 0 1 and 2 3 2 3 2 3 2 3 of the strip

  static Shares of(std::int32_t begin, std::int32_t side, int strip) {
    constexpr std::int16_t one = full_share, two = 2 * full_share, three = 3 * full_share;
    const __m256i starts = _mm256_add_epi16(
        all(4 * full_share * strip),
        _mm256_setr_epi16(0, one, 0, one, 0, one, 0, one, two, three, two, three, two, three, two, three));
    // The end of the last pixel would not fit 16 bits; no box ends there.
    const __m256i ends = _mm256_adds_epu16(starts, all(full_share));
    const __m256i end = _mm256_add_epi16(all(begin), all(side));
    return {_mm256_subs_epu16(_mm256_min_epu16(end, ends), _mm256_max_epu16(all(begin), starts))};
  }
  static __m256i all(std::int32_t value) { return _mm256_set1_epi16(static_cast<std::int16_t>(value)); }
};

struct Sums {
  __m256i values;
};
inline Sums operator+(Sums a, Sums b) { return {_mm256_add_epi32(a.values, b.values)}; }

struct Strip {
  __m256 values;

  void store_sum(float* to) const {
    _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1)));
  }
};
inline Strip operator+(Strip a, Strip b) { return {_mm256_add_ps(a.values, b.values)}; }
inline Strip operator*(Sums sums, float share) {
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(sums.values), _mm256_set1_ps(share))};
}

// The pixels' bytes are spread to 16 bits, channel by channel, two pixels beside each other.
inline Sums weigh(const std::uint8_t* pixels, Shares shares) {
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels)));
  return {_mm256_madd_epi16(_mm256_shuffle_epi8(bytes, order), shares.values)};
}

// The sums of the 4 pairs of pixels of a row, 2 in each half.
inline __m256i add_pairs(const std::uint8_t* pixels, __m256i order) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 12));
  const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  return _mm256_maddubs_epi16(_mm256_shuffle_epi8(bytes, order), _mm256_set1_epi8(1));
}

// 4 blocks at a time, of which 2 in each half of a register. Behind each half, 4 bytes more than needed are read.
inline std::ptrdiff_t halve_some(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t blocks,
                                 std::uint8_t* out) {
  const __m256i order = _mm256_setr_epi8(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1,  //
                                         0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1);
  const __m128i joined = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1);
  std::ptrdiff_t i = 0;
  for (; i + 6 <= blocks; i += 4) {
    const __m256i sums = _mm256_add_epi16(add_pairs(upper + 6 * i, order), add_pairs(lower + 6 * i, order));
    const __m256i means = _mm256_srli_epi16(_mm256_add_epi16(sums, _mm256_set1_epi16(2)), 2);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(means), _mm256_extracti128_si256(means, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * i), _mm_shuffle_epi8(bytes, joined));
  }
  return i;
}
