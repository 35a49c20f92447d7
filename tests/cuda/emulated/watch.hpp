#pragma once
// Whoever looks at what threads do to memory: races.cpp, in programs whose kernels are compiled for it, else nobody
// (unwatched.cpp).

#include <cstddef>
#include <string>

namespace emulated::watch {

void begin_launch(const void* arguments, std::size_t bytes);
std::string end_launch();  // what was wrong, or nothing

void begin_block(unsigned block, unsigned threads);
void meet_block();
void meet_warp(unsigned warp, unsigned mask);

// Whose accesses follow, and which stack is its own; nobody's where `stack` is null.
void turn_to(unsigned thread, const void* stack, std::size_t stack_bytes);
void set_atomic(bool atomic);

void add_shared(void* address, std::size_t bytes, const char* name);

// Memory of cards: they hold it from now on, no longer, and numbers that somebody put there.
void add_global(void* address, std::size_t bytes);
void remove_global(void* address);
void fill_global(void* address, std::size_t bytes);

}  // namespace emulated::watch
