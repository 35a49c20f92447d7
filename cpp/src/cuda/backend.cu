// The CUDA backend: each operation on a stream of its own. Galleries are divided among all cards, the rest is the first
// one's work.

#include "backend.hpp"

#include "cuda/cards.hpp"
#include "cuda/chip.hpp"
#include "cuda/count_pairs.hpp"
#include "cuda/distance.hpp"
#include "cuda/edges.hpp"
#include "cuda/nearest.hpp"
#include "cuda/triplets.hpp"

namespace faceprint {

namespace {

class CudaBackend final : public Backend {
 public:
  std::string_view name() const override { return "cuda"; }
  std::string_view unavailable() const override {
    static const std::string reason = cuda::why_none_runs();
    return reason;
  }

  // Galleries are packed where they are kept, by the host.
  void norms(const float* panels, std::ptrdiff_t count, std::ptrdiff_t depth, float* norms) const override {
    best_on_this_cpu().norms(panels, count, depth, norms);
  }
  void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int,
                 Watch* watch) const override {
    Progress progress(watch, static_cast<double>(queries.rows) * static_cast<double>(gallery.rows));
    const First first;
    cuda::distances(queries, gallery, out, progress, first.stream);
  }
  std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, const Search& search, Matrix<float> values,
                       Matrix<std::int64_t> indices) const override {
    return cuda::nearest(queries, gallery, search, values, indices);
  }
  void within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search,
              Neighbourhoods& found) const override {
    cuda::within(queries, gallery, limit, search, found);
  }
  void neighbours(const Gallery& gallery, const Search& search, Matrix<float> values,
                  Matrix<std::int64_t> indices) const override {
    cuda::neighbours(gallery, search, values, indices);
  }
  void join(const JoinRows& one, const JoinRows& other, const Search& search) const override {
    cuda::join(one, other, search);
  }
  void count_pairs(const FacedRows& rows, std::span<const std::int64_t> bins, std::span<std::int64_t> counts,
                   Matrix<std::int64_t> places, int, Progress& progress) const override {
    cuda::count_pairs(rows, bins, counts, places, progress);
  }
  void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<float> out, int) const override {
    const First first;
    cuda::chips(crops, format, out, first.stream);
  }
  void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<std::uint16_t> out, int) const override {
    const First first;
    cuda::chips(crops, format, out, first.stream);
  }
  Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, int,
                         Watch* watch) const override {
    const First first;
    return cuda::mine_triplets(embeddings, groups, rule, watch, first.stream);
  }
  TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Hinge hinge,
                           bool mean, Matrix<float> gradient, int, Watch* watch) const override {
    const First first;
    return cuda::triplet_loss(embeddings, groups, rule, hinge, mean, gradient, watch, first.stream);
  }
  Graph neighbour_edges(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule, int,
                        Progress& progress) const override {
    const First first;
    return cuda::neighbour_edges(distances, indices, rule, progress, first.stream);
  }

 private:
  struct First {
    cuda::OnDevice here{cuda::cards_that_run().front()};
    cuda::Stream stream;
  };
};

}  // namespace

const Backend& cuda_backend() {
  static const CudaBackend backend;
  return backend;
}

}  // namespace faceprint
