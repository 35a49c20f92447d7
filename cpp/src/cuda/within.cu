#include "cuda/within.cuh"

#include <algorithm>
#include <vector>

#include "cuda/nearest.hpp"
#include "cuda/queries.hpp"

namespace faceprint::cuda {

namespace {

constexpr std::ptrdiff_t most_hits = 1 << 26;  // on the card at once, unless one query has more
constexpr int sort_threads = 256;

// Of some queries, in some rows: the hits of query i are entries[offsets[i]] ... entries[offsets[i + 1] - 1], in order.
struct Found {
  std::vector<std::int64_t> offsets = {0};
  std::vector<Entry> entries;

  std::int64_t before(std::ptrdiff_t query) const { return offsets[static_cast<std::size_t>(query)]; }
};

struct Task {
  Matrix<const float> queries;
  Metric metric;
  float limit;  // below which a key is a hit
  int groups;   // of codes

  Task of(std::ptrdiff_t first, std::ptrdiff_t count) const {
    return {queries.slice(first, count), metric, limit, groups};
  }
};

// Adds to the counts of each query, which are on the card like all of `hits`.
template <class Value>
void scan_slab(const Task& task, const Slab& slab, const Hits& hits, const Stream& stream) {
  const Queries<Value> queries(pack_from_host(task.queries, stream), task.groups, task.metric, stream);
  const RowTerms terms = terms_of(slab, task.metric, stream);
  with_shape(task.queries.rows, [&]<class Shape>(Shape shape) {
    const Stripes stripes(shape, task.queries.rows, slab.rows());
    const dim3 grid(static_cast<unsigned>(divide_up(task.queries.rows, Shape::queries)),
                    static_cast<unsigned>(stripes.count));
    launch(scan_within<Shape, Value>, grid, Shape::threads, 0, stream, queries.with(slab.panels<Value>(), terms),
           range_of(task.metric), task.limit, hits, stripes.tiles, static_cast<std::uint32_t>(slab.first_row()));
  });
}

// Writes the hits of a few queries, as many as are counted already.
template <class Value>
void write_hits(const Task& task, const Slab& slab, const std::int64_t* offsets, Entry* entries, const Stream& stream) {
  const std::ptrdiff_t count = task.queries.rows, size = offsets[count] - offsets[0];
  std::vector<std::int64_t> here(offsets, offsets + count + 1);
  for (std::int64_t& offset : here) offset -= offsets[0];
  const DeviceArray<std::int64_t> begins = uploaded(here.data(), count + 1, stream);
  const DeviceArray<Count> counts(count, stream);
  const DeviceArray<Entry> found(size, stream);
  clear(counts, stream);
  scan_slab<Value>(task, slab, {counts.data(), begins.data(), found.data()}, stream);
  launch(sort_hits<sort_threads>, static_cast<unsigned>(count), sort_threads, 0, stream, begins.data(), found.data());
  download(found.data(), size, entries, stream);
}

template <class Value>
Found search_slab(const Task& task, const Slab& slab, const Stream& stream) {
  const std::ptrdiff_t count = task.queries.rows;
  const DeviceArray<Count> counted(count, stream);
  clear(counted, stream);
  scan_slab<Value>(task, slab, {counted.data(), nullptr, nullptr}, stream);
  std::vector<Count> counts(static_cast<std::size_t>(count));
  download(counted.data(), count, counts.data(), stream);
  Found found;
  for (const Count hits : counts) found.offsets.push_back(found.offsets.back() + static_cast<std::int64_t>(hits));
  found.entries.resize(static_cast<std::size_t>(found.offsets.back()));
  for (std::ptrdiff_t first = 0, last = 0; first < count; first = last) {
    last = first + 1;
    while (last < count && found.before(last + 1) - found.before(first) <= most_hits) ++last;
    if (found.before(last) == found.before(first)) continue;
    write_hits<Value>(task.of(first, last - first), slab, found.offsets.data() + first,
                      found.entries.data() + found.before(first), stream);
  }
  return found;
}

// Takes the hits of all slabs together.
void read_all(const std::vector<Found>& parts, Metric metric, std::ptrdiff_t queries, Neighbourhoods& out) {
  const Values meaning(metric);
  std::vector<Entry> of_query;
  for (std::ptrdiff_t query = 0; query < queries; ++query) {
    of_query.clear();
    for (const Found& part : parts) {
      of_query.insert(of_query.end(), part.entries.begin() + part.before(query),
                      part.entries.begin() + part.before(query + 1));
    }
    if (parts.size() > 1) std::ranges::sort(of_query);
    for (const Entry entry : of_query) {
      out.values.append(meaning.value(key_of(entry)));
      out.indices.append(std::int64_t{row_of(entry)});
    }
    out.offsets.append(out.values.size());
  }
}

}  // namespace

void within(Matrix<const float> queries, const Gallery& gallery, float limit, const Search& search,
            Neighbourhoods& found) {
  if (queries.rows == 0) return;
  const CardGallery cards(gallery);
  Progress progress(search.watch, static_cast<double>(queries.rows) * static_cast<double>(gallery.rows()));
  const Task all = {queries, search.metric, limit_of_keys(Values(search.metric), limit),
                    narrow("columns", gallery.groups())};
  for (std::ptrdiff_t first = 0; first < queries.rows; first += most_queries) {
    const Task task = all.of(first, std::min(most_queries, queries.rows - first));
    std::vector<std::vector<Found>> of_cards(static_cast<std::size_t>(cards.cards()));
    cards.on_each_card(progress, [&](std::ptrdiff_t card, const Stream& stream) {
      cards.for_slabs(card, stream, [&](const Slab& slab) {
        with_values(gallery.storage(), [&]<class Value>(Value) {
          of_cards[static_cast<std::size_t>(card)].push_back(search_slab<Value>(task, slab, stream));
        });
        progress.add(static_cast<double>(task.queries.rows) * slab.rows());
      });
    });
    std::vector<Found> parts;
    for (std::vector<Found>& of_card : of_cards) std::ranges::move(of_card, std::back_inserter(parts));
    read_all(parts, search.metric, task.queries.rows, found);
  }
}

}  // namespace faceprint::cuda
