#include "cpu/join.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cpu/collect.hpp"
#include "cpu/pack.hpp"
#include "cpu/shortlist.hpp"
#include "cpu/sizes.hpp"
#include "divide_up.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::ptrdiff_t panel_rows = Gallery::panel_rows;
constexpr float infinity = std::numeric_limits<float>::infinity();

// A gallery whose rows look for others, the keys that are worth an offer, and what they have found.
struct Seekers {
  const Gallery& gallery;
  const Values meaning;
  std::vector<float> limits;  // one a place of a panel
  Shortlists shortlists;

  Seekers(const Gallery& rows, Metric metric, Matrix<float> values, Matrix<std::int64_t> indices)
      : gallery(rows),
        meaning(metric),
        limits(static_cast<std::size_t>(rows.panel_count() * panel_rows), infinity),
        shortlists(values, indices, limits.data(), meaning.highest) {}

  // Only keys up to that of its row count, and less than that no more: of equal ones all must come.
  void expect(const float* highest) {
    for (std::ptrdiff_t row = 0; row < gallery.rows(); ++row) {
      limits[static_cast<std::size_t>(row)] = limit_of_keys(meaning, meaning.value(highest[row]));
    }
  }

  // As many rows as lie within some panels.
  std::ptrdiff_t rows_before(std::ptrdiff_t panel) const { return std::min(panel * panel_rows, gallery.rows()); }

  void finish(int threads, Progress& progress) const {
    const auto finish_panel = [&](std::ptrdiff_t panel) {
      Shortlists::Scratch scratch;
      for (std::ptrdiff_t row = panel * panel_rows; row < rows_before(panel + 1); ++row) {
        shortlists.finish(row, scratch);
      }
    };
    parallel_for(threads, gallery.panel_count(), finish_panel, &progress);
  }
};

struct Panels {
  std::ptrdiff_t first, end;
};

// A gallery cut into stretches of whole panels.
struct Stretches {
  std::ptrdiff_t count, panels, panel_count;

  Stretches(const Gallery& gallery, std::ptrdiff_t pieces)
      : count(pieces), panels(divide_up(gallery.panel_count(), pieces)), panel_count(gallery.panel_count()) {}

  Panels operator[](std::ptrdiff_t index) const {
    return {std::min(index * panels, panel_count), std::min((index + 1) * panels, panel_count)};
  }
};

// Lets stretches of rows meet. Two that meet must not meet anybody else at the same time, for both are written to.
class Meeting {
 public:
  Meeting(const ScanKernels& kernels, const Search& search, Seekers& ones, Seekers& others, Progress& progress,
          std::ptrdiff_t batch_rows)
      : task_{kernels, others.gallery, search.metric, Codes::none},
        join_(others.gallery.storage() == Storage::float32 ? kernels.join_floats : kernels.join_halves),
        ones_(ones),
        others_(others),
        progress_(progress),
        batch_rows_(batch_rows) {}

  // Offers each row of one stretch and each row of the other to one another; each later row, where they are the same.
  void meet(Panels one, Panels other) const {
    const bool own = &ones_ == &others_;
    const std::ptrdiff_t most = panels_at_a_time(task_), depth = ones_.gallery.columns();
    const std::ptrdiff_t last = ones_.rows_before(one.end);
    PackedBatch packed(task_, batch_rows_);
    const Buffer<float> copies(batch_rows_ * depth);
    Blocks blocks(task_, most);
    JoinCollector collector(Values(task_.metric), ones_.shortlists, others_.shortlists);
    for (std::ptrdiff_t first = one.first * panel_rows; first < last; first += batch_rows_) {
      const std::ptrdiff_t count = std::min(batch_rows_, last - first);
      for (std::ptrdiff_t i = 0; i < count; ++i) ones_.gallery.copy_row(first + i, copies.data() + i * depth);
      packed.pack({copies.data(), count, depth, depth});
      packed.set_limits(ones_.limits.data() + first);
      const std::ptrdiff_t begin = own && one.first == other.first ? first / panel_rows : other.first;
      for (std::ptrdiff_t panel = begin; panel < other.end; panel += most) {
        Block block = blocks.make(panel, std::min(most, other.end - panel));
        block.limits = others_.limits.data() + block.first_row;
        collector.begin(first, block);
        join_(packed.batch(), block, collector);
        progress_.add(static_cast<double>(count * block.panels * panel_rows));
      }
    }
  }

