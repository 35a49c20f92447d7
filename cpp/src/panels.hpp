#pragma once
// The one packed form in which kernels read galleries: see Gallery.

#include "faceprint/gallery.hpp"
#include "faceprint/matrix.hpp"

namespace faceprint {

// Writes `rows`, at most Gallery::panel_rows of them, into one panel, beginning at its place `first`.
void pack(Matrix<const float> rows, float* panel, std::ptrdiff_t first);

// Packs any number of rows into panels, with zeros after the last row.
void pack_all(Matrix<const float> rows, float* panels);

}  // namespace faceprint
