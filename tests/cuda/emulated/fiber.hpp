#pragma once
// A function on a stack of its own, that runs until it gives way, and goes on from there when it is resumed.

#include <cstddef>

namespace emulated {

class Fiber {
 public:
  Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  // Makes ready to run entry(argument), which must not return and may be abandoned wherever it gives way.
  void start(void (*entry)(void*), void* argument);
  void resume();
  void give_way();  // by the fiber itself, to whoever resumed it

  static constexpr std::size_t stack_bytes = 128 << 10;
  const void* stack() const { return stack_; }

 private:
  static constexpr std::size_t guard_bytes = 4096;
  static void enter();

  char* stack_;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* own_place_ = nullptr;    // stack pointer, while the fiber waits
  void* other_place_ = nullptr;  // and that of whoever resumed it, while it runs
  void* own_shadow_ = nullptr;   // what AddressSanitizer knows of both
  void* other_shadow_ = nullptr;
  const void* other_stack_ = nullptr;
  std::size_t other_bytes_ = 0;
};

}  // namespace emulated
