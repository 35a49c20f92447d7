#include "settings.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace emulated {

namespace {

std::string read(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

Order order_of(const std::string& name) {
  if (name == "forward") return Order::forward;
  if (name == "reverse") return Order::reverse;
  if (name == "shuffled") return Order::shuffled;
  throw std::invalid_argument("FACEPRINT_EMULATED_ORDER must be forward, reverse or shuffled, not " + name);
}

}  // namespace

const Settings& settings() {
  static const Settings read_once = {
      .order = order_of(read("FACEPRINT_EMULATED_ORDER", "forward")),
      .cards = std::stoi(read("FACEPRINT_EMULATED_CARDS", "1")),
      .memory = std::stoull(read("FACEPRINT_EMULATED_MEMORY", "4294967296")),
  };
  return read_once;
}

}  // namespace emulated
