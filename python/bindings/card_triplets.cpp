#include <utility>

#include "arrays.hpp"
#include "card.hpp"
#include "cuda/prepare.hpp"
#include "cuda/triplets.hpp"
#include "mining.hpp"
#include "watch.hpp"

using faceprint::Groups;
using faceprint::Metric;
using faceprint::TripletRule;
using faceprint::cuda::OnDevice;

namespace {

// A batch that lies on a card, and whom its rows show.
struct CardBatch {
  CardBatch(const py::object& x, const py::object& labels, const TripletRule& wanted, const py::object& stream_number)
      : matrix("x", x),
        here(matrix.device()),
        stream(as_stream(stream_number)),
        embeddings(matrix.open(*stream)),
        label_array(as_array<std::int64_t>("labels", labels)),
        identity(as_list<std::int64_t>("labels", label_array, "(n,)")),
        rule(wanted) {
    faceprint::check_triplets(embeddings.rows, embeddings.columns, identity, rule);
  }

  // Waits for the card.
  void check_values() const {
    if (embeddings.rows == 0) return;
    faceprint::cuda::check_rows("x", faceprint::cuda::pack_on_card(embeddings, *stream), Metric::squared_euclidean,
                                *stream);
  }

  CardMatrix matrix;
  OnDevice here;
  SharedStream stream;
  faceprint::Matrix<const float> embeddings;
  py::array label_array;
  std::span<const std::int64_t> identity;
  TripletRule rule;
};

py::tuple mine_triplets(const py::object& x, const py::object& labels, const py::object& kind, const py::object& margin,
                        const py::object& choice, const py::object& seed, const py::object& anchors,
                        const py::object& stream, const py::object& progress) {
  const CardBatch batch(x, labels, as_rule(kind, margin, choice, seed, anchors), stream);
  PythonWatch watch(progress);
  faceprint::Triplets found;
  watch.run([&] {
    batch.check_values();
    found = faceprint::cuda::mine_triplets_on_card(batch.embeddings, Groups(batch.identity), batch.rule, &watch,
                                                   *batch.stream);
  });
  return py::make_tuple(as_numpy(std::move(found.anchors)), as_numpy(std::move(found.positives)),
                        as_numpy(std::move(found.negatives)));
}

py::tuple triplet_loss(const py::object& x, const py::object& labels, const py::object& kind, const py::object& margin,
                       const py::object& choice, const py::object& seed, const py::object& anchors,
                       const py::object& hinge_name, const py::object& reduction, const py::object& stream,
                       const py::object& progress) {
  const CardBatch batch(x, labels, as_rule(kind, margin, choice, seed, anchors), stream);
  const faceprint::Hinge hinge = as_hinge(hinge_name);
  const bool mean = as_mean(reduction);
  faceprint::check_hinge(batch.rule, hinge);
  PythonWatch watch(progress);
  const CardArray gradient(CardArray::Type::float32, {batch.embeddings.rows, batch.embeddings.columns}, batch.stream);
  faceprint::TripletLoss loss{};
  watch.run([&] {
    batch.check_values();
    loss = faceprint::cuda::triplet_loss_on_card(batch.embeddings, Groups(batch.identity), batch.rule, hinge, mean,
                                                 gradient.matrix<float>(), &watch, *batch.stream);
    if (stream.is_none()) batch.stream->wait();
  });
  return py::make_tuple(loss.value, gradient, loss.triplets);
}

}  // namespace

void bind_card_triplets(py::module_& module) {
  module.def("mine_triplets", mine_triplets, py::arg("x"), py::arg("labels"), py::arg("kind") = "semihard",
             py::arg("margin") = 0.2, py::arg("choice") = "hardest", py::arg("seed") = 0, py::arg("anchors") = 0,
             py::arg("stream") = py::none(), py::arg("progress") = py::none(),
             "The triplets of a batch that lies on a card: rows of anchors, positives and negatives.");
  module.def("triplet_loss", triplet_loss, py::arg("x"), py::arg("labels"), py::arg("kind") = "batch-all",
             py::arg("margin") = 0.2, py::arg("choice") = "hardest", py::arg("seed") = 0, py::arg("anchors") = 0,
             py::arg("hinge") = "margin", py::arg("reduction") = "mean", py::arg("stream") = py::none(),
             py::arg("progress") = py::none(),
             "The triplet loss of a batch, its gradient on the card, and how many triplets it has.");
}
