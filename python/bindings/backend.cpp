#include "faceprint/backend.hpp"

#include <pybind11/stl.h>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cuda/attach.hpp"
#include "errors.hpp"
#include "faceprint/threads.hpp"

namespace {

std::vector<std::pair<std::string, std::string>> backends() {
  std::vector<std::pair<std::string, std::string>> list;
  for (faceprint::BackendStatus& status : faceprint::backends()) {
    list.emplace_back(std::move(status.name), std::move(status.unavailable));
  }
  return list;
}

// The CUDA backend is a module of its own, which builds without it lack.
void attach_cuda() {
  py::object module;
  try {
    module = py::module_::import("faceprint._cuda");
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_ModuleNotFoundError)) faceprint::refuse_cuda(error.what());
    return;
  }
  const auto offered = module.attr("backend").cast<py::capsule>();
  faceprint::attach_cuda(*offered.get_pointer<const faceprint::OfferedBackend>());
}

}  // namespace

void bind_backend(py::module_& module) {
  register_errors();
  attach_cuda();
  module.def("backends", backends, "Every known backend, and why it cannot run here (empty if it can).");
  module.def("active_backend", faceprint::active_backend, "The name of the backend that operations use.");
  module.def(
      "use_backend", [](const py::object& name) { faceprint::use_backend(as_text("name", name)); }, py::arg("name"),
      "Let every later operation use this backend.");
  module.def("default_threads", faceprint::default_threads, "What threads=0 stands for.");
}
