#include "errors.hpp"

#include <pybind11/pybind11.h>

#include "faceprint/backend.hpp"

namespace py = pybind11;

namespace {

// The class lives in Python and is looked up only when it is raised: loading the module needs nothing but numpy.
void translate_device_error(std::exception_ptr pointer) {  // NOLINT(performance-unnecessary-value-param)
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const faceprint::DeviceError& error) {
    py::set_error(py::module_::import("faceprint.errors").attr("DeviceError"), error.what());
  }
}

}  // namespace

void register_errors() { py::register_local_exception_translator(translate_device_error); }
