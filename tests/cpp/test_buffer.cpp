#include "faceprint/buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "check.hpp"

using namespace faceprint;

namespace {

// What is looked for when aligned memory is given back.
struct Expected {
  const void* data = nullptr;
  std::size_t bytes = 0;
  bool was_zero = false;
} expected;

#if defined(_WIN32)  // which has no aligned_alloc
void* allocate(std::size_t alignment, std::size_t bytes) { return _aligned_malloc(bytes, alignment); }
void release(void* data) { _aligned_free(data); }
#else
void* allocate(std::size_t alignment, std::size_t bytes) { return std::aligned_alloc(alignment, bytes); }
void release(void* data) { std::free(data); }
#endif

void give_back(void* data) noexcept {
  if (data && data == expected.data) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    expected.was_zero = std::all_of(bytes, bytes + expected.bytes, [](unsigned char byte) { return byte == 0; });
  }
  release(data);
}

}  // namespace

// Replace those of the library that gives memory out, for this program.
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  void* data = allocate(align, (bytes + align - 1) / align * align);
  if (!data) throw std::bad_alloc();
  return data;
}
void operator delete(void* data, std::align_val_t) noexcept { give_back(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { give_back(data); }

TEST(is_zero_at_first_and_aligned) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{5} << 20}) {
    const Memory memory(bytes);
    const auto* data = static_cast<const unsigned char*>(memory.data());
    CHECK(std::all_of(data, data + bytes, [](unsigned char byte) { return byte == 0; }));
    CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(data) % 64, 0u);
  }
}

TEST(is_overwritten_before_it_is_given_back) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{5} << 20}) {
    {
      const Memory memory(bytes);
      std::memset(memory.data(), 0xa5, bytes);
      expected = {.data = memory.data(), .bytes = bytes};
    }
    CHECK(expected.was_zero);
  }
}
