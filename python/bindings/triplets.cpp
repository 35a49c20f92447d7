#include "faceprint/triplets.hpp"

#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

using faceprint::Choice, faceprint::Hinge, faceprint::Mining, faceprint::TripletRule;

Mining as_mining(const std::string& name) {
  if (name == "semihard") return Mining::semihard;
  if (name == "batch-hard") return Mining::batch_hard;
  if (name == "batch-all") return Mining::batch_all;
  if (name == "hardest-within-batch") return Mining::hardest;
  if (name == "random-in-margin") return Mining::random_in_margin;
  if (name == "easy-positive") return Mining::easy_positive;
  throw py::value_error(
      "kind must be 'semihard', 'batch-hard', 'batch-all', 'hardest-within-batch', 'random-in-margin' or "
      "'easy-positive', not '" +
      name + "'");
}

Choice as_choice(const std::string& name) {
  if (name == "hardest") return Choice::hardest;
  if (name == "random") return Choice::random;
  throw py::value_error("choice must be 'hardest' or 'random', not '" + name + "'");
}

Hinge as_hinge(const std::string& name) {
  if (name == "margin") return Hinge::margin;
  if (name == "soft") return Hinge::soft;
  throw py::value_error("hinge must be 'margin' or 'soft', not '" + name + "'");
}

bool as_mean(const std::string& name) {
  if (name == "mean") return true;
  if (name == "sum") return false;
  throw py::value_error("reduction must be 'mean' or 'sum', not '" + name + "'");
}

TripletRule as_rule(const std::string& kind, const py::object& margin, const std::string& choice,
                    const py::object& seed, const py::object& anchors) {
  return {.kind = as_mining(kind),
          .choice = as_choice(choice),
          .margin = as_number("margin", "a number", margin),
          .seed = static_cast<std::uint64_t>(as_integer("seed", seed)),
          .anchors = as_integer("anchors", anchors)};
}

py::tuple mine_triplets(const py::object& embeddings, const py::object& labels, const std::string& kind,
                        const py::object& margin, const std::string& choice, const py::object& seed,
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

py::tuple triplet_loss(const py::object& embeddings, const py::object& labels, const std::string& kind,
                       const py::object& margin, const std::string& choice, const py::object& seed,
                       const py::object& anchors, const std::string& hinge, const std::string& reduction,
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
