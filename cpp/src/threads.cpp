#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace faceprint {

namespace {

constexpr int max_threads = 1024;

// Starting a thread costs some 20 microseconds, in which a core does about a million multiply-adds.
constexpr double multiply_adds_per_thread = 4e6;

class Crew {
 public:
  Crew(std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work) : chunks_(chunks), work_(work) {}

  void run() {
    try {
      for (std::ptrdiff_t chunk = next_++; chunk < chunks_; chunk = next_++) work_(chunk);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!error_) error_ = std::current_exception();
      next_ = chunks_;
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const std::ptrdiff_t chunks_;
  const std::function<void(std::ptrdiff_t)>& work_;
  std::atomic<std::ptrdiff_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

int default_threads() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::clamp(CPU_COUNT(&allowed), 1, max_threads);
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);
}

int resolve_threads(int threads) {
  if (threads < 0) {
    throw std::invalid_argument("threads must be 0 (all) or more, not " + std::to_string(threads));
  }
  return threads == 0 ? default_threads() : std::min(threads, max_threads);
}

int worthwhile_threads(int threads, double multiply_adds) {
  const double earned = multiply_adds / multiply_adds_per_thread;
  return earned >= threads ? threads : std::max(1, static_cast<int>(earned));
}

void parallel_for(int threads, std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work) {
  Crew crew(chunks, work);
  const auto helpers = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(chunks, 1, threads) - 1);
  std::vector<std::thread> started;
  started.reserve(helpers);
  try {
    while (started.size() < helpers) started.emplace_back(&Crew::run, &crew);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that started share the work.
  }
  crew.run();
  for (std::thread& helper : started) helper.join();
  crew.rethrow();
}

}  // namespace faceprint
