#include "cuda/distance.hpp"

#include <algorithm>

#include "cuda/distance.cuh"
#include "divide_up.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t most_rows = 1 << 16;       // of the gallery at once
constexpr std::ptrdiff_t most_distances = 1 << 26;  // on the card at once

}  // namespace

void distances(const PackedRows& queries, const PackedRows& rows, float* out, std::ptrdiff_t stride,
               const Stream& stream) {
  using Shape = ManyQueries;
  const RowTerms query_terms =
      terms_of(Side::query, queries.norms.data(), nullptr, queries.rows, Metric::squared_euclidean, stream);
  const RowTerms row_terms =
      terms_of(Side::row, rows.norms.data(), nullptr, rows.rows, Metric::squared_euclidean, stream);
  const Pairs<float> pairs = {queries.panels(), rows.panels(), query_terms.view(), row_terms.view()};
  const dim3 grid(static_cast<unsigned>(divide_up(queries.rows, Shape::queries)),
                  static_cast<unsigned>(divide_up(rows.rows, Shape::rows)));
  launch(distances_of_tiles<Shape>, grid, Shape::threads, 0, stream, pairs, out, stride);
}

void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, Progress& progress,
               const Stream& stream) {
  if (queries.rows == 0) return;
  for (std::ptrdiff_t first_row = 0; first_row < gallery.rows; first_row += most_rows) {
    const std::ptrdiff_t count = std::min(most_rows, gallery.rows - first_row);
    const PackedRows rows = pack_from_host(gallery.slice(first_row, count), stream);
    const std::ptrdiff_t most = std::min(most_distances / count, queries.rows);
    const DeviceArray<float> found(most * count, stream);
    for (std::ptrdiff_t first = 0; first < queries.rows; first += most) {
      const std::ptrdiff_t some = std::min(most, queries.rows - first);
      distances(pack_from_host(queries.slice(first, some), stream), rows, found.data(), count, stream);
      download_rows(found.data(), Matrix<float>{out.row(first) + first_row, some, count, out.stride}, stream);
      progress.add(static_cast<double>(some) * static_cast<double>(count));
    }
  }
}

}  // namespace faceprint::cuda
