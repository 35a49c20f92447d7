#pragma once
// The structures of DLPack 0.8 (https://dmlc.github.io/dlpack/latest/c_api.html), which every version still exchanges.

#include <cstdint>

namespace dlpack {

enum DeviceType : std::int32_t { cpu = 1, cuda = 2 };
enum TypeCode : std::uint8_t { integer = 0, floating = 2 };

struct Device {
  std::int32_t type, id;
};

struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType type;
  std::int64_t *shape, *strides;  // strides count elements; without any, the rows follow each other
  std::uint64_t byte_offset;
};

struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};

// The name of the capsule of one, and of one that somebody has taken.
inline constexpr const char* fresh = "dltensor";
inline constexpr const char* taken = "used_dltensor";

}  // namespace dlpack
