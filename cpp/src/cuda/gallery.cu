#include "cuda/gallery.hpp"

#include <algorithm>
#include <string>

#include "cuda/cards.hpp"
#include "cuda/prepare.hpp"
#include "divide_up.hpp"
#include "entry.hpp"
#include "faceprint/backend.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t least_panels = 256;      // of a card: fewer are not worth another
constexpr std::ptrdiff_t most_panels = 1 << 24;   // of a slab: kernels count rows with 32 bits
constexpr std::ptrdiff_t part_for_galleries = 2;  // of the memory that is free; searches work in the rest

// As kernels see them: values in a row, and bytes of each.
struct Form {
  std::ptrdiff_t length, bytes;

  explicit Form(const Gallery& gallery)
      : length(gallery.storage() == Storage::int8 ? gallery.groups() : gallery.columns()),
        bytes(gallery.storage() == Storage::float16 ? 2 : 4) {}
  std::ptrdiff_t panel_bytes() const { return (length * bytes + 8) * panel_rows; }
};

std::vector<Share> shares_of(const Gallery& gallery) {
  const std::vector<int> devices = cards_that_run();
  const std::ptrdiff_t panels = gallery.panel_count();
  const std::ptrdiff_t count = std::clamp<std::ptrdiff_t>(panels / least_panels, 1, std::ssize(devices));
  const std::ptrdiff_t each = divide_up(panels, count);
  std::vector<Share> shares;
  for (std::ptrdiff_t first = 0; first < panels; first += each) {
    const int device = devices[shares.size()];
    const OnDevice here(device);
    const std::ptrdiff_t room = free_bytes() / part_for_galleries / Form(gallery).panel_bytes();
    shares.push_back({.device = device,
                      .first_panel = first,
                      .panels = std::min(each, panels - first),
                      .slab_panels = std::clamp<std::ptrdiff_t>(room, 1, most_panels)});
  }
  return shares;
}

}  // namespace

Slab::Slab(const Gallery& gallery, std::ptrdiff_t first_panel, std::ptrdiff_t panels, const Stream& stream)
    : first_row_(first_panel * panel_rows),
      rows_(narrow("rows", std::min(panels * panel_rows, gallery.rows() - first_row_))),
      length_(narrow("columns", Form(gallery).length)),
      norms_(uploaded(gallery.norms() + first_row_, rows_, stream)) {
  const std::ptrdiff_t row_bytes = Form(gallery).length * Form(gallery).bytes, bytes = panels * panel_rows * row_bytes;
  const bool codes = gallery.storage() == Storage::int8;
  const void* values = codes ? gallery.bytes().codes + first_row_ * row_bytes : gallery.panel(first_panel);
  values_ = DeviceMemory(static_cast<std::size_t>(bytes), stream);
  upload(static_cast<const std::byte*>(values), bytes, static_cast<std::byte*>(values_.data()), stream);
  if (codes) scales_ = uploaded(gallery.bytes().scales + first_row_, rows_, stream);
}

CardGallery::ResidentSlabs::ResidentSlabs(const Gallery& gallery, const std::vector<Share>& shares) : shares_(shares) {
  for (const Share& share : shares) {
    const OnDevice here(share.device);
    streams_.push_back(std::make_unique<const Stream>());
    slabs_.push_back(std::make_unique<const Slab>(gallery, share.first_panel, share.panels, *streams_.back()));
  }
  for (const auto& stream : streams_) stream->wait();  // searches use streams of their own
}

CardGallery::CardGallery(const Gallery& gallery)
    : gallery_(gallery), resident_(std::dynamic_pointer_cast<const ResidentSlabs>(gallery.residence().find())) {
  if (resident_) {
    shares_ = resident_->shares();
    return;
  }
  if (gallery.rows() > most_entry_rows) {
    throw DeviceError("a gallery must have at most 2^32 rows on cards, not " + std::to_string(gallery.rows()));
  }
  shares_ = shares_of(gallery);
  if (!std::ranges::all_of(shares_, &Share::fits)) return;
  resident_ = std::make_shared<const ResidentSlabs>(gallery, shares_);
  gallery.residence().keep(resident_);
}

bool CardGallery::all_on_current_card() const {
  int current = 0;
  check(cudaGetDevice(&current));
  return cards() == 1 && shares_.front().device == current;
}

int CardGallery::groups() const { return narrow("columns", gallery_.groups()); }

}  // namespace faceprint::cuda
