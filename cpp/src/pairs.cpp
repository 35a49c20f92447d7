#include "faceprint/pairs.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "divide_up.hpp"
#include "faceprint/buffer.hpp"
#include "groups.hpp"
#include "threads.hpp"

namespace faceprint {

namespace {

constexpr std::size_t tile_rows = 512, tile_columns = 2048;  // of the pairs of one identity, at once
constexpr std::ptrdiff_t meetings_per_chunk = 64;

void check_labelled(const char* name, const char* labels_name, const Labelled& rows, std::ptrdiff_t columns) {
  check_width(name, rows.embeddings, columns);
  check_length(labels_name, rows.labels.size(), rows.embeddings.rows);
  check_values(name, rows.embeddings);
}

void check_bins(std::span<const std::int64_t> bins) {
  std::int64_t before = -1;
  for (const std::int64_t bin : bins) {
    if (bin <= before || bin >= distance_bins) {
      throw std::invalid_argument("bins must ascend within [0, " + std::to_string(distance_bins) + "), and " +
                                  std::to_string(bin) + " comes after " + std::to_string(before));
    }
    before = bin;
  }
}

void check_pairs(const RowPairs& pairs) {
  const std::ptrdiff_t columns = pairs.rows.embeddings.columns;
  check_columns("embeddings", columns);
  check_labelled("embeddings", "labels", pairs.rows, columns);
  if (pairs.others) check_labelled("others", "other_labels", *pairs.others, columns);
}

// Rows of one identity, and others of it with which they make pairs; where these are rows too, those that come behind.
struct Meeting {
  std::span<const std::int64_t> rows, others;
};

// All pairs of the same identity, which are few as a rule: an identity's rows are copied together, tile by tile.
class SamePairs {
 public:
  explicit SamePairs(const RowPairs& pairs)
      : rows_(pairs.rows.embeddings),
        others_(pairs.others ? pairs.others->embeddings : rows_.slice(0, 0)),
        groups_(labels_of(pairs)) {
    const std::int64_t first_other = rows_.rows;
    for (std::ptrdiff_t index = 0; index < groups_.count(); ++index) {
      const std::span<const std::int64_t> members = groups_.group(index);
      const auto rows = static_cast<std::size_t>(std::ranges::lower_bound(members, first_other) - members.begin());
      for (std::size_t first = 0; first < rows; first += tile_rows) {
        const Meeting meeting = {.rows = members.subspan(first, std::min(tile_rows, rows - first)),
                                 .others = members.subspan(pairs.others ? rows : first)};
        if (meeting.others.empty()) continue;
        meetings_.push_back(meeting);
        count_ += static_cast<double>(meeting.rows.size()) * static_cast<double>(meeting.others.size());
      }
    }
  }

  double count() const { return count_; }  // at least

  // Calls visit(row, distances) on any thread, with distances of pairs that have this first row.
  template <class Visit>
  void for_each(int threads, Progress& progress, const Visit& visit) const {
    const std::ptrdiff_t chunks = divide_up(std::ssize(meetings_), meetings_per_chunk);
    threads = worthwhile_threads(threads, count_ * static_cast<double>(rows_.columns));
    const auto run = [&](std::ptrdiff_t chunk) {
      const std::ptrdiff_t first = chunk * meetings_per_chunk;
      for (const Meeting& meeting : std::span(meetings_).subspan(
               static_cast<std::size_t>(first),
               static_cast<std::size_t>(std::min(meetings_per_chunk, std::ssize(meetings_) - first)))) {
        meet(meeting, progress, visit);
      }
    };
    parallel_for(threads, chunks, run, &progress);
  }

 private:
  static std::vector<std::int64_t> labels_of(const RowPairs& pairs) {
    std::vector<std::int64_t> labels(pairs.rows.labels.begin(), pairs.rows.labels.end());
    if (pairs.others) labels.insert(labels.end(), pairs.others->labels.begin(), pairs.others->labels.end());
    return labels;
  }

  const float* row(std::int64_t member) const {
    return member < rows_.rows ? rows_.row(member) : others_.row(member - rows_.rows);
  }

  Matrix<const float> gather(std::span<const std::int64_t> members, const Buffer<float>& room) const {
    const std::ptrdiff_t columns = rows_.columns;
    float* out = room.data();
    for (const std::int64_t member : members) out = std::copy_n(row(member), columns, out);
    return {room.data(), std::ssize(members), columns, columns};
  }

