#include "executor.hpp"

namespace emulated {

void run_kernel(const Launch& launch) { launch.run(launch.call.get()); }

}  // namespace emulated
