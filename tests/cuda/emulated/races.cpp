// Watches every access to memory by kernels that were compiled with -fsanitize=thread: the compiler then calls
// __tsan_read4 and the like, which are this file's and not ThreadSanitizer's. It stands in a shared
// library, lest the linker take inline functions of watched sources for its own. Found are
//  - races: two accesses to memory by two threads, one of them at least writing, not both atomic, with no barrier of
//  the
//    block and no __syncwarp of the warp between them, or of two blocks;
//  - numbers read from shared memory or the card's that nobody has put there;
//  - memory that is neither of these: the host's, what lies beyond an array's ends, another thread's variables.

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor.hpp"
#include "watch.hpp"

namespace emulated::watch {

namespace {

constexpr std::size_t word_bytes = 4;     // of memory whose accesses are remembered together
constexpr std::size_t chunk_words = 256;  // that are remembered from the first access to one on
constexpr std::size_t most_reports = 5;

// When an access was: the block, how many barriers it had seen, the thread and its clock. Clock 0 is no access.
struct Access {
  std::uint32_t block, barriers, clock;
  std::uint16_t thread;
  std::uint8_t bytes;  // of the word, as bits
  bool atomic;
  const void* place;  // in the program
};

// The last write to a word, if only to some of its bytes, and two reads since then; two, so that whoever did one of
// them meets the other.
struct History {
  Access write;
  std::array<Access, 2> reads;
};

struct Region {
  const std::byte* begin;
  std::size_t bytes;
  std::string name;
  std::vector<std::unique_ptr<std::array<History, chunk_words>>> chunks;
  std::vector<std::uint8_t> filled;  // of each word, which bytes

  Region(const void* address, std::size_t size, std::string called)
      : begin(static_cast<const std::byte*>(address)),
        bytes(size),
        name(std::move(called)),
        chunks(size / (word_bytes * chunk_words) + 1),
        filled(size / word_bytes + 1) {}

