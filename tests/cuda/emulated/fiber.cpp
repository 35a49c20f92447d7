#include "fiber.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Pushes what a called function must keep, swaps stack pointers, and returns where the other one's caller was.
#if defined(__x86_64__)
asm(R"(
.text
.globl emulated_switch_stacks
.type emulated_switch_stacks, @function
emulated_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulated_switch_stacks, . - emulated_switch_stacks
)");
constexpr std::size_t kept_words = 6;
#else
#error "fibers know how to switch stacks on x86-64 only"
#endif
extern "C" void emulated_switch_stacks(void** from, void* to);

namespace emulated {

namespace {

// What AddressSanitizer is told, where it is at work.
#if defined(__SANITIZE_ADDRESS__)
void leave_for(const void* stack, std::size_t bytes, void** shadow) {
  __sanitizer_start_switch_fiber(shadow, stack, bytes);
}
void arrive_from(void* shadow, const void** stack, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(shadow, stack, bytes);
}
void forget(void* stack, std::size_t bytes) { __asan_unpoison_memory_region(stack, bytes); }
#else
void leave_for(const void*, std::size_t, void**) {}
void arrive_from(void*, const void**, std::size_t*) {}
void forget(void*, std::size_t) {}
#endif

thread_local Fiber* starting = nullptr;

}  // namespace

Fiber::Fiber() {
  void* pages = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages, guard_bytes, PROT_NONE) != 0) throw std::bad_alloc();
  stack_ = static_cast<char*>(pages) + guard_bytes;
}

Fiber::~Fiber() { munmap(stack_ - guard_bytes, guard_bytes + stack_bytes); }

void Fiber::enter() {
  Fiber* self = starting;
  arrive_from(nullptr, &self->other_stack_, &self->other_bytes_);
  self->entry_(self->argument_);
  std::abort();
}

void Fiber::start(void (*entry)(void*), void* argument) {
  forget(stack_, stack_bytes);
  entry_ = entry;
  argument_ = argument;
  own_shadow_ = nullptr;
  // As if `enter` had just been called by nobody.
  auto** top = reinterpret_cast<void**>(stack_ + stack_bytes) - 2;
  top[1] = nullptr;
  top[0] = reinterpret_cast<void*>(&Fiber::enter);
  for (std::size_t i = 0; i < kept_words; ++i) *--top = nullptr;
  own_place_ = static_cast<void*>(top);
}

void Fiber::resume() {
  starting = this;
  leave_for(stack_, stack_bytes, &other_shadow_);
  emulated_switch_stacks(&other_place_, own_place_);
  arrive_from(other_shadow_, nullptr, nullptr);
}

void Fiber::give_way() {
  leave_for(other_stack_, other_bytes_, &own_shadow_);
  emulated_switch_stacks(&own_place_, other_place_);
  arrive_from(own_shadow_, &other_stack_, &other_bytes_);
}

}  // namespace emulated
