#include "bindings.hpp"

namespace {

bool in_main_interpreter() { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

constexpr const char* main_only =
    "faceprint runs in the main interpreter alone: instead of a subinterpreter, use a process";

}  // namespace

PYBIND11_MODULE(_core_of_main, module, py::mod_gil_not_used()) {
  if (!in_main_interpreter()) throw py::import_error(main_only);
  module.doc() = "The compiled core of faceprint: plain numpy in and out, no conversions.";
  bind_backend(module);
  bind_distance(module);
  bind_gallery(module);
  bind_nearest(module);
  bind_join(module);
  bind_pairs(module);
  bind_chip(module);
  bind_graph(module);
  bind_triplets(module);
}

// What Python calls, from 3.13 on in the main interpreter. Before 3.12, pybind11 itself waits for ever in any other.
// NOLINTBEGIN(bugprone-reserved-identifier): the name is Python's
extern "C" PYBIND11_EXPORT PyObject* PyInit__core();
PyObject* PyInit__core() {
  // NOLINTEND(bugprone-reserved-identifier)
  if (in_main_interpreter()) return PyInit__core_of_main();
  PyErr_SetString(PyExc_ImportError, main_only);
  return nullptr;
}
