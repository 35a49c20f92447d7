#pragma once
// Stands in for a backend that this build does not contain, so that it is still listed, with the reason.

#include <stdexcept>
#include <string>

#include "backend.hpp"

namespace faceprint {

class AbsentBackend final : public Backend {
 public:
  AbsentBackend(std::string_view name, std::string_view reason) : name_(name), reason_(reason) {}

  std::string_view name() const override { return name_; }
  std::string_view unavailable() const override { return reason_; }

  void norms(const float*, std::ptrdiff_t, std::ptrdiff_t, float*) const override { refuse(); }
  void distances(Matrix<const float>, Matrix<const float>, Matrix<float>, int, Watch*) const override { refuse(); }
  std::int64_t nearest(Matrix<const float>, const Gallery&, const Search&, Matrix<float>,
                       Matrix<std::int64_t>) const override {
    refuse();
  }
  void within(Matrix<const float>, const Gallery&, float, const Search&, Neighbourhoods&) const override { refuse(); }
  void neighbours(const Gallery&, const Search&, Matrix<float>, Matrix<std::int64_t>) const override { refuse(); }
  void join(const JoinRows&, const JoinRows&, const Search&) const override { refuse(); }
  void count_pairs(const FacedRows&, std::span<const std::int64_t>, std::span<std::int64_t>, Matrix<std::int64_t>, int,
                   Progress&) const override {
    refuse();
  }
  void chips(std::span<const Crop>, const ChipFormat&, Matrix<float>, int) const override { refuse(); }
  void chips(std::span<const Crop>, const ChipFormat&, Matrix<std::uint16_t>, int) const override { refuse(); }
  Triplets mine_triplets(Matrix<const float>, const Groups&, const TripletRule&, int, Watch*) const override {
    refuse();
  }
  TripletLoss triplet_loss(Matrix<const float>, const Groups&, const TripletRule&, Hinge, bool, Matrix<float>, int,
                           Watch*) const override {
    refuse();
  }
  Graph neighbour_edges(Matrix<const float>, Matrix<const std::int64_t>, const EdgeRule&, int,
                        Progress&) const override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("an absent backend was called"); }

  std::string name_, reason_;
};

}  // namespace faceprint
