#include <cmath>

#include "divide_up.hpp"
#include "leiden.hpp"
#include "methods.hpp"

namespace faceprint {

namespace {

constexpr double teleported = 0.15;
constexpr double close = 1e-7;  // how little visit rates change in all when they count as found
constexpr int most_steps = 200;
constexpr std::ptrdiff_t nodes_per_chunk = 4096;

double plogp(double p) { return p > 0 ? p * std::log(p) : 0; }

// How often a random surfer visits each node: a fixed point of following links by weight, and being teleported.
std::vector<double> visit_rates(const Network& network, std::span<const double> leaving, int threads,
                                Progress& progress) {
  const std::ptrdiff_t nodes = network.nodes(), chunks = divide_up(nodes, nodes_per_chunk);
  std::vector<double> landing(at(nodes)), rates, shares(at(nodes)), next(at(nodes)), changes(at(chunks));
  double total = 0;
  for (const Link& link : network.links) total += link.out + link.in;
  for (std::ptrdiff_t node = 0; node < nodes; ++node) {
    for (const Link& link : network.of(node)) landing[at(node)] += (link.out + link.in) / total;
  }
  rates = landing;
  threads = worthwhile_threads(threads, static_cast<double>(network.links.size()));
  for (int step = 0; step < most_steps; ++step) {
    double jumping = teleported;
    for (std::ptrdiff_t node = 0; node < nodes; ++node) {
      const double rate = (1 - teleported) * rates[at(node)];
      shares[at(node)] = leaving[at(node)] > 0 ? rate / leaving[at(node)] : 0;
      if (leaving[at(node)] == 0) jumping += rate;
    }
    const auto arrive = [&](std::ptrdiff_t chunk) {
      progress.add(0);
      double change = 0;
      for (std::ptrdiff_t node = chunk * nodes_per_chunk; node < std::min((chunk + 1) * nodes_per_chunk, nodes);
           ++node) {
        double arriving = 0;
        for (const Link& link : network.of(node)) arriving += shares[at(link.node)] * link.in;
        next[at(node)] = arriving + jumping * landing[at(node)];
        change += std::abs(next[at(node)] - rates[at(node)]);
      }
      changes[at(chunk)] = change;
    };
    parallel_for(threads, chunks, arrive, &progress);
    rates.swap(next);
    if (std::accumulate(changes.begin(), changes.end(), 0.0) < close) break;
  }
  return rates;
}

// Turns weights into the flow of one step along links, with the flow into each node as its mass.
void set_flows(Network& network, int threads, Progress& progress) {
  std::vector<double> leaving(at(network.nodes()), 0);
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    for (const Link& link : network.of(node)) leaving[at(node)] += link.out;
  }
  const std::vector<double> rates = visit_rates(network, leaving, threads, progress);
  double total = 0;
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    if (leaving[at(node)] > 0) total += rates[at(node)];
  }
  for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
    for (std::int64_t place = network.offsets[at(node)]; place < network.offsets[at(node) + 1]; ++place) {
      Link& link = network.links.data()[place];
      if (link.out > 0) link.out *= rates[at(node)] / leaving[at(node)] / total;
      if (link.in > 0) link.in *= rates[at(link.node)] / leaving[at(link.node)] / total;
      network.masses[at(node)][0] += link.in;
    }
  }
}

struct NoRule {};

// Minus the length in nats of the description of a walk (Rosvall & Bergstrom 2008, eq. 1), with a code word for every
// module that is entered, and in each module one for every node and for leaving it.
class MapEquation {
 public:
  MapEquation(const Network& network, std::span<const std::int64_t> modules, const NoRule&)
      : network_(network), modules_(modules.size()), totals_(at(network.nodes())) {
    for (std::ptrdiff_t node = 0; node < network.nodes(); ++node) {
      Module& module = modules_[at(modules[at(node)])];
      module.flow += network.masses[at(node)][0];
      for (const Link& link : network.of(node)) {
        totals_[at(node)].out += link.out;
        totals_[at(node)].in += link.in;
        if (modules[at(link.node)] == modules[at(node)]) continue;
        module.leaving += link.out;
        module.entering += link.in;
      }
    }
    for (Module& module : modules_) {
      module.saved = saved(module);
      entering_ += module.entering;
    }
  }

  struct Visit {
    std::int64_t node;
    double saved;     // by leaving, but for the code of modules
    double entering;  // all modules, when it has left and gone nowhere
    double before;    // of the code of modules
  };

  Visit visit(std::int64_t node, std::int64_t from, Near near_from) const {
    const Module& source = modules_[at(from)];
    const Module without = changed(source, node, near_from, -1);
    return {node, without.saved - source.saved, entering_ + (without.entering - source.entering), plogp(entering_)};
  }

  double gain(const Visit& visit, std::int64_t to, Near near_to) const {
    const Module& target = modules_[at(to)];
    const Module with = changed(target, visit.node, near_to, 1);
    const double entering = visit.entering + (with.entering - target.entering);
    return (visit.saved + with.saved - target.saved) - (plogp(entering) - visit.before);
  }

  void move(std::int64_t node, std::int64_t from, Near near_from, std::int64_t to, Near near_to) {
    for (const auto& [module, near, sign] : {Change{from, near_from, -1}, Change{to, near_to, 1}}) {
      entering_ -= modules_[at(module)].entering;
      modules_[at(module)] = changed(modules_[at(module)], node, near, sign);
      entering_ += modules_[at(module)].entering;
    }
  }

 private:
  struct Module {
    double flow = 0, entering = 0, leaving = 0, saved = 0;
  };
  struct Change {
    std::int64_t module;
    Near near;
    int sign;
  };

  // A module with the node (sign 1) or without it (-1); `near` is what lies between them.
  Module changed(const Module& module, std::int64_t node, Near near, int sign) const {
    const Near& total = totals_[at(node)];
    Module now = module;
    now.flow += sign * network_.masses[at(node)][0];
    now.leaving += sign * (total.out - near.out - near.in);
    now.entering += sign * (total.in - near.in - near.out);
    now.saved = saved(now);
    return now;
  }

  static double saved(const Module& module) {
    return plogp(module.entering) + plogp(module.leaving) - plogp(module.leaving + module.flow);
  }

  const Network& network_;
  std::vector<Module> modules_;
  std::vector<Near> totals_;
  double entering_ = 0;
};

}  // namespace

std::vector<std::int64_t> map_equation(Network network, int threads, Progress& progress) {
  set_flows(network, threads, progress);
  return leiden::optimise<MapEquation>(network, NoRule{}, progress);
}

}  // namespace faceprint
