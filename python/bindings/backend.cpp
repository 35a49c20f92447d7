#include "faceprint/backend.hpp"

#include <pybind11/stl.h>

#include "bindings.hpp"
#include "faceprint/threads.hpp"

namespace {

// The class lives in Python and is looked up only when it is raised: loading this module needs nothing but numpy.
void translate_device_error(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const faceprint::DeviceError& error) {
    py::set_error(py::module_::import("faceprint.errors").attr("DeviceError"), error.what());
  }
}

std::vector<std::pair<std::string, std::string>> backends() {
  std::vector<std::pair<std::string, std::string>> list;
  for (faceprint::BackendStatus& status : faceprint::backends()) {
    list.emplace_back(std::move(status.name), std::move(status.unavailable));
  }
  return list;
}

}  // namespace

void bind_backend(py::module_& module) {
  py::register_local_exception_translator(translate_device_error);
  module.def("backends", backends, "Every known backend, and why it cannot run here (empty if it can).");
  module.def("active_backend", faceprint::active_backend, "The name of the backend that operations use.");
  module.def("use_backend", faceprint::use_backend, py::arg("name"), "Let every later operation use this backend.");
  module.def("default_threads", faceprint::default_threads, "What threads=0 stands for.");
}
