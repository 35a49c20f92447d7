#pragma once
// What a backend is: one pure virtual per operation, so that forgetting one does not compile. Arguments arrive checked.

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "faceprint/chip.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/graph.hpp"
#include "faceprint/matrix.hpp"
#include "faceprint/nearest.hpp"
#include "faceprint/triplets.hpp"
#include "groups.hpp"

namespace faceprint {

class Progress;

// Rows that meet a gallery: other rows than its own, or else those very rows, of which each pair is to be met once.
struct FacedRows {
  Matrix<const float> rows;
  const Gallery& gallery;  // float32
  bool own;
};

// One side of a join, and the lists that are to be filled: for each row, in as many places as the values have columns,
// the nearest rows of the other side by their places there. Those whose key is above the row's limit may be left out;
// behind the last is nobody, infinitely far.
struct JoinRows {
  const Gallery& gallery;
  const float* limits;
  Matrix<float> values;
  Matrix<std::int64_t> indices;
};
inline constexpr std::int64_t nobody = std::numeric_limits<std::int64_t>::max();

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  virtual std::string_view unavailable() const = 0;  // why it cannot run here, empty if it can; cheap, never throws

  // The squared norms of the rows of `count` panels of Gallery::panel_rows rows.
  virtual void norms(const float* panels, std::ptrdiff_t count, std::ptrdiff_t depth, float* norms) const = 0;

  virtual void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                         Watch* watch) const = 0;

  virtual std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, const Search& search,
                               Matrix<float> values, Matrix<std::int64_t> indices) const = 0;
  // `found` holds nothing yet but the first offset, with room for all.
  virtual void within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search,
                      Neighbourhoods& found) const = 0;
  virtual void neighbours(const Gallery& gallery, const Search& search, Matrix<float> values,
                          Matrix<std::int64_t> indices) const = 0;
  virtual void join(const JoinRows& one, const JoinRows& other, const Search& search) const = 0;

  // All pairs are added: to counts[b] those of bin b, to places.row(i)[p] those at place p of the bin bins[i].
  virtual void count_pairs(const FacedRows& rows, std::span<const std::int64_t> bins, std::span<std::int64_t> counts,
                           Matrix<std::int64_t> places, int threads, Progress& progress) const = 0;

  virtual void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<float> out, int threads) const = 0;
  virtual void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<std::uint16_t> out,
                     int threads) const = 0;

  virtual Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                                 int threads, Watch* watch) const = 0;
  virtual TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule,
                                   Hinge hinge, bool mean, Matrix<float> gradient, int threads, Watch* watch) const = 0;

  // `neighbour_graph` of the public header without its balance.
  virtual Graph neighbour_edges(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                                int threads, Progress& progress) const = 0;
};

const Backend& portable_backend();
const Backend& avx2_backend();
const Backend& avx512_backend();
const Backend& avx512vnni_backend();
const Backend& neon_backend();
const Backend& cuda_backend();

std::array<const Backend*, 6> known_backends();  // in the order in which they are listed to users
const Backend& best_on_this_cpu();
const Backend& active();  // as active_backend() of the public header describes

}  // namespace faceprint
