#include "ceilings.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#endif
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSteps = 2'000'000;  // of a loop over registers, some milliseconds
constexpr std::size_t kBytes = std::size_t{1} << 30;

// Runs so many steps and returns something the compiler cannot leave out.
using Loop = std::int64_t (*)(std::int64_t steps);
// Sums `bytes` bytes, a multiple of 1024.
using Read = std::int64_t (*)(const void* data, std::size_t bytes);

struct Arithmetic {
  std::string name;
  Loop loop = nullptr;
  double operations = 0;  // of one step: two for each multiply-add
};

// Makes the compiler believe that a register has changed, so that loops are neither hoisted nor rearranged.
#if defined(__x86_64__)
#define HIDE(value) asm volatile("" : "+v"(value))
#elif defined(__aarch64__)
#define HIDE(value) asm volatile("" : "+w"(value))
#endif

// A loop over twelve independent sums, more than latency times units, each with a name: GCC does not keep an array of
// vectors in registers where asm touches it.
#define FOR_EACH_SUM(DO) DO(s0) DO(s1) DO(s2) DO(s3) DO(s4) DO(s5) DO(s6) DO(s7) DO(s8) DO(s9) DO(s10) DO(s11)
#define LOOP(name, features, Factor, Sum, a_value, b_value, STEP)                  \
  __attribute__((target(features))) std::int64_t name(std::int64_t steps) {        \
    Factor a = a_value, b = b_value;                                               \
    Sum s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{}, s8{}, s9{}, s10{}, s11{};  \
    HIDE(a);                                                                       \
    HIDE(b);                                                                       \
    for (std::int64_t step = 0; step < steps; ++step) {                            \
      FOR_EACH_SUM(STEP)                                                           \
    }                                                                              \
    const Sum total = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11; \
    return static_cast<std::int64_t>(total[0]);                                    \
  }
constexpr int kSums = 12;

#if defined(__x86_64__)

#define FMA512(sum)                 \
  sum = _mm512_fmadd_ps(a, b, sum); \
  HIDE(sum);
#define FMA256(sum)                 \
  sum = _mm256_fmadd_ps(a, b, sum); \
  HIDE(sum);
#define VNNI512(sum)                    \
  sum = _mm512_dpbusd_epi32(sum, a, b); \
  HIDE(sum);
// Without VNNI: pairs of products in 16 bits, added in 16 bits.
#define PAIRS512(sum)                                      \
  sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(a, b)); \
  HIDE(b);                                                 \
  HIDE(sum);
#define PAIRS256(sum)                                      \
  sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, b)); \
  HIDE(b);                                                 \
  HIDE(sum);

LOOP(fma_avx512, "avx512f", __m512, __m512, _mm512_set1_ps(1.0001f), _mm512_set1_ps(1e-9f), FMA512)
LOOP(fma_avx2, "avx2,fma", __m256, __m256, _mm256_set1_ps(1.0001f), _mm256_set1_ps(1e-9f), FMA256)
LOOP(int8_avx512vnni, "avx512f,avx512bw,avx512vnni", __m512i, __m512i, _mm512_set1_epi8(3), _mm512_set1_epi8(-5),
     VNNI512)
LOOP(int8_avx512bw, "avx512f,avx512bw", __m512i, __m512i, _mm512_set1_epi8(3), _mm512_set1_epi8(-5), PAIRS512)
LOOP(int8_avx2, "avx2", __m256i, __m256i, _mm256_set1_epi8(3), _mm256_set1_epi8(-5), PAIRS256)

#elif defined(__aarch64__)

#define FMA128(sum)           \
  sum = vfmaq_f32(sum, a, b); \
  HIDE(sum);
#define DOT128(sum)           \
  sum = vdotq_s32(sum, a, b); \
  HIDE(sum);
#define PAIRS128(sum)        \
  sum = vmlal_s8(sum, a, b); \
  HIDE(sum);

LOOP(fma_neon, "arch=armv8-a", float32x4_t, float32x4_t, vdupq_n_f32(1.0001f), vdupq_n_f32(1e-9f), FMA128)
LOOP(int8_dotprod, "arch=armv8.2-a+dotprod", int8x16_t, int32x4_t, vdupq_n_s8(3), vdupq_n_s8(-5), DOT128)
LOOP(int8_neon, "arch=armv8-a", int8x8_t, int16x8_t, vdup_n_s8(3), vdup_n_s8(-5), PAIRS128)

bool has_dotprod() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return false;
#endif
}

#endif

#if defined(__x86_64__)

// Sums of 64-bit numbers over the widest vectors.
#define READ(name, features, Vector, load, add)                                              \
  __attribute__((target(features))) std::int64_t name(const void* data, std::size_t bytes) { \
    const auto* at = static_cast<const Vector*>(data);                                       \
    Vector sums[8] = {};                                                                     \
    for (const auto* end = at + bytes / sizeof(Vector); at < end; at += 8) {                 \
      for (int i = 0; i < 8; ++i) sums[i] = add(sums[i], load(at + i));                      \
    }                                                                                        \
    for (int i = 1; i < 8; ++i) sums[0] = add(sums[0], sums[i]);                             \
    return sums[0][0] + sums[0][3];                                                          \
  }

