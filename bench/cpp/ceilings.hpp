#pragma once
// The ceilings of this machine: nothing that runs on it can be faster. They need neither faceprint nor anything else.

#include <string>

// What is done a second, by one thread and by as many as were asked for.
struct Ceiling {
  double one = 0, all = 0;
};

struct Ceilings {
  std::string fma_kernel, int8_kernel;  // the instructions that were found to be the widest
  Ceiling fma_flops;                    // float32 multiply-adds, each two operations
  Ceiling int8_ops;                     // multiply-adds of bytes, likewise
  Ceiling read_bytes;                   // from 1 GiB, each thread its own part
};

// A ceiling is a maximum: of several short rounds the best counts.
Ceilings measure_ceilings(int threads, int rounds);
