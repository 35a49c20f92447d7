#pragma once
// One function per noun; each adds its operations to the module.

#include <pybind11/pybind11.h>

#include <shared_mutex>

#include "faceprint/gallery.hpp"
#include "lock.hpp"

namespace py = pybind11;

// A gallery that Python threads may search while another one changes it. Take the lock only without the GIL: then a
// search may ask for the GIL while it holds the lock, as its watch does.
struct SharedGallery {
  SharedGallery(std::ptrdiff_t columns, faceprint::Storage storage, bool codes) : gallery(columns, storage, codes) {}

  py::ssize_t rows() const {
    const Unlocked unlocked;
    const std::shared_lock lock(mutex);
    return gallery.rows();
  }

  faceprint::Gallery gallery;
  mutable std::shared_mutex mutex;
};

void bind_backend(py::module_& module);
void bind_chip(py::module_& module);
void bind_distance(py::module_& module);
void bind_gallery(py::module_& module);
void bind_graph(py::module_& module);
void bind_join(py::module_& module);
void bind_nearest(py::module_& module);
void bind_pairs(py::module_& module);
void bind_triplets(py::module_& module);
