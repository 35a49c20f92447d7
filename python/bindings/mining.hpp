#pragma once
// How Python says which triplets it wants, and what they cost.

#include <pybind11/pybind11.h>

#include <string>

#include "faceprint/triplets.hpp"

namespace py = pybind11;

// Each raises ValueError for a name that it does not know.
faceprint::TripletRule as_rule(const std::string& kind, const py::object& margin, const std::string& choice,
                               const py::object& seed, const py::object& anchors);
faceprint::Hinge as_hinge(const std::string& name);
bool as_mean(const std::string& name);
