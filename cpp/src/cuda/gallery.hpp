#pragma once
// Galleries on cards: divided among them, and kept there where they fit; else sent again slab after slab.

#include <algorithm>
#include <memory>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/panels.cuh"
#include "half.hpp"
#include "threads.hpp"

namespace faceprint::cuda {

// Neighbouring rows of a gallery, on one card.
class Slab {
 public:
  Slab(const Gallery& gallery, std::ptrdiff_t first_panel, std::ptrdiff_t panels, const Stream& stream);

  std::int64_t first_row() const { return first_row_; }
  int rows() const { return rows_; }
  template <class Value>
  Panels<Value> panels() const {
    return {static_cast<const Value*>(values_.data()), rows_, length_};
  }
  const float* norms() const { return norms_.data(); }
  const float* code_scales() const { return scales_.data(); }  // null unless values are codes

 private:
  std::int64_t first_row_;
  int rows_, length_;
  DeviceMemory values_;
  DeviceArray<float> norms_, scales_;
};

// What one card has of a gallery, and in pieces of how many panels.
struct Share {
  int device;
  std::ptrdiff_t first_panel, panels, slab_panels;

  bool fits() const { return slab_panels >= panels; }
};

class CardGallery {
 public:
  explicit CardGallery(const Gallery& gallery);

  std::ptrdiff_t cards() const { return std::ssize(shares_); }
  bool all_on_current_card() const;
  int groups() const;  // of codes

  // Calls work(stream) for each card, from a thread of its own and on that card, and waits for what it has begun there.
  template <class Work>
  void on_each_card(Progress& progress, const Work& work) const {
    const auto on_card = [&](std::ptrdiff_t card) {
      const OnDevice here(shares_[static_cast<std::size_t>(card)].device);
      const Stream stream;
      work(card, stream);
      stream.wait();
    };
    parallel_for(static_cast<int>(cards()), cards(), on_card, &progress);
  }

  // Calls work(slab) for each slab of this card, in order.
  template <class Work>
  void for_slabs(std::ptrdiff_t card, const Stream& stream, const Work& work) const {
    if (resident_) return work(resident_->slab(card));
    const Share& share = shares_[static_cast<std::size_t>(card)];
    for (std::ptrdiff_t panel = 0; panel < share.panels; panel += share.slab_panels) {
      const std::ptrdiff_t count = std::min(share.slab_panels, share.panels - panel);
      work(Slab(gallery_, share.first_panel + panel, count, stream));
    }
  }

 private:
  // One slab a card, which stay as long as the gallery's rows do.
  class ResidentSlabs final : public Resident {
   public:
    ResidentSlabs(const Gallery& gallery, const std::vector<Share>& shares);
    const std::vector<Share>& shares() const { return shares_; }
    const Slab& slab(std::ptrdiff_t card) const { return *slabs_[static_cast<std::size_t>(card)]; }

   private:
    std::vector<Share> shares_;
    std::vector<std::unique_ptr<const Stream>> streams_;
    std::vector<std::unique_ptr<const Slab>> slabs_;
  };

  const Gallery& gallery_;
  std::shared_ptr<const ResidentSlabs> resident_;  // where all shares fit
  std::vector<Share> shares_;
};

}  // namespace faceprint::cuda
