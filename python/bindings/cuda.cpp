// The module _cuda: the CUDA backend, for the core to attach, and operations on arrays that lie on a card. It needs no
// driver to be loaded.

#include "backend.hpp"
#include "card.hpp"
#include "cuda/attach.hpp"
#include "errors.hpp"

PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
  static const faceprint::OfferedBackend offered = {faceprint::backend_abi, &faceprint::cuda_backend()};
  module.doc() = "The CUDA backend of faceprint._core.";
  register_errors();
  bind_card_arrays(module);
  bind_card_chip(module);
  bind_card_search(module);
  bind_card_triplets(module);
  module.attr("backend") = py::capsule(&offered, faceprint::OfferedBackend::capsule);
}
