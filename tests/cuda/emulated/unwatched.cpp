#include "watch.hpp"

namespace emulated::watch {

void begin_launch(const void*, std::size_t) {}
// NOLINTNEXTLINE(modernize-use-string-view): where kernels are watched, this makes one
std::string end_launch() { return {}; }
void begin_block(unsigned, unsigned) {}
void meet_block() {}
void meet_warp(unsigned, unsigned) {}
void turn_to(unsigned, const void*, std::size_t) {}
void set_atomic(bool) {}
void add_shared(void*, std::size_t, const char*) {}
void add_global(void*, std::size_t) {}
void remove_global(void*) {}
void fill_global(void*, std::size_t) {}

}  // namespace emulated::watch
