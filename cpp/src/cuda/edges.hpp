#pragma once

#include "cuda/device.hpp"
#include "faceprint/graph.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// `neighbour_graph` of the public header without its balance. All lists must find room on the card.
Graph neighbour_edges(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                      Progress& progress, const Stream& stream);

}  // namespace faceprint::cuda
