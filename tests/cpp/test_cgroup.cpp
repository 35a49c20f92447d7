#include "cgroup.hpp"

#include <unistd.h>

#include <fstream>
#include <limits>
#include <string>

#include "check.hpp"

using namespace faceprint;

namespace {

namespace fs = std::filesystem;

constexpr double unlimited = std::numeric_limits<double>::infinity();

// A made-up root, removed at the end.
class Root {
 public:
  Root(const std::string& cgroup, const std::string& mountinfo) {
    fs::remove_all(path_);
    write("proc/self/cgroup", cgroup);
    write("proc/self/mountinfo", mountinfo);
  }
  ~Root() { fs::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  Root& write(const std::string& name, const std::string& text) {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return *this;
  }
  double cpus() const { return cgroup_cpus(path_); }

 private:
  const fs::path path_ = fs::temp_directory_path() / ("faceprint_test_cgroup." + std::to_string(getpid()));
};

const std::string unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string version_1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

}  // namespace

TEST(no_control_groups_set_no_limit) {
  CHECK_EQUAL(cgroup_cpus("/nowhere"), unlimited);
  CHECK_EQUAL(Root("", "").cpus(), unlimited);
  CHECK_EQUAL(Root("0::/\n", unified).cpus(), unlimited);
}

TEST(reads_the_limit_of_its_group_and_of_those_above) {
  Root root("0::/user.slice/app.scope\n", unified);
  root.write("sys/fs/cgroup/user.slice/app.scope/cpu.max", "max 100000\n");
  CHECK_EQUAL(root.cpus(), unlimited);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  CHECK_EQUAL(root.cpus(), 3.0);
  root.write("sys/fs/cgroup/user.slice/app.scope/cpu.max", "50000 200000\n");
  CHECK_EQUAL(root.cpus(), 0.25);
  root.write("sys/fs/cgroup/user.slice/other.scope/cpu.max", "1000 100000\n");
  CHECK_EQUAL(root.cpus(), 0.25);
}

TEST(reads_the_group_at_which_a_container_begins) {
  CHECK_EQUAL(Root("0::/\n", unified).write("sys/fs/cgroup/cpu.max", "150000 100000\n").cpus(), 1.5);
  CHECK_EQUAL(Root("0::/../..\n", unified).write("sys/fs/cgroup/cpu.max", "150000 100000\n").cpus(), 1.5);
}

TEST(reads_version_1) {
  Root root("7:memory:/box\n4:cpu,cpuacct:/box/app\n0::/elsewhere\n", version_1);
  root.write("sys/fs/cgroup/cpu,cpuacct/box/app/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/box/app/cpu.cfs_period_us", "100000\n");
  CHECK_EQUAL(root.cpus(), unlimited);
  root.write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "200000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  CHECK_EQUAL(root.cpus(), 2.0);
}

TEST(reads_version_1_of_which_a_container_sees_its_own_group_only) {
  Root root("4:cpu,cpuacct:/docker/1f/app\n",
            "33 31 0:30 /docker/1f /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "400000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
  CHECK_EQUAL(root.cpus(), 4.0);
}

TEST(both_versions_at_once_give_the_smaller_limit) {
  Root root("4:cpu,cpuacct:/\n0::/app\n", version_1 + "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "800000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK_EQUAL(root.cpus(), 8.0);
  root.write("sys/fs/cgroup/unified/app/cpu.max", "600000 100000\n");
  CHECK_EQUAL(root.cpus(), 6.0);
}

TEST(other_hierarchies_and_files_that_make_no_sense_set_no_limit) {
  Root root("4:cpuset:/\n0::/\n", unified + "33 31 0:30 / /sets rw - cgroup cgroup rw,cpuset\nshort\n");
  root.write("sets/cpu.cfs_quota_us", "1\n").write("sets/cpu.cfs_period_us", "1\n");
  for (const char* text : {"", "150000", "0 100000", "150000 0", "-5 100000", "many 100000"}) {
    CHECK_EQUAL(root.write("sys/fs/cgroup/cpu.max", text).cpus(), unlimited);
  }
}
