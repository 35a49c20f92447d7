// All kernels of an instruction set, from its Lanes. No include guard: included last inside its namespace and region.

#include "cpu/tile-inl.hpp"

#include "cpu/chip-inl.hpp"
#include "cpu/distance-inl.hpp"
#include "cpu/nearest-inl.hpp"
