#include "cgroup.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace faceprint {

namespace {

namespace fs = std::filesystem;

constexpr double unlimited = std::numeric_limits<double>::infinity();

// Whether a name is in a list with commas.
bool lists(const std::string& names, const std::string& name) {
  return ("," + names + ",").find("," + name + ",") != std::string::npos;
}

// One group's own limit. Where there is none, a file says "max" or -1, or is not there.
double limit_of(const fs::path& group, bool unified) {
  double quota = 0, period = 0;  // microseconds
  if (unified) {
    std::ifstream(group / "cpu.max") >> quota >> period;
  } else {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : unlimited;
}

// The group of this process, from lines "number:controllers:path" (cgroups(7)).
fs::path own_group(const fs::path& root, bool unified) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string number, controllers, path;
    std::getline(std::getline(words, number, ':'), controllers, ':');
    std::getline(words, path);
    if (unified ? number == "0" && controllers.empty() : lists(controllers, "cpu")) return path;
  }
  return "/";
}

}  // namespace

double cgroup_cpus(const fs::path& root) {
  double least = unlimited;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // number parent device top point options [tags] - type source options (proc_pid_mountinfo(5))
    std::istringstream words(line);
    std::string skipped, top, point, type, options;
    words >> skipped >> skipped >> skipped >> top >> point;
    while (words >> skipped && skipped != "-") continue;
    words >> type >> skipped >> options;
    const bool unified = type == "cgroup2";
    if (!unified && !(type == "cgroup" && lists(options, "cpu"))) continue;

    const fs::path mounted = root / fs::path(point).relative_path();
    // A container may see of the hierarchy only what is below its own group.
    fs::path group = own_group(root, unified).lexically_relative(top);
    if (group == "." || group.string().starts_with("..")) group.clear();
    least = std::min(least, limit_of(mounted, unified));
    for (; !group.empty(); group = group.parent_path()) least = std::min(least, limit_of(mounted / group, unified));
  }
  return least;
}

}  // namespace faceprint
