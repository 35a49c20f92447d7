#pragma once

#include "faceprint/export.h"
#include "faceprint/gallery.hpp"
#include "faceprint/growing.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/watch.hpp"

namespace FACEPRINT_API faceprint {

// What makes rows near. Distances are better the lower they are, similarities the higher.
//   squared_euclidean  max((|query|^2 + |row|^2) - 2 <query, row>, 0), as in distance.hpp
//   cosine             <query, row> (1 / |query| * 1 / |row|), within [-1, 1]
//   dot                <query, row>
enum class Metric { squared_euclidean, cosine, dot };

// How a gallery of float32 rows that keeps codes beside them is searched; the answers are the same.
//   full       every value is computed
//   certified  the codes give each row a bound that its value cannot pass, and only rows that the bound does not
//              exclude are computed in float32; not for the cosine
//   automatic  whichever is expected to be faster
// The CUDA backend has no use for codes: it scans in one way, whatever is asked for.
enum class Scan { automatic, full, certified };

struct Search {
  Metric metric = Metric::squared_euclidean;
  Scan scan = Scan::automatic;
  int threads = 0;
  Watch* watch = nullptr;
};

// For each query row, the k nearest rows of the gallery; k is the number of columns of the outputs.
//
//   queries  [queries, depth]  float32
//   values   [queries, k]      float32: distances, ascending, or similarities, descending
//   indices  [queries, k]      int64, row numbers of the gallery; of equal values the lower index comes first
//
// The values are those of the rows as the gallery stores them. With float32 and float16 storage they are exact sums of
// float32 products in a stated order; with int8 storage <query, row> is that of the codes, the query's being whole
// numbers within 64 of 0, and only the norms are those of the float32 rows. Neither the backend nor the number of
// threads nor the scan changes a bit of the result. Returns how many rows were computed in float32 because no bound had
// excluded them: by a certified scan, or where a card's tensor cores find bounds; else 0.
//
// Throws std::invalid_argument if shapes do not agree, if the gallery is empty, unless 1 <= k <= gallery rows, if a
// value of the queries is not finite or lies outside [-1e15, 1e15], if a query or a row is shorter than 1e-15 where
// the metric is the cosine, or if a certified scan is asked for of a gallery without codes or for the cosine.
std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, Matrix<float> values,
                     Matrix<std::int64_t> indices, const Search& search = {});

// Rows of differing length, one behind the other: row i has the elements offsets[i] ... offsets[i + 1] - 1.
struct Neighbourhoods {
  Growing<std::int64_t> offsets;
  Growing<float> values;
  Growing<std::int64_t> indices;
  std::int64_t computed = 0;  // rows that a certified scan computed in float32
};

// For each query row, all rows of the gallery whose distance is at most `limit`, or whose similarity is at least that;
// otherwise as `nearest`. What is found is gathered where it stays, so memory grows by no more than that. Throws as
// `nearest` does, and if the limit is not a number or a negative distance.
Neighbourhoods within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search = {});

// The k rows of the gallery nearest to each of its rows but itself: as `nearest` with the gallery's own rows. Another
// row that is equal is a neighbour. Each pair is computed once and offered to both its rows.
// Throws as `nearest` does, unless 1 <= k <= rows - 1 and rows <= 2^32, and if the storage is int8, whose values depend
// on which of two rows is the query.
void neighbours(const Gallery& gallery, Matrix<float> values, Matrix<std::int64_t> indices, const Search& search = {});

// Throw as the above would for this k, before any memory for the outputs is taken, and for what such a gallery cannot
// be asked for.
void check_nearest(std::ptrdiff_t k, std::ptrdiff_t gallery_rows);
void check_neighbours(std::ptrdiff_t k, std::ptrdiff_t rows);
void check_metric(const Gallery& gallery, const Search& search);

}  // namespace faceprint