 private:
  const Task task_;
  const ScanKernel join_;
  Seekers &ones_, &others_;
  Progress& progress_;
  const std::ptrdiff_t batch_rows_;
};

// An even number of stretches of one gallery. In each round every stretch meets one other, and no stretch is in two
// pairs: the circle method of tournaments. In the first round each stretch meets itself.
struct Tournament {
  std::ptrdiff_t stretches;

  // The pair `match` of 0 ... stretches / 2 - 1 in round 1 ... stretches - 1, the lower stretch first.
  std::pair<std::ptrdiff_t, std::ptrdiff_t> pair(std::ptrdiff_t round, std::ptrdiff_t match) const {
    const std::ptrdiff_t circle = stretches - 1;
    if (match == 0) return std::minmax(circle, round % circle);
    return std::minmax((round + match) % circle, (round - match + circle) % circle);
  }
};

// Whole panels, so that a batch begins where a panel does.
std::ptrdiff_t batch_rows_of(const Gallery& gallery, const Stretches& stretches) {
  const std::ptrdiff_t some = queries_per_batch(gallery.rows(), gallery.columns(), 8 * stretches.count);
  return std::min(divide_up(some, panel_rows), stretches.panels) * panel_rows;
}

}  // namespace

void search_neighbours(const ScanKernels& kernels, const Gallery& gallery, const Search& search, Matrix<float> values,
                       Matrix<std::int64_t> indices) {
  const std::ptrdiff_t rows = gallery.rows();
  const int threads = threads_for(search.threads, rows, rows, gallery.columns());
  const Tournament tournament = {threads == 1 ? 2 : 4 * std::ptrdiff_t{threads}};
  const Stretches stretches(gallery, tournament.stretches);
  Progress progress(search.watch, static_cast<double>(rows) * static_cast<double>(rows) / 2);
  Seekers seekers(gallery, search.metric, values, indices);
  const Meeting meeting(kernels, search, seekers, seekers, progress, batch_rows_of(gallery, stretches));

  const auto meet_itself = [&](std::ptrdiff_t stretch) { meeting.meet(stretches[stretch], stretches[stretch]); };
  parallel_for(threads, stretches.count, meet_itself, &progress);
  for (std::ptrdiff_t round = 1; round < stretches.count; ++round) {
    const auto play = [&](std::ptrdiff_t match) {
      const auto [one, other] = tournament.pair(round, match);
      meeting.meet(stretches[one], stretches[other]);
    };
    parallel_for(threads, stretches.count / 2, play, &progress);
  }
  seekers.finish(threads, progress);
  turn_into_values(search.metric, values);
}

void join_rows(const ScanKernels& kernels, const JoinRows& one, const JoinRows& other, const Search& search) {
  const std::ptrdiff_t rows = one.gallery.rows(), other_rows = other.gallery.rows();
  const int threads = threads_for(search.threads, rows, other_rows, one.gallery.columns());
  const std::ptrdiff_t rounds = threads == 1 ? 1 : 2 * std::ptrdiff_t{threads};
  const Stretches stretches(one.gallery, rounds), other_stretches(other.gallery, rounds);
  Progress progress(search.watch, static_cast<double>(rows) * static_cast<double>(other_rows));
  Seekers seekers(one.gallery, search.metric, one.values, one.indices);
  Seekers others(other.gallery, search.metric, other.values, other.indices);
  seekers.expect(one.limits);
  others.expect(other.limits);
  const Meeting meeting(kernels, search, seekers, others, progress, batch_rows_of(one.gallery, stretches));

  for (std::ptrdiff_t round = 0; round < rounds; ++round) {
    const auto play = [&](std::ptrdiff_t match) {
      meeting.meet(stretches[match], other_stretches[(match + round) % rounds]);
    };
    parallel_for(threads, rounds, play, &progress);
  }
  seekers.finish(threads, progress);
  others.finish(threads, progress);
  turn_into_values(search.metric, one.values);
  turn_into_values(search.metric, other.values);
}

}  // namespace faceprint
