// Runs kernels as nvcc translated them to PTX, in place of those that the C++ compiler made.

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <map>

#include "machine.hpp"

namespace translated {

namespace {

std::map<std::string, Kernel>& kernels() {
  static std::map<std::string, Kernel> by_name;
  return by_name;
}

// This program's functions by address, as nm lists them.
const std::map<const void*, std::string>& functions() {
  static const std::map<const void*, std::string> by_address = [] {
    Dl_info program;
    std::map<const void*, std::string> found;
    if (dladdr(reinterpret_cast<const void*>(&add), &program) == 0) return found;
    const std::string command = "nm --demangle --defined-only " + std::string(program.dli_fname);
    std::FILE* output = popen(command.c_str(), "r");
    std::array<char, 4096> line;
    while (output && std::fgets(line.data(), line.size(), output)) {
      std::size_t offset = 0;
      int name = 0;
      if (std::sscanf(line.data(), "%zx %*c %n", &offset, &name) < 1) continue;
      std::string text = line.data() + name;
      text.pop_back();
      found[static_cast<const char*>(program.dli_fbase) + offset] = text;
    }
    if (output) pclose(output);
    return found;
  }();
  return by_address;
}

const Kernel* kernel_of(const emulated::Launch& launch) {
  static std::map<const void*, const Kernel*> known;
  const auto [place, is_new] = known.try_emplace(launch.kernel, nullptr);
  if (is_new) {
    const auto name = functions().find(launch.kernel);
    const auto kernel = name == functions().end() ? kernels().end() : kernels().find(name->second);
    if (kernel != kernels().end()) place->second = &kernel->second;
  }
  return place->second;
}

}  // namespace

bool add(std::vector<Kernel> some) {
  for (Kernel& kernel : some) kernels().emplace(kernel.name, std::move(kernel));
  return true;
}

}  // namespace translated

namespace emulated {

void run_kernel(const Launch& launch) {
  const translated::Kernel* kernel = translated::kernel_of(launch);
  if (!kernel) fail("no PTX of a kernel");
  if (kernel->parameters.size() != launch.arguments.size()) fail("the PTX of a kernel has other parameters");
  alignas(16) std::array<std::byte, 4096> parameters;
  for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
    const auto [offset, bytes] = kernel->parameters[i];
    std::memcpy(parameters.data() + offset, launch.arguments[i], bytes);
  }
  const std::size_t bytes = kernel->shared_bytes + launch.shared_bytes;
  void* shared = shared_array(std::source_location::current(), bytes, 256, "of PTX");
  kernel->run(parameters.data(), static_cast<std::byte*>(shared));
}

}  // namespace emulated
