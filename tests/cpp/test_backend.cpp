#include "faceprint/backend.hpp"

#include <algorithm>

#include "check.hpp"

using namespace faceprint;

TEST(lists_every_backend_in_order) {
  std::string names;
  for (const BackendStatus& status : backends()) names += status.name + " ";
  CHECK_EQUAL(names, "portable avx2 avx512 avx512vnni neon cuda ");
}

TEST(portable_runs_everywhere_and_absent_ones_say_why) {
  const auto list = backends();
  CHECK_EQUAL(list[0].unavailable, "");
  CHECK_EQUAL(list[5].unavailable, "this build has no CUDA");
#if defined(__x86_64__)
  CHECK_EQUAL(list[4].unavailable, "this build is not for AArch64");
#elif defined(__aarch64__)
  CHECK_EQUAL(list[1].unavailable, "this build is not for x86-64");
  CHECK_EQUAL(list[2].unavailable, "this build is not for x86-64");
  CHECK_EQUAL(list[4].unavailable, "");
#endif
}

TEST(first_choice_runs_here_and_is_the_best) {
  const auto list = backends();
  const std::string chosen(active_backend());
  std::string best = "portable";
  for (const auto& status : list) {
    if (status.unavailable.empty() && status.name != "cuda") best = status.name;
  }
  CHECK_EQUAL(chosen, best);
}

TEST(uses_what_it_is_told) {
  const std::string before(active_backend());
  use_backend("portable");
  CHECK_EQUAL(active_backend(), "portable");
  use_backend(before);
  CHECK_EQUAL(active_backend(), before);
}

TEST(refuses_unknown_and_unavailable_names_and_keeps_its_choice) {
  const std::string before(active_backend());
  CHECK_THROWS(std::invalid_argument, "unknown backend 'sse9'; known: portable, avx2, avx512, avx512vnni, neon, cuda",
               use_backend("sse9"));
  CHECK_THROWS(std::invalid_argument, "unknown backend ''; known: portable, avx2, avx512, avx512vnni, neon, cuda",
               use_backend(""));
  CHECK_THROWS(DeviceError, "backend 'cuda' cannot run here: this build has no CUDA", use_backend("cuda"));
  CHECK_EQUAL(active_backend(), before);
}
