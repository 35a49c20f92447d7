#include "bindings.hpp"

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "The compiled core of faceprint: plain numpy in and out, no conversions.";
  bind_backend(module);
  bind_distance(module);
  bind_gallery(module);
  bind_nearest(module);
  bind_pairs(module);
  bind_chip(module);
  bind_graph(module);
  bind_triplets(module);
}
