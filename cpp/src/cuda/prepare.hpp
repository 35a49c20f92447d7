#pragma once
// Rows and their terms, made ready on the card.

#include "cuda/device.hpp"
#include "cuda/panels.cuh"
#include "faceprint/nearest.hpp"

namespace faceprint::cuda {

// A number that kernels count with, which are sums of numbers of this size; DeviceError where it is larger.
int narrow(const char* name, std::ptrdiff_t number);

struct PackedRows {
  int rows, columns;
  DeviceArray<float> values, norms;  // squared

  Panels<float> panels() const { return {values.data(), rows, columns}; }
};

// Rows that lie on the card, or on the host.
PackedRows pack_on_card(Matrix<const float> rows, const Stream& stream);
PackedRows pack_from_host(Matrix<const float> rows, const Stream& stream);

// Throws std::invalid_argument as the core does for rows of the host, with these names for them. Waits for the card.
void check_rows(const char* name, const PackedRows& rows, Metric metric, const Stream& stream);

struct RowTerms {
  DeviceArray<float> bias, scale;
  const float* norms;  // of the rows, which must outlive this

  Terms view() const { return {bias.data(), scale.data(), norms}; }
};

enum class Side { query, row };

// Of rows with these norms, and these scales where products are of codes; both on the card.
RowTerms terms_of(Side side, const float* norms, const float* code_scales, int rows, Metric metric,
                  const Stream& stream);

// Queries as codes within 64 of 0, four in an int.
struct CodedRows {
  int rows, groups;
  DeviceArray<int> codes;
  DeviceArray<float> scales;

  Panels<int> panels() const { return {codes.data(), rows, groups}; }
};

CodedRows encode_rows(const PackedRows& rows, int groups, const Stream& stream);

// The grid for so many threads.
unsigned blocks_of(std::int64_t threads);
inline constexpr int block_threads = 256;

}  // namespace faceprint::cuda
