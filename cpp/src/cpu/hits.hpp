#pragma once
// What `within` has found, kept in the memory that is given out: no second copy of it is made.

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "faceprint/nearest.hpp"
#include "threads.hpp"

namespace faceprint {

// The hits of some queries, behind those that `found` holds already. Threads add them in any order, each as its key and
// its place, the number of the row with that of the query in the bits above; then they are sorted where they lie.
class Hits {
 public:
  Hits(Neighbourhoods& found, std::ptrdiff_t queries, std::ptrdiff_t rows);

  std::int64_t place(std::int64_t query, std::int64_t row) const { return query << row_bits_ | row; }
  void add(std::span<const float> keys, std::span<const std::int64_t> places);

  // By query, key and row; keys become values, and places rows.
  void sort(Metric metric, int threads, Progress& progress);

 private:
  std::size_t query_of(std::int64_t place) const { return static_cast<std::size_t>(place >> row_bits_); }
  void group_by_query(const std::int64_t* offsets, Progress& progress);

  Neighbourhoods& found_;
  const int row_bits_;
  std::vector<std::int64_t> counts_;  // of each query's hits
  std::mutex mutex_;
};

}  // namespace faceprint
