#pragma once
// Lets a long call notice Ctrl-C and tell its progress.

#include <pybind11/pybind11.h>

#include "faceprint/watch.hpp"
#include "lock.hpp"

namespace py = pybind11;

// `progress` is None or what is called with the share of the work that is done.
class PythonWatch final : public faceprint::Watch {
 public:
  explicit PythonWatch(const py::object& progress);

  // Runs `work` without the GIL. However short it is, 0 is told before it and 1 after it.
  template <typename Work>
  void run(Work work) {
    tell(0);
    {
      Unlocked unlocked;
      unlocked_ = &unlocked;
      work();
    }
    tell(1);
  }

  void look(double done) override;

  // Whether this thread is inside a call that a PythonWatch has interrupted to look: it must not change a gallery then,
  // because it may be searching it.
  static bool looking();

 private:
  // With the lock.
  void tell(double done);

  const py::object& progress_;
  Unlocked* unlocked_ = nullptr;
};
