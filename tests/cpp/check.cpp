#include "check.hpp"

#include <chrono>
#include <string_view>
#include <vector>

namespace check {

namespace {

struct Named {
  const char* name;
  Test test;
};

std::vector<Named>& tests() {
  static std::vector<Named> list;
  return list;
}

int failures = 0;

}  // namespace

bool add(const char* name, Test test) {
  tests().push_back({name, test});
  return true;
}

void fail(const char* file, int line, const std::string& message) {
  if (++failures <= 20) std::cerr << file << ":" << line << ": " << message << "\n";
}

}  // namespace check

// Runs the tests whose names contain the argument, or all.
int main(int count, char** arguments) {  // NOLINT(misc-const-correctness): as main has to be
  const std::string_view wanted = count > 1 ? arguments[1] : "";
  int run = 0;
  for (const auto& [name, test] : check::tests()) {
    if (std::string_view(name).find(wanted) == std::string_view::npos) continue;
    ++run;
    const int before = check::failures;
    const auto start = std::chrono::steady_clock::now();
    try {
      test();
    } catch (const std::exception& error) {
      check::fail(name, 0, std::string("unexpected exception: ") + error.what());
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << (check::failures == before ? "passed " : "FAILED ") << name << ", " << taken.count() << " s"
              << "\n"
              << std::flush;
  }
  return check::failures > 0 || run == 0 ? 1 : 0;
}
