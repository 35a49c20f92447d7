#pragma once
// How a caller follows a long call, and ends it.

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch() = default;

  // Called again and again while an operation runs, about every 20 milliseconds, by the thread that asked for the
  // operation; `done` is the share of the work that is done, in [0, 1]. What it throws ends the operation within a
  // few milliseconds and reaches the caller; whatever was to be written to is then in no stated condition.
  virtual void look(double done) = 0;
};

}  // namespace faceprint
