#pragma once
// How Python says which triplets it wants, and what they cost.

#include <pybind11/pybind11.h>

#include "faceprint/triplets.hpp"

namespace py = pybind11;

// Each raises ValueError for a name that it does not know, TypeError for what is no string.
faceprint::TripletRule as_rule(const py::object& kind, const py::object& margin, const py::object& choice,
                               const py::object& seed, const py::object& anchors);
faceprint::Hinge as_hinge(const py::object& name);
bool as_mean(const py::object& name);
