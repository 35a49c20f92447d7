#include "watch.hpp"

#include <mutex>
#include <string>

namespace {

thread_local int looks = 0;

struct Looking {
  Looking() { ++looks; }
  Looking(const Looking&) = delete;
  Looking& operator=(const Looking&) = delete;
  ~Looking() { --looks; }
};

}  // namespace

PythonWatch::PythonWatch(const py::object& progress) : progress_(progress) {
  if (progress.is_none() || PyCallable_Check(progress.ptr())) return;
  throw py::type_error("progress must be callable or None, not " +
                       py::type::handle_of(progress).attr("__name__").cast<std::string>());
}

void PythonWatch::look(double done) {
  const std::scoped_lock locked(*unlocked_);
  tell(done);
}

void PythonWatch::tell(double done) {
  const Looking now;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  if (!progress_.is_none()) progress_(done);
}

bool PythonWatch::looking() { return looks > 0; }
