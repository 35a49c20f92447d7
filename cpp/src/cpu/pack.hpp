#pragma once
// Queries and rows, with the terms that turn their products into keys: what the kernels of scan.hpp read.

#include "cpu/scan.hpp"
#include "faceprint/buffer.hpp"
#include "faceprint/nearest.hpp"

namespace faceprint {

enum class Codes { none, bytes, nibbles };

// What a search works on, and which codes of the gallery its kernels read.
struct Task {
  const ScanKernels& kernels;
  const Gallery& gallery;
  Metric metric;
  Codes codes;

  bool certify() const { return codes == Codes::bytes && gallery.has_bounds(); }
};

// How many panels a batch passes over at a time.
std::ptrdiff_t panels_at_a_time(const Task& task);

// Owns the memory of a batch of at most `capacity` queries.
class PackedBatch {
 public:
  PackedBatch(const Task& task, std::ptrdiff_t capacity);

  void pack(Matrix<const float> queries);
  void set_limits(const float* limits) { batch_.limits = limits; }
  const Batch& batch() const { return batch_; }

 private:
  void pack_codes(Matrix<const float> queries);

  const Task task_;
  Buffer<float> tiles_, norms_, bias_, scale_, code_bias_, code_scale_, code_error_;
  Buffer<std::int8_t> code_tiles_;
  Buffer<std::int32_t> code_sums_;
  Batch batch_{};
};

// Makes the blocks of a gallery, of at most `most` panels; a block lasts until the next is made.
class Blocks {
 public:
  Blocks(const Task& task, std::ptrdiff_t most);

  Block make(std::ptrdiff_t first_panel, std::ptrdiff_t panels);

 private:
  const Task task_;
  Buffer<float> bias_, scale_, code_bias_, code_scale_;
};

}  // namespace faceprint
