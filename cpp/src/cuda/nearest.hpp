#pragma once

#include "faceprint/nearest.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// As the public header has them; every value is computed, whatever scan is asked for.
void nearest(Matrix<const float> queries, const Gallery& gallery, const Search& search, Matrix<float> values,
             Matrix<std::int64_t> indices);
void neighbours(const Gallery& gallery, const Search& search, Matrix<float> values, Matrix<std::int64_t> indices);
Neighbourhoods within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search);

}  // namespace faceprint::cuda
