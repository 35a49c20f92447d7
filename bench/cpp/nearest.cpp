// Each kernel against the ceiling of this machine that binds it, measured in the same run:
//   cmake --workflow --preset bench && build/bench/bench/cpp/bench_nearest [THREADS] [ROWS] [DEPTH] [ROUNDS]
// Prints the kernel, what it does a second (the median of interleaved rounds), its share of the ceiling, and its goal.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ceilings.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/chip.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/nearest.hpp"

namespace {

using namespace faceprint;
using Clock = std::chrono::steady_clock;

// A matrix that owns its elements.
template <class T>
struct Rows {
  std::ptrdiff_t rows, columns;
  std::vector<T> data;

  Rows(std::ptrdiff_t row_count, std::ptrdiff_t column_count)
      : rows(row_count), columns(column_count), data(static_cast<std::size_t>(row_count * column_count)) {}
  Matrix<T> view() { return {data.data(), rows, columns, columns}; }
  Matrix<const T> head(std::ptrdiff_t count) const { return {data.data(), count, columns, columns}; }
};

struct Kernel {
  std::string name;
  std::function<void()> run;
  double work;  // operations or bytes of one run
  double ceiling;
  const char* unit;
  double goal;  // share of the ceiling
  std::vector<double> seconds = {};
};

// Unit vectors in clusters of 20, as embeddings of faces are.
Rows<float> embeddings(std::ptrdiff_t rows, std::ptrdiff_t depth, unsigned seed) {
  Rows<float> out(rows, depth);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const std::ptrdiff_t people = std::max<std::ptrdiff_t>(1, rows / 20);
  const Matrix<float> view = out.view();
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    float* const values = view.row(row);
    const float* const centre = row < people ? nullptr : view.row(row % people);
    const float noise = centre ? 0.5f / std::sqrt(static_cast<float>(depth)) : 1;
    float norm = 0;
    for (std::ptrdiff_t at = 0; at < depth; ++at) {
      values[at] = (centre ? centre[at] : 0) + noise * normal(random);
      norm += values[at] * values[at];
    }
    for (std::ptrdiff_t at = 0; at < depth; ++at) values[at] /= std::sqrt(norm);
  }
  return out;
}

// Another photograph of some of the rows.
Rows<float> near(const Rows<float>& rows, std::ptrdiff_t count, unsigned seed) {
  Rows<float> out(count, rows.columns);
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0, 0.1f / std::sqrt(static_cast<float>(rows.columns)));
  for (std::ptrdiff_t row = 0; row < count; ++row) {
    const float* const from = rows.head(rows.rows).row(static_cast<std::ptrdiff_t>(random()) % rows.rows);
    std::transform(from, from + rows.columns, out.view().row(row), [&](float value) { return value + noise(random); });
  }
  return out;
}

Gallery pack(const Rows<float>& rows, Storage storage) {
  Gallery gallery(rows.columns, storage);
  gallery.append(rows.head(rows.rows));
  return gallery;
}

