#include "driver.hpp"

#include <chrono>
#include <iostream>
#include <limits>

#if !defined(__APPLE__)  // where the linker wants every symbol to be there
// Absent where no sanitizer is built in.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace {

const char* program = "";
std::uint64_t current = 0;

void tell_round() { std::cerr << "\nagain: " << program << " --round " << current << "\n"; }

}  // namespace

// NOLINTNEXTLINE(misc-const-correctness): the standard's own signature
int main(int count, char** words) {
  std::uint64_t first = 0;
  std::uint64_t rounds = std::numeric_limits<std::uint64_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string name = words[at];
    const std::string value = words[at + 1];
    if (name == "--seconds") seconds = std::stod(value);
    if (name == "--rounds") rounds = std::stoull(value);
    if (name == "--seed" || name == "--round") first = std::stoull(value);
    if (name == "--round") rounds = 1;
  }
  if (rounds == std::numeric_limits<std::uint64_t>::max() && seconds == std::numeric_limits<double>::infinity()) {
    std::cerr << "give --rounds or --seconds, for rounds never end\n";
    return 2;
  }
  program = words[0];
#if !defined(__APPLE__)
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell_round);
#endif
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (; done < rounds; ++done) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() >= seconds) break;
    current = first + done;
    try {
      fuzz::Chance chance(current);
      fuzz::round(chance);
    } catch (const std::exception& error) {
      std::cerr << error.what();
      tell_round();
      return 1;
    }
  }
  std::cout << program << ": " << done << " rounds from " << first << "\n";
  return 0;
}
