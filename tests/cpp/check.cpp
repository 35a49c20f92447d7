#include "check.hpp"

#include <chrono>
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

int main() {
  for (const auto& [name, test] : check::tests()) {
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
  return check::failures > 0 || check::tests().empty() ? 1 : 0;
}
