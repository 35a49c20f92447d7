#include "faceprint/faceprint.h"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "check.hpp"
#include "faceprint/backend.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/nearest.hpp"

struct faceprint_gallery {
  faceprint::Gallery gallery;
};

namespace faceprint {

namespace {

void write(faceprint_message* message, std::string_view text) {
  if (!message) return;
  const std::size_t length = std::min(text.size(), sizeof message->text - 1);
  text.copy(message->text, length);
  message->text[length] = '\0';
}

template <class Call>
faceprint_status answer(faceprint_message* message, const Call& call) noexcept {
  const auto refuse = [&](faceprint_status status, std::string_view reason) {
    write(message, reason);
    return status;
  };
  try {
    call();
    return refuse(FACEPRINT_OK, "");
  } catch (const std::invalid_argument& error) {
    return refuse(FACEPRINT_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return refuse(FACEPRINT_OUT_OF_MEMORY, "out of memory");
  } catch (const DeviceError& error) {
    return refuse(FACEPRINT_NO_DEVICE, error.what());
  } catch (const std::exception& error) {
    return refuse(FACEPRINT_FAILED, error.what());
  }
}

void need(const char* name, bool given) {
  if (!given) throw std::invalid_argument(std::string(name) + " must not be NULL");
}

// What C++ callers get from the types of their arguments.
Matrix<const float> view(const char* name, const faceprint_rows& rows) {
  if (rows.rows < 0 || rows.columns < 0) {
    throw std::invalid_argument(std::string(name) + " must have 0 rows and columns or more, not " +
                                shape(rows.rows, rows.columns));
  }
  if (rows.rows > 0 && rows.columns > 0) need(name, rows.data != nullptr);
  return {rows.data, rows.rows, rows.columns, rows.stride};
}

const Gallery& inside(const faceprint_gallery* gallery) {
  need("gallery", gallery != nullptr);
  return gallery->gallery;
}

}  // namespace

}  // namespace faceprint

using faceprint::answer;
using faceprint::inside;
using faceprint::need;
using faceprint::view;

faceprint_status faceprint_distances(faceprint_rows x, faceprint_rows y, float* out, int threads,
                                     faceprint_message* message) {
  return answer(message, [&] {
    need("out", out != nullptr);
    faceprint::distances(view("x", x), view("y", y), {out, x.rows, y.rows, y.rows}, threads);
  });
}

faceprint_status faceprint_gallery_new(ptrdiff_t columns, faceprint_gallery** made, faceprint_message* message) {
  return answer(message, [&] {
    need("made", made != nullptr);
    *made = nullptr;
    *made = std::make_unique<faceprint_gallery>(faceprint::Gallery(columns)).release();
  });
}

faceprint_status faceprint_gallery_append(faceprint_gallery* gallery, faceprint_rows rows, int threads,
                                          faceprint_message* message) {
  return answer(message, [&] {
    need("gallery", gallery != nullptr);
    gallery->gallery.append(view("rows", rows), threads);
  });
}

void faceprint_gallery_free(faceprint_gallery* gallery) { const std::unique_ptr<faceprint_gallery> last(gallery); }

faceprint_status faceprint_nearest(faceprint_rows queries, const faceprint_gallery* gallery, ptrdiff_t k,
                                   float* distances, int64_t* indices, int threads, faceprint_message* message) {
  return answer(message, [&] {
    need("distances", distances != nullptr);
    need("indices", indices != nullptr);
    faceprint::nearest(view("queries", queries), inside(gallery), {distances, queries.rows, k, k},
                       {indices, queries.rows, k, k}, {.threads = threads});
  });
}

faceprint_status faceprint_neighbours(const faceprint_gallery* gallery, ptrdiff_t k, float* distances, int64_t* indices,
                                      int threads, faceprint_message* message) {
  return answer(message, [&] {
    need("distances", distances != nullptr);
    need("indices", indices != nullptr);
    const std::ptrdiff_t rows = inside(gallery).rows();
    faceprint::neighbours(inside(gallery), {distances, rows, k, k}, {indices, rows, k, k}, {.threads = threads});
  });
}
