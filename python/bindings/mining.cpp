#include "mining.hpp"

#include "arrays.hpp"

using faceprint::Choice, faceprint::Hinge, faceprint::Mining, faceprint::TripletRule;

namespace {

Mining as_mining(const std::string& name) {
  if (name == "semihard") return Mining::semihard;
  if (name == "batch-hard") return Mining::batch_hard;
  if (name == "batch-all") return Mining::batch_all;
  if (name == "hardest-within-batch") return Mining::hardest;
  if (name == "random-in-margin") return Mining::random_in_margin;
  if (name == "easy-positive") return Mining::easy_positive;
  throw py::value_error(
      "kind must be 'semihard', 'batch-hard', 'batch-all', 'hardest-within-batch', 'random-in-margin' or "
      "'easy-positive', not '" +
      name + "'");
}

Choice as_choice(const std::string& name) {
  if (name == "hardest") return Choice::hardest;
  if (name == "random") return Choice::random;
  throw py::value_error("choice must be 'hardest' or 'random', not '" + name + "'");
}

}  // namespace

TripletRule as_rule(const std::string& kind, const py::object& margin, const std::string& choice,
                    const py::object& seed, const py::object& anchors) {
  return {.kind = as_mining(kind),
          .choice = as_choice(choice),
          .margin = as_number("margin", "a number", margin),
          .seed = static_cast<std::uint64_t>(as_integer("seed", seed)),
          .anchors = as_integer("anchors", anchors)};
}

Hinge as_hinge(const std::string& name) {
  if (name == "margin") return Hinge::margin;
  if (name == "soft") return Hinge::soft;
  throw py::value_error("hinge must be 'margin' or 'soft', not '" + name + "'");
}

bool as_mean(const std::string& name) {
  if (name == "mean") return true;
  if (name == "sum") return false;
  throw py::value_error("reduction must be 'mean' or 'sum', not '" + name + "'");
}
