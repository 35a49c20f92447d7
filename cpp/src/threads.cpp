#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "cgroup.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace faceprint {

namespace {

constexpr int max_threads = 1024;

// Starting a thread costs some 20 microseconds, in which a core does about a million multiply-adds.
constexpr double multiply_adds_per_thread = 4e6;

constexpr std::chrono::milliseconds between_looks{20};

class Crew {
 public:
  Crew(std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work, Progress* progress)
      : chunks_(chunks), work_(work), progress_(progress) {}

  void run() {
    try {
      for (std::ptrdiff_t chunk = next_++; chunk < chunks_; chunk = next_++) work_(chunk);
    } catch (const Progress::Ended&) {
      // Whoever ended it has the reason.
    } catch (...) {
      fail();
    }
  }

  void help() {
    run();
    const std::scoped_lock lock(mutex_);
    ++helped_;
    all_helped_.notify_one();
  }

  // Until so many helpers are done. The watch may throw here too.
  void wait_for(std::size_t helpers) {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return helped_ == helpers; };
    while (!all_helped_.wait_for(lock, between_looks, done)) {
      lock.unlock();
      try {
        progress_->look();
      } catch (...) {
        fail();
      }
      lock.lock();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void fail() {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = std::current_exception();
    next_ = chunks_;
    if (progress_) progress_->end();
  }

  const std::ptrdiff_t chunks_;
  const std::function<void(std::ptrdiff_t)>& work_;
  Progress* const progress_;
  std::atomic<std::ptrdiff_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable all_helped_;
  std::size_t helped_ = 0;
  std::exception_ptr error_;
};

int allowed_cpus() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

int default_threads() {
  static const double paid = std::ceil(cgroup_cpus());  // read once: it takes longer than a small search
  return static_cast<int>(std::clamp<double>(std::min<double>(allowed_cpus(), paid), 1, max_threads));
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

void Progress::add(double work) {
  if (!watch_) return;
  if (ended_) throw Ended();
  // libc++ has += for atomic numbers with a point from version 18 on only.
  for (double done = done_; !done_.compare_exchange_weak(done, done + work);) continue;
  if (std::this_thread::get_id() == owner_) look();
}

void Progress::look() {
  if (ended_ || Clock::now() - looked_ < between_looks) return;
  looked_ = Clock::now();
  watch_->look(std::min(done_ / work_, 1.0));
}

void parallel_for(int threads, std::ptrdiff_t chunks, const std::function<void(std::ptrdiff_t)>& work,
                  Progress* progress) {
  Crew crew(chunks, work, progress);
  const auto helpers = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(chunks, 1, threads) - 1);
  std::vector<std::thread> started;
  started.reserve(helpers);
  try {
    while (started.size() < helpers) started.emplace_back(&Crew::help, &crew);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that started share the work.
  }
  crew.run();
  if (progress && progress->watched()) crew.wait_for(started.size());
  for (std::thread& helper : started) helper.join();
  crew.rethrow();
}

}  // namespace faceprint
