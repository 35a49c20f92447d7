#include "faceprint/pairs.hpp"

#include <optional>

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

using faceprint::Labelled;
using faceprint::RowPairs;

namespace {

// The arrays of some pairs, kept alive with the views of them.
struct PairArrays {
  py::array rows, labels, others, other_labels;
  RowPairs pairs;

  PairArrays(const py::object& embeddings, const py::object& identities, const py::object& other_embeddings,
             const py::object& other_identities)
      : rows(as_array<float>("embeddings", embeddings)), labels(as_array<std::int64_t>("labels", identities)) {
    pairs.rows = {as_matrix<float>("embeddings", rows), as_list<std::int64_t>("labels", labels, "(n,)")};
    if (other_embeddings.is_none()) return;
    others = as_array<float>("others", other_embeddings);
    other_labels = as_array<std::int64_t>("other_labels", other_identities);
    pairs.others = Labelled{as_matrix<float>("others", others, pairs.rows.embeddings.columns),
                            as_list<std::int64_t>("other_labels", other_labels, "(m,)")};
  }
};

py::tuple count_pairs(const py::object& embeddings, const py::object& labels, const py::object& bins,
                      const py::object& others, const py::object& other_labels, const py::object& threads,
                      const py::object& progress) {
  const PairArrays arrays(embeddings, labels, others, other_labels);
  const py::array bin_array = as_array<std::int64_t>("bins", bins);
  const auto chosen = as_list<std::int64_t>("bins", bin_array, "(bins,)");
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<std::int64_t> counts({py::ssize_t{2}, faceprint::distance_bins});
  py::array_t<std::int64_t> places({std::ssize(chosen), py::ssize_t{2}, faceprint::bin_places});
  const auto count_rows = new_matrix(counts);
  const faceprint::Matrix<std::int64_t> place_rows = {places.mutable_data(), 2 * std::ssize(chosen),
                                                      faceprint::bin_places, faceprint::bin_places};
  watch.run([&] { faceprint::count_pairs(arrays.pairs, chosen, count_rows, place_rows, count, &watch); });
  return py::make_tuple(counts, places);
}

py::array_t<std::int64_t> count_same_within(const py::object& embeddings, const py::object& labels,
                                            const py::object& limit, const py::object& others,
                                            const py::object& other_labels, const py::object& threads,
                                            const py::object& progress) {
  const PairArrays arrays(embeddings, labels, others, other_labels);
  const auto most = static_cast<float>(as_number("limit", "a number", limit));
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<std::int64_t> accepted(arrays.pairs.rows.embeddings.rows);
  const std::span<std::int64_t> out(accepted.mutable_data(), static_cast<std::size_t>(accepted.size()));
  watch.run([&] { faceprint::count_same_within(arrays.pairs, most, out, count, &watch); });
  return accepted;
}

}  // namespace

void bind_pairs(py::module_& module) {
  module.def("count_pairs", count_pairs, py::arg("embeddings"), py::arg("labels"), py::arg("bins"),
             py::arg("others") = py::none(), py::arg("other_labels") = py::none(), py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "How many pairs of the same identity, and of different ones, are in each bin of distances, and at each "
             "place of some bins.");
  module.def("count_same_within", count_same_within, py::arg("embeddings"), py::arg("labels"), py::arg("limit"),
             py::arg("others") = py::none(), py::arg("other_labels") = py::none(), py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "How many pairs of the same identity lie at most so far apart, by their first row.");
}
