#include "cuda/cards.hpp"

#include <cuda_runtime.h>

#include "cuda/device.hpp"

namespace faceprint::cuda {

namespace {

constexpr int oldest = 75, oldest_with_tf32 = 80;  // compute capability, ten times

int capability(int device) {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  return 10 * major + minor;
}

}  // namespace

std::vector<int> cards_that_run() {
  int count = 0;
  check(cudaGetDeviceCount(&count));
  std::vector<int> cards;
  for (int device = 0; device < count; ++device) {
    if (capability(device) >= oldest) cards.push_back(device);
  }
  return cards;
}

std::string why_none_runs() {
  try {
    if (!cards_that_run().empty()) return "";
    return "no card has compute capability 7.5 or more";
  } catch (const std::exception& error) {
    return error.what();
  }
}

bool current_card_has_tf32() {
  int device = 0;
  check(cudaGetDevice(&device));
  return capability(device) >= oldest_with_tf32;
}

int blocks_at_once(int blocks_per_multiprocessor) {
  int device = 0, multiprocessors = 0;
  check(cudaGetDevice(&device));
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  return multiprocessors * blocks_per_multiprocessor;
}

}  // namespace faceprint::cuda
