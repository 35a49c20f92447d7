#pragma once
// What searches have in common: queries and rows as pairs, the shape of tiles, stripes of a gallery.

#include "cpu/collect.hpp"
#include "cuda/cards.hpp"
#include "cuda/gallery.hpp"
#include "cuda/keys.cuh"
#include "cuda/prepare.hpp"
#include "divide_up.hpp"

namespace faceprint::cuda {

inline constexpr std::ptrdiff_t few_queries = 32, most_queries = 1 << 16;  // at once
inline constexpr int blocks_per_multiprocessor = 2;                        // of the kernels that multiply tiles
inline constexpr std::ptrdiff_t most_stripes = 32;

inline KeyRange range_of(Metric metric) {
  const Values values(metric);
  return {values.lowest, values.highest};
}

// Calls work(Value()) with how the gallery's rows are multiplied.
template <class Work>
void with_values(Storage storage, const Work& work) {
  if (storage == Storage::float32) return work(float());
  if (storage == Storage::float16) return work(Half());
  work(Codes());
}

// Calls work(Shape()).
template <class Work>
void with_shape(std::ptrdiff_t queries, const Work& work) {
  if (queries <= few_queries) return work(FewQueries());
  work(ManyQueries());
}

// Queries on a card, as they meet rows of one kind, of `groups` groups if these are codes.
template <class Value>
class Queries {
 public:
  Queries(PackedRows packed, int groups, Metric metric, const Stream& stream) : packed_(std::move(packed)) {
    if constexpr (std::is_same_v<Value, Codes>) coded_ = encode_rows(packed_, groups, stream);
    terms_ = terms_of(Side::query, packed_.norms.data(), coded_.scales.data(), packed_.rows, metric, stream);
  }

  Pairs<Value> with(const Panels<Value>& rows, const RowTerms& row_terms) const {
    if constexpr (std::is_same_v<Value, Codes>) {
      return {coded_.panels(), rows, terms_.view(), row_terms.view()};
    } else {
      return {packed_.panels(), rows, terms_.view(), row_terms.view()};
    }
  }

 private:
  PackedRows packed_;
  CodedRows coded_{};
  RowTerms terms_;
};

inline RowTerms terms_of(const Slab& slab, Metric metric, const Stream& stream) {
  return terms_of(Side::row, slab.norms(), slab.code_scales(), slab.rows(), metric, stream);
}

// A gallery in stripes, so that all multiprocessors of the card have work, and about the same, and each block less than
// 2^32 pairs.
struct Stripes {
  int count, tiles;  // of each

  template <class Shape>
  Stripes(Shape, std::ptrdiff_t queries, std::ptrdiff_t rows) {
    const std::ptrdiff_t query_tiles = divide_up(queries, Shape::queries), row_tiles = divide_up(rows, Shape::rows);
    const std::ptrdiff_t at_once = blocks_at_once(blocks_per_multiprocessor);
    std::ptrdiff_t best = 1;
    double best_share = 0;  // of the blocks that the card could run while it does
    for (std::ptrdiff_t stripes = 1; stripes <= std::min(most_stripes, row_tiles); ++stripes) {
      const std::ptrdiff_t blocks = query_tiles * stripes;
      const double share = static_cast<double>(blocks) / static_cast<double>(divide_up(blocks, at_once) * at_once);
      if (share > best_share + 0.02) {
        best = stripes;
        best_share = share;
      }
    }
    constexpr std::ptrdiff_t most_tiles = (std::ptrdiff_t{1} << 31) / (Shape::queries * Shape::rows);
    tiles = static_cast<int>(std::min(divide_up(row_tiles, best), most_tiles));
    count = static_cast<int>(divide_up(row_tiles, tiles));
  }
};

}  // namespace faceprint::cuda
