// x86-64 with AVX-512 and its instruction for products of bytes (VNNI).

#include "absent.hpp"
#include "cpu/cpu_backend.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

FACEPRINT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
namespace faceprint::avx512vnni {
namespace {

#include "cpu/avx512-lanes-inl.hpp"

inline Counts add_products(Counts sum, Bytes rows, Bytes query) {
  return {reinterpret_cast<Counts::Ints>(
      _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum.values), rows.values, query.values))};
}

#include "cpu/kernels-inl.hpp"

}  // namespace
}  // namespace faceprint::avx512vnni
FACEPRINT_TARGET_END

namespace faceprint {
namespace {

struct Kernels {
  static constexpr std::string_view name = "avx512vnni", otherwise = "the CPU lacks AVX-512 VNNI";
  static bool runs_here() { return avx512_backend().unavailable().empty() && __builtin_cpu_supports("avx512vnni"); }
  static constexpr auto norms = avx512vnni::panel_squares;
  static constexpr auto distances = avx512vnni::distances;
  static constexpr auto& scan = avx512vnni::scan_kernels;
  static constexpr auto& chips = avx512vnni::chip_kernels;
  static constexpr auto& triplets = avx512vnni::triplet_kernels;
};

}  // namespace

const Backend& avx512vnni_backend() {
  static const CpuBackend<Kernels> backend;
  return backend;
}

}  // namespace faceprint

#else

const faceprint::Backend& faceprint::avx512vnni_backend() {
  static const AbsentBackend backend("avx512vnni", "this build is not for x86-64");
  return backend;
}

#endif
