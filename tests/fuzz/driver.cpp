#include "driver.hpp"

#include <chrono>
#include <iostream>
#include <limits>

namespace fuzz {

int run(int count, char** words, Round round) {
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
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (; done < rounds; ++done) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() >= seconds) break;
    std::clog << "\rround " << first + done << std::flush;  // so that a crash has named its round
    try {
      Chance chance(first + done);
      round(chance);
    } catch (const std::exception& error) {
      std::cerr << "\nround " << first + done << ": " << error.what() << "\nagain: " << words[0] << " --round "
                << first + done << "\n";
      return 1;
    }
  }
  std::clog << "\n";
  std::cout << words[0] << ": " << done << " rounds from " << first << "\n";
  return 0;
}

}  // namespace fuzz
