#include "faceprint/graph.hpp"

#include "arrays.hpp"
#include "bindings.hpp"
#include "watch.hpp"

namespace {

using faceprint::Method;

Method as_method(const py::object& name) {
  return as_named<Method>("method", name,
                          {{"map_equation", Method::map_equation},
                           {"modularity", Method::modularity},
                           {"chinese_whispers", Method::chinese_whispers},
                           {"components", Method::components}});
}

py::array average_linkage(const py::object& embeddings, const py::object& threshold, const py::object& threads,
                          const py::object& progress) {
  const py::array array = as_array<float>("embeddings", embeddings);
  const auto matrix = as_matrix<float>("embeddings", array);
  const double most = as_number("threshold", "a number", threshold);
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<std::int64_t> labels(matrix.rows);
  const std::span<std::int64_t> out = {labels.mutable_data(), static_cast<std::size_t>(matrix.rows)};
  watch.run([&] { faceprint::average_linkage(matrix, most, out, count, &watch); });
  return labels;
}

py::tuple neighbour_graph(const py::object& distances, const py::object& indices, const py::object& halfway,
                          const py::object& slope, const py::object& least, bool balanced, const py::object& threads,
                          const py::object& progress) {
  const py::array far = as_array<float>("distances", distances), who = as_array<std::int64_t>("indices", indices);
  const auto distance_rows = as_matrix<float>("distances", far);
  const auto index_rows = as_matrix<std::int64_t>("indices", who);
  const faceprint::EdgeRule rule = {.halfway = as_number("halfway", "a number", halfway),
                                    .slope = as_number("slope", "a number", slope),
                                    .least = as_number("least", "a number", least),
                                    .balanced = balanced};
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  faceprint::Graph graph;
  watch.run([&] { graph = faceprint::neighbour_graph(distance_rows, index_rows, rule, count, &watch); });
  return py::make_tuple(as_numpy(std::move(graph.offsets)), as_numpy(std::move(graph.targets)),
                        as_numpy(std::move(graph.weights)));
}

py::array communities(const py::object& offsets, const py::object& targets, const py::object& weights,
                      const py::object& method, const py::object& resolution, const py::object& left_nodes,
                      const py::object& threads, const py::object& progress) {
  const py::array starts = as_array<std::int64_t>("offsets", offsets),
                  ends = as_array<std::int64_t>("targets", targets), heavy = as_array<float>("weights", weights);
  const faceprint::GraphView graph = {as_list<std::int64_t>("offsets", starts, "(nodes + 1,)"),
                                      as_list<std::int64_t>("targets", ends, "(edges,)"),
                                      as_list<float>("weights", heavy, "(edges,)")};
  const faceprint::CommunityRule rule = {.method = as_method(method),
                                         .resolution = as_number("resolution", "a number", resolution),
                                         .left_nodes = as_integer("left_nodes", left_nodes)};
  const int count = as_threads(threads);
  PythonWatch watch(progress);
  py::array_t<std::int64_t> labels(std::max<std::ptrdiff_t>(graph.nodes(), 0));
  const std::span<std::int64_t> out = {labels.mutable_data(), static_cast<std::size_t>(labels.size())};
  watch.run([&] { faceprint::communities(graph, rule, out, count, &watch); });
  return labels;
}

}  // namespace

void bind_graph(py::module_& module) {
  module.def("average_linkage", average_linkage, py::arg("embeddings"), py::arg("threshold"), py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "Cluster labels by average linkage, merging while the mean distance is at most the threshold.");
  module.def("neighbour_graph", neighbour_graph, py::arg("distances"), py::arg("indices"), py::arg("halfway"),
             py::arg("slope"), py::arg("least"), py::arg("balanced") = false, py::arg("threads") = 0,
             py::arg("progress") = py::none(),
             "Edges of a graph of nearest neighbours, weighted by how far the lists of their ends agree.");
  module.def("communities", communities, py::arg("offsets"), py::arg("targets"), py::arg("weights"),
             py::arg("method") = "map_equation", py::arg("resolution") = 1, py::arg("left_nodes") = 0,
             py::arg("threads") = 0, py::arg("progress") = py::none(), "Labels of the communities of a graph.");
}
