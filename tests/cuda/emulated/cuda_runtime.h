#pragma once
// What our sources use of CUDA, for a plain C++ compiler: found in place of CUDA's own header, it lets kernels and host
// code run on the CPU. A thread of CUDA's is a fiber, a stream a queue that is worked off as late as CUDA permits.

// Headers that CUDA's own brings too, or that our sources may have meant.
#include <cstddef>
#include <memory>
#include <tuple>
#include <vector>

#include "executor.hpp"
#include "language.hpp"
#include "runtime.hpp"

namespace faceprint::cuda {

// As cuda/device.hpp has them.

#define FACEPRINT_SHARED(type, name, extents)     \
  using name##_type = type extents;               \
  name##_type& name = *static_cast<name##_type*>( \
      ::emulated::shared_array(std::source_location::current(), sizeof(name##_type), alignof(name##_type), #name))

template <class... Parameters>
cudaError_t begin(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                  const std::tuple<Parameters...>& arguments) {
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> values;

    static void run(const void* call) {
      std::apply(static_cast<const Call*>(call)->kernel, static_cast<const Call*>(call)->values);
    }
  };
  const auto call = std::make_shared<const Call>(Call{kernel, arguments});
  const auto addresses = [](const auto&... each) { return std::vector<const void*>{&each...}; };
  return ::emulated::enqueue({grid, block, shared_bytes, reinterpret_cast<const void*>(kernel), call, sizeof(Call),
                              std::apply(addresses, call->values), &Call::run},
                             stream);
}

// As cuda/tensor.cuh has them.

inline float to_tf32(float number) { return ::emulated::to_tf32(number); }

inline void multiply_add(const float (&queries)[4], const float (&rows)[2], float (&sums)[4],
                         std::source_location site = std::source_location::current()) {
  ::emulated::multiply_tf32(queries, rows, sums, site);
}

// As cuda/block.cuh has it.

inline std::byte* shared_memory() { return ::emulated::dynamic_shared_memory(); }

}  // namespace faceprint::cuda
