#pragma once

#include <filesystem>

namespace faceprint {

// How many CPUs' worth of time the control groups of Linux leave this process, as containers set it: cpu.max of
// version 2, cpu.cfs_quota_us of version 1, the least of its group and all those above. Infinite where none says so.
// `root` is where /proc and the mounts are looked for.
double cgroup_cpus(const std::filesystem::path& root = "/");

}  // namespace faceprint
