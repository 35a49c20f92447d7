#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// What a backend keeps of a gallery in memory of its own, such as a card's.
class Resident {
 public:
  Resident() = default;
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  virtual ~Resident() = default;
};

// Where a gallery keeps it, as long as its rows stay as they are. Searches may come here at once.
class Residence {
 public:
  Residence() = default;
  Residence(Residence&& other) noexcept : resident_(std::move(other.resident_)) {}
  Residence& operator=(Residence&& other) noexcept {
    resident_ = std::move(other.resident_);
    return *this;
  }

  std::shared_ptr<const Resident> find() const {
    const std::scoped_lock lock(mutex_);
    return resident_;
  }
  void keep(std::shared_ptr<const Resident> resident) const {
    const std::scoped_lock lock(mutex_);
    resident_ = std::move(resident);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Resident> resident_;
};

}  // namespace faceprint
