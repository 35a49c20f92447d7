// x86-64 with AVX-512.

#include "absent.hpp"
#include "cpu/cpu_backend.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

FACEPRINT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl")
namespace faceprint::avx512 {
namespace {

#include "cpu/avx512-lanes-inl.hpp"

inline Counts add_products(Counts sum, Bytes rows, Bytes query) {
  const __m512i pairs = _mm512_maddubs_epi16(rows.values, query.values);
  return {sum.values + reinterpret_cast<Counts::Ints>(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
}

#include "cpu/kernels-inl.hpp"

}  // namespace
}  // namespace faceprint::avx512
FACEPRINT_TARGET_END

namespace faceprint {
namespace {

struct Kernels {
  static constexpr std::string_view name = "avx512", otherwise = "the CPU lacks AVX-512";
  static bool runs_here() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
  static constexpr auto norms = avx512::panel_squares;
  static constexpr auto distances = avx512::distances;
  static constexpr auto& scan = avx512::scan_kernels;
  static constexpr auto& chips = avx512::chip_kernels;
  static constexpr auto& triplets = avx512::triplet_kernels;
};

}  // namespace

const Backend& avx512_backend() {
  static const CpuBackend<Kernels> backend;
  return backend;
}

}  // namespace faceprint

#else

const faceprint::Backend& faceprint::avx512_backend() {
  static const AbsentBackend backend("avx512", "this build is not for x86-64");
  return backend;
}

#endif
