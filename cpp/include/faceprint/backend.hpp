#pragma once
// The backends: which are known, which run here, which one is active. All give the same results, to the bit.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "faceprint/export.h"

namespace FACEPRINT_API faceprint {

// A backend is known but cannot run on this machine or in this build.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct BackendStatus {
  std::string name;
  std::string unavailable;  // why it cannot run here; empty if it can
};

// Every known backend: portable, avx2, avx512, avx512vnni, neon, cuda.
std::vector<BackendStatus> backends();

// The backend that operations use: the one last given to use_backend, else the one named by the environment variable
// FACEPRINT_BACKEND, else the best CPU backend that runs here. A wrong FACEPRINT_BACKEND throws as use_backend does.
std::string_view active_backend();

// Lets every later operation of this process use the named backend.
// Throws std::invalid_argument for an unknown name, DeviceError for one that cannot run here.
void use_backend(std::string_view name);

}  // namespace faceprint
