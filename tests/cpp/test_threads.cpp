#include "threads.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace faceprint;

TEST(calls_every_chunk_once) {
  for (const int threads : {1, 2, 3, 8}) {
    for (const std::ptrdiff_t chunks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(chunks));
      parallel_for(threads, chunks, [&](std::ptrdiff_t chunk) { ++calls[static_cast<std::size_t>(chunk)]; });
      for (const auto& count : calls) CHECK_EQUAL(count.load(), 1);
    }
  }
}

TEST(uses_several_threads_at_once) {
  // Each chunk waits for the other, so one thread alone would never get past the first.
  std::atomic<int> arrived = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  parallel_for(2, 2, [&](std::ptrdiff_t) {
    ++arrived;
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK_EQUAL(arrived.load(), 2);
  });
}

TEST(throws_what_a_chunk_threw) {
  for (const int threads : {1, 4}) {
    CHECK_THROWS(std::runtime_error, "chunk 3", parallel_for(threads, 100, [](std::ptrdiff_t chunk) {
                   if (chunk == 3) throw std::runtime_error("chunk 3");
                 }));
  }
}

TEST(stops_handing_out_chunks_after_an_exception) {
  std::atomic<int> calls = 0;
  CHECK_THROWS(std::runtime_error, "first", parallel_for(1, 1000, [&](std::ptrdiff_t) {
                 ++calls;
                 throw std::runtime_error("first");
               }));
  CHECK_EQUAL(calls.load(), 1);
}

TEST(an_exception_also_stops_the_other_threads) {
  std::atomic<int> calls = 0;
  CHECK_THROWS(std::runtime_error, "first", parallel_for(2, 1000, [&](std::ptrdiff_t) {
                 if (calls++ == 0) throw std::runtime_error("first");
                 std::this_thread::sleep_for(std::chrono::milliseconds(1));
               }));
  CHECK(calls < 1000);  // the other thread alone would come to that
}

TEST(counts_threads) {
  CHECK(default_threads() >= 1);
  CHECK_EQUAL(resolve_threads(0), default_threads());
  CHECK_EQUAL(resolve_threads(3), 3);
  CHECK_EQUAL(resolve_threads(std::numeric_limits<int>::max()), 1024);
  CHECK_THROWS(std::invalid_argument, "threads must be 0 (all) or more, not -1", resolve_threads(-1));
}

TEST(does_not_start_threads_for_little_work) {
  CHECK_EQUAL(worthwhile_threads(8, 1e3), 1);
  CHECK_EQUAL(worthwhile_threads(8, 1e12), 8);
  CHECK_EQUAL(worthwhile_threads(1, 1e12), 1);
}
