#pragma once
// Blocks of CUDA threads on one thread of the CPU: each is a fiber that runs until it has to wait for others. In which
// order they run is a setting, for a kernel's results must not depend on it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1) : x(width), y(height), z(depth) {}
};

extern constinit thread_local uint3 threadIdx, blockIdx;
extern constinit thread_local dim3 blockDim, gridDim;

namespace emulated {

inline constexpr int warp_size = 32;
inline constexpr std::size_t most_shared_bytes = 48 << 10;  // of a block

// A kernel broke a rule.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Launch {
  dim3 grid, block;
  std::size_t shared_bytes;  // of dynamic shared memory
  const void* kernel;
  std::shared_ptr<const void> call;  // the kernel and its arguments, which take `call_bytes`
  std::size_t call_bytes;
  std::vector<const void*> arguments;  // in order
  void (*run)(const void* call);
};

// Runs all blocks, one after another. Throws Fault.
void execute(const Launch& launch);

// What each thread does: the kernel as it is written (written.cpp), or as a compiler translated it.
void run_kernel(const Launch& launch);

// What follows is called by threads of a kernel.

using Exchanged = std::array<std::uint64_t, warp_size>;  // by lane; only those of the mask mean something

bool meet_block(bool predicate, std::source_location site);  // whether any thread said so
void meet_warp(unsigned mask, std::source_location site);    // which orders accesses to memory, and exchanges do not
Exchanged exchange(unsigned mask, std::uint64_t word, std::source_location site);
int lane();
int capability();  // of the card, ten times
void multiply_tf32(const float (&queries)[4], const float (&rows)[2], float (&sums)[4], std::source_location site);
void check_lane(unsigned mask, int lane, std::source_location site);

// The shared array that is declared there: the same for all threads of a block.
void* shared_array(std::source_location site, std::size_t bytes, std::size_t alignment, const char* name);
std::byte* dynamic_shared_memory();

[[noreturn]] void fail(const std::string& what);

// While it lives, accesses are atomic ones. In a shuffled order, others may come before and after.
class AtomicAccess {
 public:
  AtomicAccess();
  AtomicAccess(const AtomicAccess&) = delete;
  AtomicAccess& operator=(const AtomicAccess&) = delete;
  ~AtomicAccess();
};

}  // namespace emulated
