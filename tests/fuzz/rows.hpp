#pragma once
// Embeddings to be random with.

#include <iterator>
#include <limits>

#include "driver.hpp"

namespace fuzz {

using Rows = Strided<float>;

// Rows around a few places, many of them equal; now and then with a number that is refused.
inline Rows draw(Chance& chance, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  static constexpr float odd[] = {65505, 1e15f, 2e15f, std::numeric_limits<float>::infinity(), 1e-40f, -0.0f};
  Rows drawn(rows, columns, stride(chance, columns));
  const bool whole = chance.once_in(2);
  for (float& value : drawn) {
    value = static_cast<float>(whole ? static_cast<double>(chance.in(-2, 2)) : chance.between(-1, 1));
  }
  if (chance.once_in(20) && rows > 0) {
    drawn.view().row(chance.in(0, rows - 1))[chance.in(0, columns - 1)] = odd[chance.in(0, std::ssize(odd) - 1)];
  }
  return drawn;
}

}  // namespace fuzz
