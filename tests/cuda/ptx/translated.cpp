// Runs kernels as nvcc translated them to PTX, in place of those that the C++ compiler made.

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>

#include "machine.hpp"

namespace translated {

namespace {

struct Kernels {
  std::map<std::string, Kernel> by_name;
  std::map<const void*, const Kernel*> launched;  // by the address of the function that they stand for

  // A kernel that no test launches would not be tested.
  ~Kernels() {
    for (const auto& [address, kernel] : launched) by_name.erase(kernel->name);
    for (const auto& [name, kernel] : by_name) std::cerr << "never launched: " << name << "\n";
    if (!by_name.empty()) std::_Exit(1);
  }
};

Kernels& kernels() {
  static Kernels all;
  return all;
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

const Kernel& kernel_of(const void* function) {
  auto& launched = kernels().launched;
  if (const auto known = launched.find(function); known != launched.end()) return *known->second;
  const auto name = functions().find(function);
  if (name == functions().end()) emulated::fail("a kernel without a name");
  const auto kernel = kernels().by_name.find(name->second);
  if (kernel == kernels().by_name.end()) emulated::fail("no PTX of " + name->second);
  return *(launched[function] = &kernel->second);
}

}  // namespace

bool add(std::vector<Kernel> some) {
  for (Kernel& kernel : some) kernels().by_name.emplace(kernel.name, std::move(kernel));
  return true;
}

}  // namespace translated

namespace emulated {

void run_kernel(const Launch& launch) {
  const translated::Kernel& kernel = translated::kernel_of(launch.kernel);
  if (kernel.parameters.size() != launch.arguments.size()) fail("other parameters in the PTX of " + kernel.name);
  alignas(16) std::array<std::byte, 4096> parameters;
  for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
    const auto [offset, bytes] = kernel.parameters[i];
    std::memcpy(parameters.data() + offset, launch.arguments[i], bytes);
  }
  const std::size_t bytes = kernel.shared_bytes + launch.shared_bytes;
  void* shared = shared_array(std::source_location::current(), bytes, 256, "of PTX");
  kernel.run(parameters.data(), static_cast<std::byte*>(shared));
}

}  // namespace emulated
