#pragma once

#include "backend.hpp"
#include "cuda/prepare.hpp"
#include "faceprint/nearest.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// As the public header has them.
std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, const Search& search, Matrix<float> values,
                     Matrix<std::int64_t> indices);
void neighbours(const Gallery& gallery, const Search& search, Matrix<float> values, Matrix<std::int64_t> indices);
void join(const JoinRows& one, const JoinRows& other, const Search& search);  // limits are not heeded
void within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search,
            Neighbourhoods& found);

// The first of them for rows and answers that lie on the card; the latter without a gap between rows. A gallery that
// this card cannot hold alone is searched by way of the host.
void nearest_on_card(const PackedRows& queries, const PackedRows& gallery, Metric metric, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Stream& stream);
void nearest_on_card(Matrix<const float> queries, const Gallery& gallery, Metric metric, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Stream& stream);

}  // namespace faceprint::cuda
