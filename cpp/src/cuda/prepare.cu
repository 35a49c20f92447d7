#include "cuda/prepare.hpp"

#include <limits>
#include <string>

#include "check.hpp"
#include "cuda/prepare.cuh"
#include "divide_up.hpp"
#include "faceprint/backend.hpp"

namespace faceprint::cuda {

int narrow(const char* name, std::ptrdiff_t number) {
  constexpr int most = std::numeric_limits<int>::max() / 4;
  if (number <= most) return static_cast<int>(number);
  throw DeviceError(std::string(name) + " must be at most " + std::to_string(most) + " on a card, not " +
                    std::to_string(number));
}

unsigned blocks_of(std::int64_t threads) { return static_cast<unsigned>(divide_up(threads, block_threads)); }

PackedRows pack_on_card(Matrix<const float> rows, const Stream& stream) {
  PackedRows packed = {narrow("rows", rows.rows), narrow("columns", rows.columns), {}, {}};
  const std::int64_t numbers = std::int64_t{packed.panels().padded_rows()} * packed.columns;
  packed.values = DeviceArray<float>(numbers, stream);
  packed.norms = DeviceArray<float>(packed.rows, stream);
  if (packed.rows == 0) return packed;
  launch(pack_rows, blocks_of(numbers), block_threads, 0, stream, rows.data, rows.stride, packed.panels(),
         packed.values.data());
  launch(norms_of_rows, blocks_of(packed.rows), block_threads, 0, stream, packed.panels(), packed.norms.data());
  return packed;
}

PackedRows pack_from_host(Matrix<const float> rows, const Stream& stream) {
  const DeviceArray<float> sent(rows.rows * rows.columns, stream);
  upload_rows(rows, sent.data(), stream);
  return pack_on_card({sent.data(), rows.rows, rows.columns, rows.columns}, stream);
}

void check_rows(const char* name, const PackedRows& rows, Metric metric, const Stream& stream) {
  constexpr unsigned long long none = ~0ull;  // NOLINT(google-runtime-int): as atomicMin takes it
  const auto first = uploaded(&none, 1, stream);
  const float shortest = metric == Metric::cosine ? 2 * shortest_norm : 0;
  launch(find_wrong, blocks_of(rows.rows), block_threads, 0, stream, rows.panels(), rows.norms.data(), max_value,
         shortest, first.data());
  auto found = none;
  download(first.data(), 1, &found, stream);
  if (found == none) return;
  const auto row = static_cast<std::ptrdiff_t>(found / 4);
  const auto wrong = static_cast<Wrong>(found % 4);
  if (wrong == too_short) refuse_direction(name, row);
  refuse_value(name, row, wrong == too_large);
}

RowTerms terms_of(Side side, const float* norms, const float* code_scales, int rows, Metric metric,
                  const Stream& stream) {
  RowTerms terms = {DeviceArray<float>(rows, stream), DeviceArray<float>(rows, stream), norms};
  const float euclidean_scale = side == Side::query ? 2 : 1;
  launch(terms_of_rows, blocks_of(rows), block_threads, 0, stream, norms, code_scales, rows, metric, euclidean_scale,
         terms.bias.data(), terms.scale.data());
  return terms;
}

CodedRows encode_rows(const PackedRows& rows, int groups, const Stream& stream) {
  CodedRows coded = {rows.rows, groups, {}, DeviceArray<float>(rows.rows, stream)};
  coded.codes = DeviceArray<int>(std::int64_t{coded.panels().padded_rows()} * groups, stream);
  launch(encode_queries, blocks_of(rows.panels().padded_rows()), block_threads, 0, stream, rows.panels(),
         coded.panels(), coded.codes.data(), coded.scales.data());
  return coded;
}

}  // namespace faceprint::cuda
