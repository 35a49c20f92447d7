// All kernels of an instruction set, from its Lanes. No include guard: included last inside its namespace and region.

#include "cpu/tile-inl.hpp"

#include "cpu/chip-inl.hpp"
#include "cpu/distance-inl.hpp"
#include "cpu/nearest-inl.hpp"
// Apart, so that they stay behind nearest-inl.hpp, which they use.
#include "cpu/codes-inl.hpp"
#include "cpu/pairs-inl.hpp"
// Likewise, for its Counts.
#include "cpu/triplets-inl.hpp"

constexpr ScanKernels scan_kernels = {.tile_queries = Lanes::tile_queries,
                                      .lanes = Lanes::count,
                                      .pack = pack_queries,
                                      .scan_floats = scan_floats,
                                      .scan_halves = scan_halves,
                                      .scan_codes = scan_codes,
                                      .bound_codes = bound_codes,
                                      .join_floats = join_floats,
                                      .join_halves = join_halves,
                                      .count_floats = count_floats,
                                      .bound_nibbles = bound_nibbles,
                                      .keys_of_floats = keys_of_floats};
