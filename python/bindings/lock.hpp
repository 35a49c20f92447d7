#pragma once
// Python's lock (the GIL), given up for long work and asked for again.

#include <Python.h>

#include <chrono>
#include <thread>

// Python's lock is given up from here to the end of the block.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() { lock(); }

  // Python before 3.14 ends a thread that asks for the lock while Python itself ends, by unwinding its stack, which is
  // an abort at the next destructor: then this never returns, and the process ends without it.
  void lock() noexcept {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

  void unlock() { state_ = PyEval_SaveThread(); }

 private:
  PyThreadState* state_;
};