READ(read_avx512, "avx512f", __m512i, _mm512_load_si512, _mm512_add_epi64)
READ(read_avx2, "avx2", __m256i, _mm256_load_si256, _mm256_add_epi64)

#endif

// What every compiler can do: vectors of the compiler's own width.
std::int64_t read_plain(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const std::uint64_t*>(data);
  std::uint64_t sums[16] = {};
  for (const auto* end = at + bytes / sizeof *at; at < end; at += 16) {
    for (int i = 0; i < 16; ++i) sums[i] += at[i];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return static_cast<std::int64_t>(total);
}

Arithmetic widest_fma() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {"avx512", fma_avx512, kSums * 16 * 2};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", fma_avx2, kSums * 8 * 2};
#elif defined(__aarch64__)
  return {"neon", fma_neon, kSums * 4 * 2};
#endif
  return {"none"};
}

Arithmetic widest_int8() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) return {"avx512vnni", int8_avx512vnni, kSums * 64 * 2};
  if (__builtin_cpu_supports("avx512bw")) return {"avx512bw maddubs", int8_avx512bw, kSums * 64 * 2};
  if (__builtin_cpu_supports("avx2")) return {"avx2 maddubs", int8_avx2, kSums * 32 * 2};
#elif defined(__aarch64__)
  if (has_dotprod()) return {"neon dotprod", int8_dotprod, kSums * 16 * 2};
  return {"neon", int8_neon, kSums * 8 * 2};
#endif
  return {"none"};
}

Read widest_read() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return read_avx512;
  if (__builtin_cpu_supports("avx2")) return read_avx2;
#endif
  return read_plain;
}

std::atomic<std::int64_t> sink;  // so that no work can be left out

// Keeps a thread on a processor of its own, where the system lets it: short rounds end before threads are spread.
void settle(int thread) {
#if defined(__linux__)
  cpu_set_t allowed, own;
  CPU_ZERO(&own);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0, place = thread % CPU_COUNT(&allowed); cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || place-- > 0) continue;
    CPU_SET(cpu, &own);
    sched_setaffinity(0, sizeof own, &own);
    return;
  }
#else
  (void)thread;
#endif
}

// The seconds from when all threads start the same work until the last has ended; the best of the rounds, and of as
// many more as it takes until the system, or a host below it, has surely given each thread a core of its own.
double best_seconds(int threads, int rounds, const std::function<std::int64_t(int)>& work) {
  double best = 1e300;
  const Clock::time_point settled = Clock::now() + std::chrono::seconds(2);
  for (int round = 0; round < rounds || Clock::now() < settled; ++round) {
    std::vector<Clock::time_point> starts(static_cast<std::size_t>(threads)), ends(starts.size());
    std::barrier together(threads);
    const auto run = [&](int thread) {
      settle(thread);
      together.arrive_and_wait();
      starts[static_cast<std::size_t>(thread)] = Clock::now();
      sink = work(thread);
      ends[static_cast<std::size_t>(thread)] = Clock::now();
    };
    std::vector<std::thread> workers;
    for (int thread = 0; thread < threads; ++thread) workers.emplace_back(run, thread);
    for (std::thread& worker : workers) worker.join();
    const auto span = *std::max_element(ends.begin(), ends.end()) - *std::min_element(starts.begin(), starts.end());
    best = std::min(best, std::chrono::duration<double>(span).count());
  }
  return best;
}

double operations_per_second(const Arithmetic& arithmetic, int threads, int rounds) {
  if (!arithmetic.loop) return 0;
  const auto work = [&](int) { return arithmetic.loop(kSteps); };
  return arithmetic.operations * kSteps * threads / best_seconds(threads, rounds, work);
}

double bytes_per_second(const void* data, int threads, int rounds) {
  const Read read = widest_read();
  const std::size_t share = kBytes / static_cast<std::size_t>(threads) / 4096 * 4096;
  const auto work = [&](int thread) {
    return read(static_cast<const char*>(data) + share * static_cast<std::size_t>(thread), share);
  };
  return static_cast<double>(share) * threads / best_seconds(threads, rounds, work);
}

// Memory in huge pages where the system has them, each page touched.
void* large_memory() {
  constexpr std::size_t page = std::size_t{2} << 20;
  void* data = std::aligned_alloc(page, kBytes);
  if (!data) throw std::bad_alloc();
#if defined(__linux__)
  madvise(data, kBytes, MADV_HUGEPAGE);
#endif
  std::fill_n(static_cast<std::uint64_t*>(data), kBytes / 8, std::uint64_t{1});
  return data;
}

}  // namespace

Ceilings measure_ceilings(int threads, int rounds) {
  const Arithmetic fma = widest_fma(), int8 = widest_int8();
  const auto arithmetic = [&](const Arithmetic& kind) {
    return Ceiling{operations_per_second(kind, 1, rounds), operations_per_second(kind, threads, rounds)};
  };
  Ceilings found{fma.name, int8.name, arithmetic(fma), arithmetic(int8), {}};
  void* memory = large_memory();
  found.read_bytes = {bytes_per_second(memory, 1, rounds), bytes_per_second(memory, threads, rounds)};
  std::free(memory);
  return found;
}