  bool holds(const std::byte* address, std::size_t size) const {
    return address >= begin && address + size <= begin + bytes;
  }
  History& history(std::size_t word) {
    auto& chunk = chunks[word / chunk_words];
    if (!chunk) chunk = std::make_unique<std::array<History, chunk_words>>();
    return (*chunk)[word % chunk_words];
  }
  // Calls act(word, bytes) for each word of which there are some bytes, as bits.
  template <class Act>
  void for_words(const void* address, std::size_t size, const Act& act) {
    const auto first = static_cast<std::size_t>(static_cast<const std::byte*>(address) - begin), last = first + size;
    for (std::size_t word = first / word_bytes; word * word_bytes < last; ++word) {
      const std::size_t start = word * word_bytes;
      const std::size_t before = first > start ? first - start : 0, end = std::min(last - start, word_bytes);
      act(word, static_cast<std::uint8_t>((1u << end) - (1u << before)));
    }
  }
};

// Whose accesses are watched, and what is known of others.
struct Now {
  const std::byte* stack = nullptr;
  std::size_t stack_bytes = 0;
  std::uint32_t block = 0, barriers = 0;
  std::uint16_t thread = 0;
  bool atomic = false;
  std::vector<std::array<std::uint32_t, warp_size>> clocks;  // of each thread: those of its warp that it has met
};

thread_local Now now;
thread_local std::vector<Region> shared;
thread_local const std::byte* arguments = nullptr;  // of the kernel
thread_local std::size_t arguments_bytes = 0;
std::map<const std::byte*, Region> global;  // by address; the runtime calls one at a time
Region* latest = nullptr;                   // of them; most accesses follow others of the same one

struct Report {
  std::string text;
  const void* other_place = nullptr;
  std::string other_text;
};

std::map<const void*, Report> reports;  // by place in the program

std::string line_of(const void* place) {
  Dl_info program;
  if (dladdr(place, &program) == 0) return "somewhere";
  const auto offset = static_cast<const char*>(place) - static_cast<const char*>(program.dli_fbase) - 1;
  char command[4352];
  std::snprintf(command, sizeof command, "addr2line -s -i -e %s 0x%tx", program.dli_fname, offset);
  std::string lines;
  if (std::FILE* output = popen(command, "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, output)) {
      const std::string_view text = line;
      lines += (lines.empty() ? "" : " in ") + std::string(text.substr(0, text.find_first_of("\n ")));
    }
    pclose(output);
  }
  return lines;
}

std::string text_of(const char* what, unsigned thread, unsigned block) {
  return std::string(what) + ", thread " + std::to_string(thread) + " of block " + std::to_string(block);
}

void report(const void* place, const std::string& what) {
  if (reports.size() < most_reports)
    reports.try_emplace(place, Report{text_of(what.c_str(), now.thread, now.block), nullptr, {}});
}

void report_race(const void* place, const std::string& kind, const Region& region, const Access& other) {
  if (reports.size() == most_reports) return;
  const std::string what = kind + " " + region.name + " races";
  reports.try_emplace(
      place, Report{text_of(what.c_str(), now.thread, now.block), other.place, text_of("", other.thread, other.block)});
}

// Whether it was before whatever this thread does now.
bool is_before(const Access& other) {
  if (other.clock == 0) return true;
  if (other.block != now.block) return false;
  if (other.thread == now.thread || other.barriers < now.barriers) return true;
  return other.thread / warp_size == now.thread / warp_size &&
         other.clock <= now.clocks[now.thread][other.thread % warp_size];
}

bool conflicts(const Access& other, std::uint8_t bytes) {
  return other.bytes & bytes && !is_before(other) && !(other.atomic && now.atomic);
}

void look_at_word(Region& region, std::size_t word, std::uint8_t bytes, bool writes, const void* place) {
  History& history = region.history(word);
  const Access access = {now.block,  now.barriers, now.clocks[now.thread][now.thread % warp_size], now.thread, bytes,
                         now.atomic, place};
  if (conflicts(history.write, bytes)) {
    report_race(place, writes ? "a write to" : "a read of", region, history.write);
  }
  if (!writes) {
    if (bytes & ~region.filled[word]) report(place, "reads " + region.name + ", which nobody has written");
    if (const auto old = std::ranges::find_if(history.reads, is_before); old != history.reads.end()) *old = access;
    return;
  }
  for (const Access& read : history.reads) {
    if (conflicts(read, bytes)) report_race(place, "a write to", region, read);
  }
  history = {access, {}};
  region.filled[word] |= bytes;
}

Region* region_of(const std::byte* address, std::size_t bytes) {
  for (Region& region : shared) {
    if (region.holds(address, bytes)) return &region;
  }
  if (latest && latest->holds(address, bytes)) return latest;
  const auto after = global.upper_bound(address);
  if (after == global.begin()) return nullptr;
  Region& region = std::prev(after)->second;
  if (!region.holds(address, bytes)) return nullptr;
  return latest = &region;
}

template <class Variable>
bool lies_in(const std::byte* address, const Variable& variable) {
  const auto* begin = reinterpret_cast<const std::byte*>(&variable);
  return address >= begin && address < begin + sizeof variable;
}

// Arguments, constants, and the variables of CUDA's language.
bool is_known_to_all(const std::byte* address) {
  if (address >= arguments && address < arguments + arguments_bytes) return true;
  Dl_info program;
  return lies_in(address, threadIdx) || lies_in(address, blockIdx) || lies_in(address, blockDim) ||
         lies_in(address, gridDim) || dladdr(address, &program) != 0;
}

void look_at(const void* pointer, std::size_t bytes, bool writes, const void* place) {
  if (!now.stack) return;
  const auto* address = static_cast<const std::byte*>(pointer);
  if (address >= now.stack && address < now.stack + now.stack_bytes) return;
  if (Region* region = region_of(address, bytes)) {
    region->for_words(address, bytes,
                      [&](std::size_t word, std::uint8_t some) { look_at_word(*region, word, some, writes, place); });
  } else if (writes || !is_known_to_all(address)) {
    // Where the access would end the program, nobody else could say why.
    emulated::fail(line_of(place) + (writes ? ": writes" : ": reads") + " memory that is none of the card's");
  }
}

void forget_accesses(Region& region) {
  for (auto& chunk : region.chunks) chunk.reset();
}

}  // namespace

void begin_launch(const void* call, std::size_t bytes) {
  arguments = static_cast<const std::byte*>(call);
  arguments_bytes = bytes;
  for (auto& [address, region] : global) forget_accesses(region);
}

std::string end_launch() {
  std::string all;
  for (const auto& [place, report] : reports) {
    all += (all.empty() ? "" : "\n  ") + line_of(place) + ": " + report.text;
    if (report.other_place) all += " with " + line_of(report.other_place) + report.other_text;
  }
  reports.clear();
  shared.clear();
  return all;
}

void begin_block(unsigned block, unsigned threads) {
  shared.clear();
  now = {};
  now.block = block;
  now.clocks.assign(threads, {});
  for (unsigned i = 0; i < threads; ++i) now.clocks[i][i % warp_size] = 1;
}

void meet_block() { ++now.barriers; }

// All lanes of the mask have met each other; what they do from now on has been met by nobody.
void meet_warp(unsigned warp, unsigned mask) {
  std::array<std::uint32_t, warp_size> met{};
  const auto of_mask = [&](auto act) {
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      if (mask >> lane & 1) act(now.clocks[warp * warp_size + lane], lane);
    }
  };
  of_mask([&](const auto& clocks, unsigned) {
    for (unsigned i = 0; i < warp_size; ++i) met[i] = std::max(met[i], clocks[i]);
  });
  of_mask([&](auto& clocks, unsigned lane) {
    clocks = met;
    ++clocks[lane];
  });
}

