#pragma once
// A backend whose operations are split over threads here and run by the kernels of one instruction set. Also includes
// all that those kernels need, before their target region opens.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "backend.hpp"
#include "cpu/join.hpp"
#include "cpu/loss.hpp"
#include "cpu/mine.hpp"
#include "cpu/pairs.hpp"
#include "cpu/search.hpp"
#include "cpu/split.hpp"
#include "cpu/target.hpp"
#include "cpu/triplets.hpp"
#include "faceprint/pairs.hpp"
#include "graph/edges.hpp"
#include "half.hpp"
#include "panels.hpp"

namespace faceprint {

template <class Kernels>
class CpuBackend final : public Backend {
 public:
  std::string_view name() const override { return Kernels::name; }
  std::string_view unavailable() const override { return Kernels::runs_here() ? "" : Kernels::otherwise; }

  void norms(const float* panels, std::ptrdiff_t count, std::ptrdiff_t depth, float* norms) const override {
    Kernels::norms(panels, count, depth, norms);
  }
  void distances(Matrix<const float> queries, Matrix<const float> gallery, Matrix<float> out, int threads,
                 Watch* watch) const override {
    split_distances(queries, gallery, out, threads, watch, Kernels::distances);
  }
  std::int64_t nearest(Matrix<const float> queries, const Gallery& gallery, const Search& search, Matrix<float> values,
                       Matrix<std::int64_t> indices) const override {
    return search_nearest(Kernels::scan, queries, gallery, search, values, indices);
  }
  void within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search,
              Neighbourhoods& found) const override {
    search_within(Kernels::scan, queries, gallery, limit, search, found);
  }
  void neighbours(const Gallery& gallery, const Search& search, Matrix<float> values,
                  Matrix<std::int64_t> indices) const override {
    search_neighbours(Kernels::scan, gallery, search, values, indices);
  }
  void join(const JoinRows& one, const JoinRows& other, const Search& search) const override {
    join_rows(Kernels::scan, one, other, search);
  }
  void count_pairs(const FacedRows& rows, std::span<const std::int64_t> bins, std::span<std::int64_t> counts,
                   Matrix<std::int64_t> places, int threads, Progress& progress) const override {
    count_all_pairs(Kernels::scan, rows, bins, counts, places, threads, progress);
  }
  void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<float> out, int threads) const override {
    split_chips(crops, format, out, threads, Kernels::chips.floats, Kernels::chips.halve);
  }
  void chips(std::span<const Crop> crops, const ChipFormat& format, Matrix<std::uint16_t> out,
             int threads) const override {
    split_chips(crops, format, out, threads, Kernels::chips.halves, Kernels::chips.halve);
  }
  Triplets mine_triplets(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, int threads,
                         Watch* watch) const override {
    return mine({Kernels::triplets, embeddings, groups, rule, threads, watch}).triplets;
  }
  TripletLoss triplet_loss(Matrix<const float> embeddings, const Groups& groups, const TripletRule& rule, Hinge hinge,
                           bool mean, Matrix<float> gradient, int threads, Watch* watch) const override {
    return loss_of({Kernels::triplets, embeddings, groups, rule, threads, watch}, hinge, mean, gradient);
  }
  Graph neighbour_edges(Matrix<const float> distances, Matrix<const std::int64_t> indices, const EdgeRule& rule,
                        int threads, Progress& progress) const override {
    return evidence_graph(distances, indices, rule, threads, progress);
  }
};

}  // namespace faceprint
