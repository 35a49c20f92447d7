// Many threads at once, each with threads of its own: what the headers call safe. For ThreadSanitizer, too.

#include <atomic>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include "check.hpp"
#include "data.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/gallery.hpp"
#include "faceprint/nearest.hpp"
#include "faceprint/triplets.hpp"

using namespace faceprint;

namespace {

constexpr int callers = 16;
constexpr std::ptrdiff_t k = 5;
// Enough for two threads of each call to be worth their start.
constexpr std::ptrdiff_t queries = 70, rows = 2000, depth = 64;

struct Found {
  Rows<float> values;
  Rows<std::int64_t> indices;

  explicit Found(std::ptrdiff_t asked) : values(asked, k), indices(asked, k) {}
  bool operator==(const Found& other) const {
    return values.data == other.values.data && indices.data == other.indices.data;
  }
};

Found find(const Rows<float>& asked, const Gallery& gallery) {
  Found found(asked.rows);
  nearest(asked.view(), gallery, found.values.view(), found.indices.view(), {.threads = 2});
  return found;
}

Found find_own(const Gallery& gallery) {
  Found found(gallery.rows());
  neighbours(gallery, found.values.view(), found.indices.view(), {.threads = 2});
  return found;
}

// Runs call(caller) in as many threads, all at once; returns how many of the calls were true.
template <class Call>
int at_once(const Call& call) {
  std::atomic<int> right = 0, ready = 0;
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (++ready; ready < callers;) std::this_thread::yield();
      right += call(caller);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return right;
}

}  // namespace

TEST(the_backend_is_chosen_once_by_whoever_is_first) {  // first here, while none is chosen yet
  std::vector<std::string_view> names(callers);
  at_once([&](int caller) { return names[static_cast<std::size_t>(caller)] = active_backend(), true; });
  for (const std::string_view name : names) CHECK_EQUAL(name, active_backend());
}

TEST(many_search_one_gallery) {
  const Rows<float> faces = random_units(rows, depth, 1), asked = random_units(queries, depth, 2);
  for (const Storage storage : {Storage::float32, Storage::float16, Storage::int8}) {
    Gallery gallery(depth, storage);
    gallery.append(faces.view());
    const Found expected = find(asked, gallery);
    CHECK_EQUAL(at_once([&](int) { return find(asked, gallery) == expected; }), callers);
  }
}

TEST(many_find_the_neighbours_of_one_gallery) {
  Gallery gallery(depth);
  gallery.append(random_units(rows, depth, 6).view());
  const Found expected = find_own(gallery);
  CHECK_EQUAL(at_once([&](int) { return find_own(gallery) == expected; }), callers);
}

TEST(each_changes_a_gallery_of_its_own) {
  const Rows<float> faces = random_units(rows, depth, 3), asked = random_units(queries, depth, 4);
  const auto fill = [&] {
    Gallery gallery(depth);
    gallery.append(faces.view(), 2);
    std::vector<std::int64_t> gone(100);
    std::iota(gone.begin(), gone.end(), 7);
    gallery.remove(gone);
    return find(asked, gallery);
  };
  const Found expected = fill();
  CHECK_EQUAL(at_once([&](int) { return fill() == expected; }), callers);
}

TEST(many_compare_and_learn) {
  const Rows<float> faces = random_units(256, depth, 5);
  std::vector<std::int64_t> people(256);
  std::iota(people.begin(), people.end(), 0);
  for (std::int64_t& person : people) person %= 64;
  const auto compare = [&] {
    Rows<float> all(faces.rows, faces.rows), gradient(faces.rows, depth);
    distances(faces.view(), faces.view(), all.view(), 2);
    triplet_loss(faces.view(), people, {}, Hinge::margin, true, gradient.view(), 2);
    all.data.insert(all.data.end(), gradient.data.begin(), gradient.data.end());
    return all.data;
  };
  const std::vector<float> expected = compare();
  CHECK_EQUAL(at_once([&](int) { return compare() == expected; }), callers);
}