void turn_to(unsigned thread, const void* stack, std::size_t stack_bytes) {
  now.thread = static_cast<std::uint16_t>(thread);
  now.stack = static_cast<const std::byte*>(stack);
  now.stack_bytes = stack_bytes;
}

void set_atomic(bool atomic) { now.atomic = atomic; }

void add_shared(void* address, std::size_t bytes, const char* name) {
  shared.emplace_back(address, bytes, std::string("shared array ") + name);
}

void add_global(void* address, std::size_t bytes) {
  global.try_emplace(static_cast<std::byte*>(address), address, bytes, "memory of the card");
}

void remove_global(void* address) {
  global.erase(static_cast<std::byte*>(address));
  latest = nullptr;
}

void fill_global(void* address, std::size_t bytes) {
  Region& region = *region_of(static_cast<std::byte*>(address), bytes);
  region.for_words(address, bytes, [&](std::size_t word, std::uint8_t some) { region.filled[word] |= some; });
}

}  // namespace emulated::watch

// What the compiler calls before each access.
extern "C" {

void __tsan_init() {}

#define FACEPRINT_WATCH(bytes)                                                    \
  void __tsan_read##bytes(void* address) {                                        \
    emulated::watch::look_at(address, bytes, false, __builtin_return_address(0)); \
  }                                                                               \
  void __tsan_write##bytes(void* address) {                                       \
    emulated::watch::look_at(address, bytes, true, __builtin_return_address(0));  \
  }                                                                               \
  void __tsan_unaligned_read##bytes(void* address) {                              \
    emulated::watch::look_at(address, bytes, false, __builtin_return_address(0)); \
  }                                                                               \
  void __tsan_unaligned_write##bytes(void* address) {                             \
    emulated::watch::look_at(address, bytes, true, __builtin_return_address(0));  \
  }

FACEPRINT_WATCH(1)
FACEPRINT_WATCH(2)
FACEPRINT_WATCH(4)
FACEPRINT_WATCH(8)
FACEPRINT_WATCH(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  emulated::watch::look_at(address, bytes, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, std::size_t bytes) {
  emulated::watch::look_at(address, bytes, true, __builtin_return_address(0));
}
// Atomic operations are the host's: kernels have CUDA's.
std::uint8_t __tsan_atomic8_load(const volatile std::uint8_t* address, int) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
std::uint32_t __tsan_atomic32_load(const volatile std::uint32_t* address, int) {
  return __atomic_load_n(address, __ATOMIC_SEQ_CST);
}
std::uint32_t __tsan_atomic32_fetch_add(volatile std::uint32_t* address, std::uint32_t value, int) {
  return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);
}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}
}
