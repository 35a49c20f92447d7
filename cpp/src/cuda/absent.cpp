// Compiled in place of the CUDA backend in builds without it.

#include "absent.hpp"

const faceprint::Backend& faceprint::cuda_backend() {
  static const AbsentBackend backend("cuda", "this build has no CUDA");
  return backend;
}