  template <class Visit>
  void meet(const Meeting& meeting, Progress& progress, const Visit& visit) const {
    const std::ptrdiff_t columns = rows_.columns;
    const std::size_t width = std::min(tile_columns, meeting.others.size());
    const Buffer<float> row_room(std::ssize(meeting.rows) * columns);
    const Buffer<float> other_room(static_cast<std::ptrdiff_t>(width) * columns);
    const Buffer<float> distance_room(std::ssize(meeting.rows) * static_cast<std::ptrdiff_t>(width));
    const Matrix<const float> rows = gather(meeting.rows, row_room);
    for (std::size_t first = 0; first < meeting.others.size(); first += width) {
      const auto members = meeting.others.subspan(first, std::min(width, meeting.others.size() - first));
      const Matrix<const float> others = gather(members, other_room);
      const Matrix<float> distances = {distance_room.data(), rows.rows, others.rows, others.rows};
      active().distances(rows, others, distances, 1, nullptr);
      for (std::ptrdiff_t i = 0; i < rows.rows; ++i) {
        const std::int64_t member = meeting.rows[static_cast<std::size_t>(i)];
        const auto behind = std::ranges::upper_bound(members, member) - members.begin();
        visit(member, std::span(distances.row(i), static_cast<std::size_t>(others.rows)).subspan(at(behind)));
      }
      progress.add(static_cast<double>(rows.rows * others.rows));
    }
  }

  static std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

  const Matrix<const float> rows_, others_;
  const Groups groups_;
  std::vector<Meeting> meetings_;
  double count_ = 0;
};

// What meets the gallery that is made of the others, or of the rows themselves.
double pairs_met(const RowPairs& pairs) {
  const auto rows = static_cast<double>(pairs.rows.embeddings.rows);
  return pairs.others ? rows * static_cast<double>(pairs.others->embeddings.rows) : rows * rows / 2;
}

Gallery gallery_of(const RowPairs& pairs, int threads) {
  Gallery gallery(pairs.rows.embeddings.columns, Storage::float32, false);
  gallery.append(pairs.others ? pairs.others->embeddings : pairs.rows.embeddings, threads);
  return gallery;
}

void clear(Matrix<std::int64_t> counts) {
  for (std::ptrdiff_t i = 0; i < counts.rows; ++i) std::fill_n(counts.row(i), counts.columns, 0);
}

std::span<std::int64_t> list(Matrix<std::int64_t> counts, std::ptrdiff_t row) {
  return {counts.row(row), static_cast<std::size_t>(counts.columns)};
}

Matrix<std::int64_t> every_other_row(Matrix<std::int64_t> rows, std::ptrdiff_t first) {
  // Where there are none, `data` may be null, to which nothing may be added.
  return {rows.rows == 0 ? rows.data : rows.row(first), rows.rows / 2, rows.columns, 2 * rows.stride};
}

// Takes the pairs of the same identity from among all of them.
void part(std::span<std::int64_t> same, std::span<std::int64_t> all) {
  for (std::size_t i = 0; i < all.size(); ++i) all[i] -= same[i];
}

}  // namespace

void count_pairs(const RowPairs& pairs, std::span<const std::int64_t> bins, Matrix<std::int64_t> counts,
                 Matrix<std::int64_t> places, int threads, Watch* watch) {
  threads = resolve_threads(threads);
  check_pairs(pairs);
  check_bins(bins);
  check_shape("counts", counts, 2, distance_bins);
  check_shape("places", places, 2 * std::ssize(bins), bin_places);
  const SamePairs same_pairs(pairs);
  Progress progress(watch, pairs_met(pairs) + same_pairs.count());
  clear(counts);
  clear(places);
  const std::span<std::int64_t> same = list(counts, 0), different = list(counts, 1);
  const Matrix<std::int64_t> same_places = every_other_row(places, 0), different_places = every_other_row(places, 1);
  const Gallery gallery = gallery_of(pairs, threads);
  active().count_pairs({.rows = pairs.rows.embeddings, .gallery = gallery, .own = !pairs.others}, bins, different,
                       different_places, threads, progress);
  std::mutex mutex;
  same_pairs.for_each(threads, progress, [&](std::int64_t, std::span<const float> distances) {
    const std::scoped_lock lock(mutex);
    for (const float distance : distances) {
      const auto pattern = std::bit_cast<std::uint32_t>(distance);
      const std::int64_t bin = pattern >> place_bits;
      ++same[static_cast<std::size_t>(bin)];
      const auto chosen = std::ranges::lower_bound(bins, bin);
      if (chosen == bins.end() || *chosen != bin) continue;
      ++same_places.row(chosen - bins.begin())[pattern & (bin_places - 1)];
    }
  });
  part(same, different);
  for (std::ptrdiff_t i = 0; i < std::ssize(bins); ++i) part(list(same_places, i), list(different_places, i));
}

void count_same_within(const RowPairs& pairs, float limit, std::span<std::int64_t> accepted, int threads,
                       Watch* watch) {
  threads = resolve_threads(threads);
  check_pairs(pairs);
  check_length("accepted", accepted.size(), pairs.rows.embeddings.rows);
  if (std::isnan(limit)) throw std::invalid_argument("limit must be a number, not NaN");
  const SamePairs same_pairs(pairs);
  Progress progress(watch, same_pairs.count());
  std::ranges::fill(accepted, 0);
  same_pairs.for_each(threads, progress, [&](std::int64_t row, std::span<const float> distances) {
    const auto within = std::ranges::count_if(distances, [&](float distance) { return distance <= limit; });
    accepted[static_cast<std::size_t>(row)] += within;
  });
}

}  // namespace faceprint
