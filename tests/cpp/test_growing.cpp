#include "faceprint/growing.hpp"

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "check.hpp"

using namespace faceprint;

TEST(holds_what_was_appended_whatever_room_there_was) {
  for (const std::ptrdiff_t capacity : {0, 1, 7, 100'000}) {
    Growing<std::int64_t> numbers(capacity);
    std::vector<std::int64_t> expected;
    for (const std::ptrdiff_t count : {0, 1, 3, 1000, 50'000, 0}) {
      std::vector<std::int64_t> more(static_cast<std::size_t>(count));
      std::iota(more.begin(), more.end(), std::ssize(expected));
      numbers.append(more);
      expected.insert(expected.end(), more.begin(), more.end());
      expected.push_back(-count);
      numbers.append(-count);
      CHECK_EQUAL(numbers.back(), -count);
    }
    CHECK(std::ranges::equal(numbers, expected));
    numbers.fit();
    CHECK(std::ranges::equal(numbers, expected));
    const Growing<std::int64_t> moved = std::move(numbers);
    CHECK(std::ranges::equal(moved, expected));
  }
}

TEST(is_empty_at_first) {
  Growing<float> none;
  CHECK_EQUAL(none.size(), 0);
  none.fit();
  CHECK(none.begin() == none.end());
}
