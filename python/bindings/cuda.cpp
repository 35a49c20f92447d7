// The module _cuda: the CUDA backend, for the core to attach. It needs no driver to be loaded.

#include <pybind11/pybind11.h>

#include "backend.hpp"
#include "cuda/attach.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
  static const faceprint::OfferedBackend offered = {faceprint::backend_abi, &faceprint::cuda_backend()};
  module.doc() = "The CUDA backend of faceprint._core.";
  module.attr("backend") = py::capsule(&offered, faceprint::OfferedBackend::capsule);
}
