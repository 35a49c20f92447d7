#include "executor.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "fiber.hpp"
#include "settings.hpp"
#include "watch.hpp"

constinit thread_local uint3 threadIdx{}, blockIdx{};
constinit thread_local dim3 blockDim, gridDim;

namespace emulated {

namespace {

constexpr unsigned most_threads = 1024;  // of a block
constexpr int poison = 0xff;             // of shared memory that nobody has written: NaN, or -1

enum class State { ready, at_block, at_warp, done };

struct Thread {
  Fiber fiber;
  uint3 index{};
  unsigned number = 0;
  State state = State::ready;
  // What it waits with, and what it is given.
  std::source_location site;
  unsigned mask = 0;
  bool orders = false;  // whether it waits for accesses to memory
  bool predicate = false;
  std::uint64_t word = 0;
  Exchanged exchanged{};

  unsigned lane() const { return number % warp_size; }
};

bool same(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

std::string text_of(const std::source_location& site) {
  const std::string path = site.file_name();
  return path.substr(path.rfind('/') + 1) + ":" + std::to_string(site.line());
}

std::string text_of(const uint3& index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

// Fresh memory of its own for each shared array, so that AddressSanitizer sees what lies beyond its ends.
struct SharedArray {
  std::source_location site;
  std::size_t bytes;
  std::unique_ptr<void, decltype(&std::free)> memory;

  SharedArray(std::source_location declared, std::size_t size, std::size_t alignment)
      : site(declared), bytes(size), memory(nullptr, &std::free) {
    void* address = nullptr;
    if (posix_memalign(&address, std::max(alignment, sizeof(void*)), size) != 0) throw std::bad_alloc();
    std::memset(address, poison, size);
    memory.reset(address);
  }
};

class Block {
 public:
  Block(const Launch& launch, uint3 index, std::vector<std::unique_ptr<Thread>>& threads, std::mt19937& random)
      : launch_(launch),
        index_(index),
        count_(launch.block.x * launch.block.y * launch.block.z),
        threads_(threads),
        random_(random) {}

  void run();

  // By its threads.
  Thread& current() { return *current_; }
  void wait(State state, std::source_location site) {
    current_->state = state;
    current_->site = site;
    give_way();
  }
  void give_way() { current_->fiber.give_way(); }
  void give_way_perhaps() {
    if (settings().order == Order::shuffled && random_() % 4 == 0) give_way();
  }
  bool vote() const { return vote_; }
  [[noreturn]] void fail(const std::string& what) {
    fault_ = what + ", thread " + text_of(current_->index) + " of block " + text_of(index_);
    current_->state = State::done;
    for (;;) give_way();  // never resumed
  }
  void* shared_array(std::source_location site, std::size_t bytes, std::size_t alignment, const char* name);
  std::byte* dynamic_shared_memory() {
    static constexpr auto everywhere = std::source_location();
    return static_cast<std::byte*>(shared_array(everywhere, launch_.shared_bytes, 16, "of the launch"));
  }

 private:
  static void enter(void* block);
  Thread& thread(unsigned number) { return *threads_[number]; }
  unsigned lanes_of(unsigned warp) const { return std::min<unsigned>(warp_size, count_ - warp * warp_size); }
  void make_ready();
  void resume(Thread& thread);
  bool run_warp(unsigned warp);
  bool release_warp(unsigned warp);
  bool meets(const Thread& first, unsigned warp);
  void release_block();
  bool all_done() const {
    return std::all_of(threads_.begin(), threads_.begin() + count_,
                       [](const auto& thread) { return thread->state == State::done; });
  }
  bool goes_on() {
    return settings().order == Order::reverse || (settings().order == Order::shuffled && random_() % 2 == 0);
  }

  const Launch& launch_;
  uint3 index_;
  unsigned count_;
  std::vector<std::unique_ptr<Thread>>& threads_;
  std::mt19937& random_;
  Thread* current_ = nullptr;
  bool vote_ = false;
  std::vector<SharedArray> shared_;
  std::optional<std::string> fault_;
};

thread_local Block* running = nullptr;

// Numbers from 0 on, in the order of the settings.
std::vector<unsigned> in_order(unsigned count, std::mt19937& random) {
  std::vector<unsigned> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  if (settings().order == Order::reverse) std::ranges::reverse(numbers);
  if (settings().order == Order::shuffled) std::ranges::shuffle(numbers, random);
  return numbers;
}

void Block::enter(void* block) {
  auto* self = static_cast<Block*>(block);
  run_kernel(self->launch_);
  self->current_->state = State::done;
  for (;;) self->give_way();
}

void Block::make_ready() {
  while (threads_.size() < count_) threads_.push_back(std::make_unique<Thread>());
  const dim3 size = launch_.block;
  for (unsigned i = 0; i < count_; ++i) {
    Thread& one = thread(i);
    one.index = {i % size.x, i / size.x % size.y, i / (size.x * size.y)};
    one.number = i;
    one.state = State::ready;
    one.fiber.start(&Block::enter, this);
  }
}

void Block::resume(Thread& thread) {
  current_ = &thread;
  threadIdx = thread.index;
  watch::turn_to(thread.number, thread.fiber.stack(), Fiber::stack_bytes);
  thread.fiber.resume();
  watch::turn_to(0, nullptr, 0);
  if (fault_) throw Fault(*fault_);
}

// Each thread that can go on, until it has to wait. Whether there was any.
bool Block::run_warp(unsigned warp) {
  bool ran = false;
  for (const unsigned lane : in_order(lanes_of(warp), random_)) {
    Thread& one = thread(warp * warp_size + lane);
    if (one.state != State::ready) continue;
    resume(one);
    ran = true;
  }
  return ran;
}

// Whether all lanes that `first` waits for have come to where it waits.
bool Block::meets(const Thread& first, unsigned warp) {
  for (unsigned lane = 0; lane < warp_size; ++lane) {
    if (!(first.mask >> lane & 1)) continue;
    const std::string names = text_of(first.site) + ": the mask names lane " + std::to_string(lane);
    if (lane >= lanes_of(warp)) throw Fault(names + ", which the block does not have");
    const Thread& other = thread(warp * warp_size + lane);
    if (other.state == State::done) throw Fault(names + ", which has left the kernel");
    if (other.state != State::at_warp || other.mask != first.mask || !same(other.site, first.site)) return false;
  }
  return true;
}

bool Block::release_warp(unsigned warp) {
  bool released = false;
  for (unsigned i = 0; i < lanes_of(warp); ++i) {
    const Thread& first = thread(warp * warp_size + i);
    if (first.state != State::at_warp || !meets(first, warp)) continue;
    if (first.orders) watch::meet_warp(warp, first.mask);
    Exchanged words{};
    for (unsigned lane = 0; lane < lanes_of(warp); ++lane) words[lane] = thread(warp * warp_size + lane).word;
    const unsigned mask = first.mask;
    for (unsigned lane = 0; lane < lanes_of(warp); ++lane) {
      if (!(mask >> lane & 1)) continue;
      Thread& other = thread(warp * warp_size + lane);
      other.exchanged = words;
      other.state = State::ready;
    }
    released = true;
  }
  return released;
}

// No thread can go on: all must have met at one barrier.
void Block::release_block() {
  const Thread* first = nullptr;
  unsigned left = 0, at_warp = 0;
  bool together = true;
  vote_ = false;
  for (unsigned i = 0; i < count_; ++i) {
    const Thread& one = thread(i);
    left += one.state == State::done;
    at_warp += one.state == State::at_warp;
    if (one.state != State::at_block) continue;
    if (!first) first = &one;
    together = together && same(one.site, first->site);
    vote_ = vote_ || one.predicate;
  }
  if (at_warp > 0) {
    for (unsigned i = 0; i < count_; ++i) {
      if (thread(i).state != State::at_warp) continue;
      throw Fault(text_of(thread(i).site) + ": a warp waits in vain for lanes of its mask");
    }
  }
  if (left > 0) throw Fault(text_of(first->site) + ": " + std::to_string(left) + " threads never reach the barrier");
  if (!together) throw Fault(text_of(first->site) + ": threads of a block wait at different barriers");
  watch::meet_block();
  for (unsigned i = 0; i < count_; ++i) thread(i).state = State::ready;
}

void Block::run() {
  running = this;
  blockIdx = index_;
  const dim3 grid = launch_.grid;
  watch::begin_block(index_.x + grid.x * (index_.y + grid.y * index_.z), count_);
  make_ready();
  const unsigned warps = (count_ + warp_size - 1) / warp_size;
  for (;;) {
    bool ran = false;
    for (const unsigned warp : in_order(warps, random_)) {
      bool again = true;
      while (again) {
        ran |= run_warp(warp);
        const bool released = release_warp(warp);
        ran |= released;
        again = released && goes_on();
      }
    }
    if (ran) continue;
    if (all_done()) break;
    release_block();
  }
}

void* Block::shared_array(std::source_location site, std::size_t bytes, std::size_t alignment, const char* name) {
  std::size_t all = bytes;
  for (const SharedArray& array : shared_) {
    if (same(array.site, site)) return array.memory.get();
    all += array.bytes;
  }
  if (all > most_shared_bytes) fail("a block shares " + std::to_string(all) + " bytes, more than 48 KiB");
  shared_.emplace_back(site, bytes, alignment);
  watch::add_shared(shared_.back().memory.get(), bytes, name);
  return shared_.back().memory.get();
}

void check_size(const Launch& launch) {
  const dim3 &grid = launch.grid, &block = launch.block;
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  const bool fits = grid.x <= 0x7fffffff && grid.y <= 65535 && grid.z <= 65535 && block.z <= 64 &&
                    launch.shared_bytes <= most_shared_bytes;
  if (threads == 0 || threads > most_threads || grid.x == 0 || grid.y == 0 || grid.z == 0 || !fits) {
    throw Fault("invalid configuration argument");
  }
}

}  // namespace

void execute(const Launch& launch) {
  check_size(launch);
  thread_local std::vector<std::unique_ptr<Thread>> threads;  // kept from launch to launch, for their stacks
  thread_local std::mt19937 random(1);
  blockDim = launch.block;
  gridDim = launch.grid;
  watch::begin_launch(launch.call.get(), launch.call_bytes);
  for (const unsigned i : in_order(launch.grid.x * launch.grid.y * launch.grid.z, random)) {
    const uint3 index = {i % launch.grid.x, i / launch.grid.x % launch.grid.y, i / launch.grid.x / launch.grid.y};
    Block(launch, index, threads, random).run();
  }
  running = nullptr;
  if (const std::string wrong = watch::end_launch(); !wrong.empty()) throw Fault(wrong);
}

bool meet_block(bool predicate, std::source_location site) {
  running->current().predicate = predicate;
  running->wait(State::at_block, site);
  return running->vote();
}

namespace {

void wait_for_warp(unsigned mask, bool orders, std::uint64_t word, std::source_location site) {
  Thread& self = running->current();
  if (!(mask >> self.lane() & 1)) running->fail(text_of(site) + ": a lane is missing from its own mask");
  self.mask = mask;
  self.orders = orders;
  self.word = word;
  running->wait(State::at_warp, site);
}

}  // namespace

void meet_warp(unsigned mask, std::source_location site) { wait_for_warp(mask, true, 0, site); }

Exchanged exchange(unsigned mask, std::uint64_t word, std::source_location site) {
  wait_for_warp(mask, false, word, site);
  return running->current().exchanged;
}

int lane() { return static_cast<int>(running->current().lane()); }

void check_lane(unsigned mask, int lane, std::source_location site) {
  if (!(mask >> lane & 1)) {
    running->fail(text_of(site) + ": reads lane " + std::to_string(lane) + ", which is not in the mask");
  }
}

void* shared_array(std::source_location site, std::size_t bytes, std::size_t alignment, const char* name) {
  return running->shared_array(site, bytes, alignment, name);
}

void fail(const std::string& what) { running->fail(what); }

std::byte* dynamic_shared_memory() { return running->dynamic_shared_memory(); }

AtomicAccess::AtomicAccess() {
  running->give_way_perhaps();
  watch::set_atomic(true);
}

AtomicAccess::~AtomicAccess() {
  watch::set_atomic(false);
  running->give_way_perhaps();
}

}  // namespace emulated
