#include "runtime.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "settings.hpp"
#include "watch.hpp"

namespace emulated {

struct Stream {
  int device;
  std::deque<std::function<void()>> queue;
};

namespace {

constexpr std::size_t alignment = 256;  // of memory that CUDA gives
constexpr int poison = 0xff;            // of memory that nobody has written: NaN, or -1

struct Allocation {
  std::size_t bytes;
  int device;
};

// All that outlives a call. Cards are worked by several threads of the host.
struct Machine {
  std::recursive_mutex mutex;
  std::map<std::byte*, Allocation> memory;
  std::vector<std::unique_ptr<Stream>> streams;
  std::string fault;

  // What is not given back is a fault too.
  ~Machine() {
    if (!fault.empty() || (memory.empty() && streams.empty())) return;
    std::cerr << "left on the card: " << memory.size() << " pieces of memory, " << streams.size() << " streams\n";
    std::_Exit(1);
  }

  std::size_t used(int device) const {
    std::size_t bytes = 0;
    for (const auto& [address, allocation] : memory) bytes += allocation.device == device ? allocation.bytes : 0;
    return bytes;
  }

  // Whether all of it is memory of that card.
  bool holds(int device, const void* address, std::size_t bytes) const {
    auto* first = const_cast<std::byte*>(static_cast<const std::byte*>(address));
    const auto after = memory.upper_bound(first);
    if (after == memory.begin()) return false;
    const auto& [begin, allocation] = *std::prev(after);
    return allocation.device == device && first + bytes <= begin + allocation.bytes;
  }
};

Machine& machine() {
  static Machine only;
  return only;
}

thread_local int current_device = 0, executing_device = 0;

int capability_of(int device) { return device % 2 == 0 ? 80 : 75; }

// Calls call() unless a kernel has failed.
template <class Call>
cudaError_t guarded(const Call& call) {
  const std::scoped_lock lock(machine().mutex);
  if (!machine().fault.empty()) return cudaErrorLaunchFailure;
  try {
    return call();
  } catch (const Fault& fault) {
    machine().fault = fault.what();
    std::cerr << "a kernel failed: " << fault.what() << "\n";
    return cudaErrorLaunchFailure;
  }
}

bool is_known(cudaStream_t stream) {
  return std::ranges::any_of(machine().streams, [&](const auto& known) { return known.get() == stream; });
}

void work_off(Stream& stream) {
  while (!stream.queue.empty()) {
    const auto task = std::move(stream.queue.front());
    stream.queue.pop_front();
    task();
  }
}

// Calls are for streams of the card that the thread has chosen.
template <class Task>
cudaError_t later(cudaStream_t stream, const Task& task) {
  return guarded([&] {
    if (!is_known(stream) || stream->device != current_device) return cudaErrorInvalidResourceHandle;
    stream->queue.emplace_back(task);
    return cudaSuccess;
  });
}

void copy_rows(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch, std::size_t width,
               std::size_t height) {
  for (std::size_t row = 0; row < height; ++row) {
    std::memcpy(static_cast<std::byte*>(to) + row * to_pitch, static_cast<const std::byte*>(from) + row * from_pitch,
                width);
  }
}

std::size_t extent(std::size_t pitch, std::size_t width, std::size_t height) {
  return height == 0 ? 0 : pitch * (height - 1) + width;
}

}  // namespace

int capability() { return capability_of(executing_device); }

cudaError_t enqueue(Launch launch, cudaStream_t stream) {
  return later(stream, [launch = std::move(launch), device = stream->device] {
    executing_device = device;
    execute(launch);
  });
}

}  // namespace emulated

using namespace emulated;

cudaError_t cudaGetLastError() { return machine().fault.empty() ? cudaSuccess : cudaErrorLaunchFailure; }

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorLaunchFailure:
      return machine().fault.c_str();
    default:
      return "invalid argument";
  }
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = settings().cards;
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= settings().cards) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device < 0 || device >= settings().cards) return cudaErrorInvalidDevice;
  constexpr int multiprocessors = 1;
  *value = attribute == cudaDevAttrMultiProcessorCount      ? multiprocessors
           : attribute == cudaDevAttrComputeCapabilityMajor ? capability_of(device) / 10
                                                            : capability_of(device) % 10;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return guarded([&] {
    *total_bytes = settings().memory;
    *free_bytes = settings().memory - machine().used(current_device);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return guarded([&] {
    machine().streams.push_back(std::make_unique<Stream>(Stream{current_device, {}}));
    *stream = machine().streams.back().get();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return guarded([&] {
    if (!is_known(stream)) return cudaErrorInvalidResourceHandle;
    work_off(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t status = cudaStreamSynchronize(stream);
  std::erase_if(machine().streams, [&](const auto& known) { return known.get() == stream; });
  return status;
}

cudaError_t cudaMallocAsync(void** address, std::size_t bytes, cudaStream_t stream) {
  return guarded([&] {
    if (!is_known(stream) || stream->device != current_device) return cudaErrorInvalidResourceHandle;
    const auto fits = [&] { return bytes <= settings().memory - machine().used(current_device); };
    if (!fits()) work_off(*stream);  // which may give memory back
    if (!fits()) return cudaErrorMemoryAllocation;
    if (posix_memalign(address, alignment, bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*address, poison, bytes);
    machine().memory[static_cast<std::byte*>(*address)] = {bytes, current_device};
    watch::add_global(*address, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaFreeAsync(void* address, cudaStream_t stream) {
  // After a fault, queues are not worked off any more.
  const auto give_back = [address] {
    machine().memory.erase(static_cast<std::byte*>(address));
    watch::remove_global(address);
    std::free(address);
  };
  const cudaError_t status = later(stream, give_back);
  if (status == cudaErrorLaunchFailure) give_back();
  return status;
}

cudaError_t cudaMemsetAsync(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  if (!machine().holds(current_device, address, bytes)) return cudaErrorInvalidValue;
  return later(stream, [=] {
    std::memset(address, value, bytes);
    watch::fill_global(address, bytes);
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

// Memory of the host is not pinned here: it is read before the call returns, and has been written when it returns.
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (to_pitch < width || from_pitch < width) return cudaErrorInvalidValue;
  if (width == 0 || height == 0) return cudaSuccess;
  const bool from_card = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool to_card = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const std::scoped_lock lock(machine().mutex);
  if (to_card != machine().holds(current_device, to, extent(to_pitch, width, height)) ||
      from_card != machine().holds(current_device, from, extent(from_pitch, width, height))) {
    return cudaErrorInvalidValue;
  }
  if (from_card) {
    const auto copy = [=] {
      copy_rows(to, to_pitch, from, from_pitch, width, height);
      if (to_card) {
        for (std::size_t row = 0; row < height; ++row) {
          watch::fill_global(static_cast<std::byte*>(to) + row * to_pitch, width);
        }
      }
    };
    const cudaError_t status = later(stream, copy);
    return to_card || status != cudaSuccess ? status : cudaStreamSynchronize(stream);
  }
  std::vector<std::byte> staged(width * height);
  copy_rows(staged.data(), width, from, from_pitch, width, height);
  return later(stream, [=, staged = std::move(staged)] {
    copy_rows(to, to_pitch, staged.data(), width, width, height);
    for (std::size_t row = 0; row < height; ++row) {
      watch::fill_global(static_cast<std::byte*>(to) + row * to_pitch, width);
    }
  });
}
