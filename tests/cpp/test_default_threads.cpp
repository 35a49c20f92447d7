#include "cgroup.hpp"
#include "check.hpp"
#include "faceprint/threads.hpp"

using namespace faceprint;

// In place of the library's, which the linker leaves out then: as in a container that is paid half a CPU's time.
double faceprint::cgroup_cpus(const std::filesystem::path& root) {
  CHECK_EQUAL(root.string(), "/");
  return 0.5;
}

TEST(no_more_than_the_control_groups_pay_for) { CHECK_EQUAL(default_threads(), 1); }