// Every kernel once to warm up, then once a round.
void measure(std::vector<Kernel>& kernels, int rounds) {
  for (int round = -1; round < rounds; ++round) {
    for (std::size_t place = 0; place < kernels.size(); ++place) {
      Kernel& kernel = kernels[(place + static_cast<std::size_t>(round + 1)) % kernels.size()];
      const auto start = Clock::now();
      kernel.run();
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (round >= 0) kernel.seconds.push_back(seconds);
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

int number(int count, char** words, int at, int otherwise) {
  return count > at ? std::max(1, std::atoi(words[at])) : otherwise;
}

}  // namespace

int main(int count, char** words) {
  const int threads = number(count, words, 1, 1), rounds = number(count, words, 4, 7);
  const std::ptrdiff_t rows = number(count, words, 2, 400'000), depth = number(count, words, 3, 128);
  constexpr std::ptrdiff_t many = 1000, few = 32, k = 10, join_rows = 20'000, join_k = 32, matrix_rows = 4096;
  const Ceilings limits = measure_ceilings(threads, 25);
  const double flops = limits.fma_flops.all, ops = limits.int8_ops.all, bytes = limits.read_bytes.all;

  const Rows<float> x = embeddings(rows, depth, 1), queries = near(x, many, 2);
  const Rows<float> matrix = embeddings(matrix_rows, depth, 3), joined = embeddings(join_rows, depth, 4);
  const Gallery floats = pack(x, Storage::float32), halves = pack(x, Storage::float16), codes = pack(x, Storage::int8);
  const Gallery join = pack(joined, Storage::float32);
  Rows<float> values(many, k), join_values(join_rows, join_k), distance_values(matrix_rows, matrix_rows);
  Rows<std::int64_t> indices(many, k), join_indices(join_rows, join_k);

  const auto scan = [&](const Gallery& gallery, std::ptrdiff_t asked, Scan kind = Scan::automatic) {
    return [&, asked, kind] {
      nearest(queries.head(asked), gallery, values.view().slice(0, asked), indices.view().slice(0, asked),
              {.scan = kind, .threads = threads});
    };
  };
  const auto product = [&](std::ptrdiff_t a, std::ptrdiff_t b) { return 2.0 * static_cast<double>(a * b * depth); };
  const double numbers = static_cast<double>(rows * depth);

  constexpr std::ptrdiff_t chip_side = 112, chip_count = 64;
  std::vector<std::uint8_t> pixels(1080 * 1920 * 3);
  std::mt19937 random(5);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  const Image image{pixels.data(), 1080, 1920, 1920 * 3};
  std::vector<Crop> crops;
  for (int at = 0; at < chip_count; ++at) {
    crops.push_back({image, {1.4, 0.3, 200.0 + 20 * at, -0.3, 1.4, 100.0 + 10 * at}});
  }
  Rows<float> cut(chip_count, 3 * chip_side * chip_side);

  std::vector<Kernel> kernels = {
      {"distances, 4,096 x 4,096",
       [&] { distances(matrix.head(matrix_rows), matrix.head(matrix_rows), distance_values.view(), threads); },
       product(matrix_rows, matrix_rows), flops, "GFLOP/s", 0.8},
      {"floats, 1,000 queries", scan(floats, many, Scan::full), product(many, rows), flops, "GFLOP/s", 0.85},
      {"floats, 32 queries", scan(floats, few, Scan::full), product(few, rows), flops, "GFLOP/s", 0.7},
      {"floats, 1 query", scan(floats, 1, Scan::full), 4 * numbers, bytes, "GB/s", 0.95},
      {"halves, 1,000 queries", scan(halves, many), product(many, rows), flops, "GFLOP/s", 0.8},
      {"halves, 1 query", scan(halves, 1), 2 * numbers, bytes, "GB/s", 0.9},
      {"codes, 1,000 queries", scan(codes, many), product(many, rows), ops, "GOP/s", 0.7},
      {"codes, 1 query", scan(codes, 1), numbers, bytes, "GB/s", 0.9},
      {"certified bounds, 1,000 queries", scan(floats, many, Scan::certified), product(many, rows), ops, "GOP/s", 0.5},
      {"certified bounds, 1 query", scan(floats, 1, Scan::certified), numbers, bytes, "GB/s", 0.8},
      {"join, 20,000 rows", [&] { neighbours(join, join_values.view(), join_indices.view(), {.threads = threads}); },
       product(join_rows, join_rows) / 2, flops, "GFLOP/s", 0.8},
      {"chips, bytes written", [&] { chips(crops, {.height = chip_side, .width = chip_side}, cut.view(), threads); },
       4.0 * 3 * chip_count * chip_side * chip_side, bytes, "GB/s", 0.01},
  };
  measure(kernels, rounds);

  std::printf("backend %s, %d thread(s), %td x %td; ceilings %.1f GFLOP/s (%s), %.1f GOP/s (%s), %.1f GB/s\n",
              std::string(active_backend()).c_str(), threads, rows, depth, flops / 1e9, limits.fma_kernel.c_str(),
              ops / 1e9, limits.int8_kernel.c_str(), bytes / 1e9);
  for (const Kernel& kernel : kernels) {
    const double rate = kernel.work / median(kernel.seconds), share = rate / kernel.ceiling;
    std::printf("%-34s %8.1f %-7s  share %5.2f  goal %4.2f  %s\n", kernel.name.c_str(), rate / 1e9, kernel.unit, share,
                kernel.goal, share >= kernel.goal ? "met" : "missed");
  }
}
