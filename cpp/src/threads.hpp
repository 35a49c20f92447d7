#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <thread>

#include "faceprint/threads.hpp"
#include "faceprint/watch.hpp"

namespace faceprint {

// Checks the parameter `threads` of an operation and returns how many to use, at least 1.
int resolve_threads(int threads);

// As many of `threads` as earn more than their start costs, for so many multiply-adds in all.
int worthwhile_threads(int threads, double multiply_adds);

// How far an operation is, for its watch. Made by the thread that asked for the operation.
class Progress {
 public:
  Progress(Watch* watch, double work) : watch_(watch), work_(work) {}

  // Adds to what is done. Throws what the watch throws, or Ended on the other threads after that; so chunks should come
  // here every few milliseconds.
  void add(double work);

  // Lets the watch look if it is time to; only for the thread that made this.
  void look();

  struct Ended : std::exception {};
  void end() { ended_ = true; }
  bool watched() const { return watch_ != nullptr; }

 private:
  using Clock = std::chrono::steady_clock;

  Watch* const watch_;
  const double work_;
  const std::thread::id owner_ = std::this_thread::get_id();
  Clock::time_point looked_ = Clock::now();
  std::atomic<double> done_ = 0;
  std::atomic<bool> ended_ = false;
};

// Calls work(0) ... work(chunks - 1), each once, in any order, on up to `threads` threads including this one. The
// first exception stops the handing out of chunks and is thrown again here. Where there is a progress with a watch,
// this thread goes on looking until all others are done.
void parallel_for(int threads, std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work,
                  Progress* progress = nullptr);

}  // namespace faceprint
