// Prints the ceilings as JSON:
//   g++ -std=c++20 -O3 -pthread ceilings_main.cpp ceilings.cpp -o ceilings && ./ceilings [THREADS] [ROUNDS]

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ceilings.hpp"

int main(int count, char** words) {
  const int threads = count > 1 ? std::max(1, std::atoi(words[1])) : 1;
  const int rounds = count > 2 ? std::max(1, std::atoi(words[2])) : 25;
  const Ceilings found = measure_ceilings(threads, rounds);
  const auto print = [](const char* name, const Ceiling& ceiling, const char* end) {
    std::printf("  \"%s\": {\"one\": %.4g, \"all\": %.4g}%s\n", name, ceiling.one, ceiling.all, end);
  };
  std::printf("{\n  \"threads\": %d,\n  \"fma_kernel\": \"%s\",\n  \"int8_kernel\": \"%s\",\n", threads,
              found.fma_kernel.c_str(), found.int8_kernel.c_str());
  print("fma_flops", found.fma_flops, ",");
  print("int8_ops", found.int8_ops, ",");
  print("read_bytes", found.read_bytes, "");
  std::printf("}\n");
}
