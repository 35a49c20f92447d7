// Compiled in place of the CUDA backend in builds without it, until a module brings it.

#include "absent.hpp"

#include <memory>
#include <string_view>

#include "cuda/attach.hpp"

namespace faceprint {

namespace {

struct Place {
  std::unique_ptr<const Backend> absent = std::make_unique<AbsentBackend>("cuda", "this build has no CUDA");
  const Backend* backend = absent.get();
};

Place& place() {
  static Place only;
  return only;
}

}  // namespace

const Backend& cuda_backend() { return *place().backend; }

void attach_cuda(const OfferedBackend& offered) {
  if (std::string_view(offered.abi) == backend_abi) {
    place().backend = offered.backend;
  } else {
    refuse_cuda("its module is of another build than the core");
  }
}

void refuse_cuda(std::string_view reason) {
  place().absent = std::make_unique<AbsentBackend>("cuda", reason);
  place().backend = place().absent.get();
}

}  // namespace faceprint
