#include "mining.hpp"

#include "arrays.hpp"

using faceprint::Choice, faceprint::Hinge, faceprint::Mining, faceprint::TripletRule;

namespace {

Mining as_mining(const py::object& name) {
  return as_named<Mining>("kind", name,
                          {{"semihard", Mining::semihard},
                           {"batch-hard", Mining::batch_hard},
                           {"batch-all", Mining::batch_all},
                           {"hardest-within-batch", Mining::hardest},
                           {"random-in-margin", Mining::random_in_margin},
                           {"easy-positive", Mining::easy_positive}});
}

Choice as_choice(const py::object& name) {
  return as_named<Choice>("choice", name, {{"hardest", Choice::hardest}, {"random", Choice::random}});
}

}  // namespace

TripletRule as_rule(const py::object& kind, const py::object& margin, const py::object& choice, const py::object& seed,
                    const py::object& anchors) {
  return {.kind = as_mining(kind),
          .choice = as_choice(choice),
          .margin = as_number("margin", "a number", margin),
          .seed = static_cast<std::uint64_t>(as_integer("seed", seed)),
          .anchors = as_integer("anchors", anchors)};
}

Hinge as_hinge(const py::object& name) {
  return as_named<Hinge>("hinge", name, {{"margin", Hinge::margin}, {"soft", Hinge::soft}});
}

bool as_mean(const py::object& name) { return as_named<bool>("reduction", name, {{"mean", true}, {"sum", false}}); }
