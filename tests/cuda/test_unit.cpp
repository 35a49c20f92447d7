// The kernel that makes unit rows of what a network gave, against float64.

#include <cmath>
#include <limits>
#include <vector>

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/unit.hpp"
#include "on_card.hpp"

using namespace faceprint;
using namespace faceprint::cuda;

namespace {

std::vector<double> unit(std::vector<double> row) {
  double square = 0;
  for (const double value : row) square += value * value;
  for (double& value : row) value /= std::sqrt(square);
  return row;
}

// The unit row of the mean of these rows' unit rows.
std::vector<double> unit_mean(const float* rows, std::int64_t views, std::int64_t columns) {
  std::vector<double> mean(static_cast<std::size_t>(columns));
  for (std::int64_t view = 0; view < views; ++view) {
    const std::vector<double> row = unit({rows + view * columns, rows + (view + 1) * columns});
    for (std::size_t d = 0; d < row.size(); ++d) mean[d] += row[d] / static_cast<double>(views);
  }
  return unit(mean);
}

template <class T>
bool run(const std::vector<T>& outputs, std::int64_t views, Matrix<float> means) {
  const Stream stream;
  const DeviceArray<T> sent = uploaded(outputs, stream);
  const DeviceArray<float> written(means.rows * means.columns, stream);
  const bool directed =
      unit_means(sent.data(), views, {written.data(), means.rows, means.columns, means.columns}, stream);
  download(written.data(), written.size(), means.data, stream);
  return directed;
}

}  // namespace

TEST(unit_means_are_those_of_float64) {
  for (const std::int64_t columns : {3, 31, 32, 33, 128}) {
    for (const std::int64_t views : {1, 2, 3}) {
      constexpr std::int64_t faces = 5;
      const Rows<float> outputs = random_units(faces * views, columns, 6);
      std::vector<float> scaled = outputs.data;
      for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] *= static_cast<float>(i / outputs.columns + 1);
      Rows<float> means(faces, columns);
      CHECK(run(scaled, views, means.view()));
      for (std::int64_t face = 0; face < faces; ++face) {
        const auto expected = unit_mean(scaled.data() + face * views * columns, views, columns);
        for (std::int64_t d = 0; d < columns; ++d) {
          CHECK(std::abs(static_cast<double>(means.view().row(face)[d]) - expected[static_cast<std::size_t>(d)]) <
                3e-7);
        }
      }
    }
  }
}

TEST(unit_means_read_half_precision) {
  std::vector<Half> halves;
  for (const float value : {3.0f, -4.0f, 0.0f, 0.5f}) halves.push_back(to_half(value));
  Rows<float> means(2, 2);
  CHECK(run(halves, 1, means.view()));
  CHECK(means.data == std::vector<float>({0.6f, -0.8f, 0, 1}));
}

TEST(rows_without_a_direction_are_told) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const auto& [first, second] : {std::pair{0.0f, 0.0f}, {infinity, 1.0f}, {1.0f, std::nanf("")}}) {
    Rows<float> means(3, 2);
    CHECK(!run<float>({1, 2, first, second, 3, 4}, 1, means.view()));
  }
  Rows<float> means(1, 2);
  CHECK(!run<float>({1, 2, -1, -2}, 2, means.view()));  // views that cancel each other
  CHECK(run<float>({}, 2, Rows<float>(0, 2).view()));
}
