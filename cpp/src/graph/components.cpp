#include "methods.hpp"
#include "sets.hpp"

namespace faceprint {

std::vector<std::int64_t> components(const GraphView& graph) {
  Sets sets(graph.nodes());
  for (std::ptrdiff_t node = 0; node < graph.nodes(); ++node) {
    for (std::int64_t edge = graph.offsets[at(node)]; edge < graph.offsets[at(node) + 1]; ++edge) {
      sets.join(node, graph.targets[at(edge)]);
    }
  }
  std::vector<std::int64_t> labels(at(graph.nodes()));
  for (std::ptrdiff_t node = 0; node < graph.nodes(); ++node) labels[at(node)] = sets.first(node);
  return labels;
}

}  // namespace faceprint
