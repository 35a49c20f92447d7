#pragma once
// How the CUDA backend comes into a program whose core was built without it: from a module of its own.

#include <string_view>

namespace faceprint {

class Backend;

// What such a module offers. Both sides must have been compiled from the same headers by the same compiler.
struct OfferedBackend {
  const char* abi;
  const Backend* backend;

  static constexpr const char* capsule = "faceprint.backend";
};

inline constexpr const char* backend_abi = FACEPRINT_ABI;

// Puts a backend in the place of the absent one, or only the reason why there is none: before the first operation.
void attach_cuda(const OfferedBackend& offered);
void refuse_cuda(std::string_view reason);

}  // namespace faceprint
