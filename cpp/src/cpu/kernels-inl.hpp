// What an instruction set has to offer; after its Lanes. Included last inside its namespace and target region.

#include "cpu/tile-inl.hpp"
#include "cpu/distance-inl.hpp"
#include "cpu/nearest-inl.hpp"
#include "cpu/chip-inl.hpp"
