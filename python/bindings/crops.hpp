#pragma once

#include <pybind11/numpy.h>

#include <vector>

#include "faceprint/chip.hpp"

namespace py = pybind11;

// Chips to be cut, as Python asks for them. The images are kept alive; arguments that make no chips raise.
struct Crops {
  Crops(const py::object& image, const py::object& affines, const py::object& height, const py::object& width,
        const py::object& layout, const py::object& channels, const py::object& mean, const py::object& scale,
        bool whitening, bool twin, const py::object& dtype);

  // Of the array of all chips, [crops, (2,) ...].
  std::vector<py::ssize_t> shape() const;

  faceprint::ChipFormat format;
  bool half;  // float16 is asked for, not float32
  std::vector<py::array> images;
  std::vector<faceprint::Crop> crops;
};
