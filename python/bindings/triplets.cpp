#include "faceprint/triplets.hpp"

#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "mining.hpp"
#include "watch.hpp"

namespace {

using faceprint::Hinge, faceprint::TripletRule;

py::tuple mine_triplets(const py::object& embeddings, const py::object& labels, const py::object& kind,
                        const py::object& margin, const py::object& choice, const py::object& seed,
                        const py::object& anchors, const py::object& threads, const py::object& progress) {
  const py::array rows = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", rows);
  const py::array identities = as_array<std::int64_t>("labels", labels);
  const auto identity = as_list<std::int64_t>("labels", identities, "(n,)");
  const TripletRule rule = as_rule(kind, margin, choice, seed, anchors);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  faceprint::Triplets found;
  watch.run([&] { found = faceprint::mine_triplets(matrix, identity, rule, count, &watch); });
  return py::make_tuple(as_numpy(std::move(found.anchors)), as_numpy(std::move(found.positives)),
                        as_numpy(std::move(found.negatives)));
}

py::tuple triplet_loss(const py::object& embeddings, const py::object& labels, const py::object& kind,
                       const py::object& margin, const py::object& choice, const py::object& seed,
                       const py::object& anchors, const py::object& hinge, const py::object& reduction,
                       const py::object& threads, const py::object& progress) {
  const py::array rows = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", rows);
  const py::array identities = as_array<std::int64_t>("labels", labels);
  const auto identity = as_list<std::int64_t>("labels", identities, "(n,)");
  const TripletRule rule = as_rule(kind, margin, choice, seed, anchors);
  const Hinge cost = as_hinge(hinge);
  const bool mean = as_mean(reduction);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<float> gradient({matrix.rows, matrix.columns});
  const auto gradient_rows = new_matrix(gradient);
  faceprint::TripletLoss loss{};
  watch.run([&] { loss = faceprint::triplet_loss(matrix, identity, rule, cost, mean, gradient_rows, count, &watch); });
  return py::make_tuple(loss.value, gradient, loss.triplets);
}

}  // namespace

void bind_triplets(py::module_& module) {
  module.def("mine_triplets", mine_triplets, py::arg("embeddings"), py::arg("labels"), py::arg("kind") = "semihard",
             py::arg("margin") = 0.2, py::arg("choice") = "hardest", py::arg("seed") = 0, py::arg("anchors") = 0,
             py::arg("threads") = 0, py::arg("progress") = py::none(),
             "The triplets of a batch: rows of anchors, positives and negatives.");
  module.def("triplet_loss", triplet_loss, py::arg("embeddings"), py::arg("labels"), py::arg("kind") = "batch-all",
             py::arg("margin") = 0.2, py::arg("choice") = "hardest", py::arg("seed") = 0, py::arg("anchors") = 0,
             py::arg("hinge") = "margin", py::arg("reduction") = "mean", py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "The triplet loss of a batch, its gradient, and how many triplets it has.");
}
