// Every operation of the backend "cuda", against the portable one: the same bits. Sizes are small and odd, so that the
// CPU can stand in for a card.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <ranges>
#include <vector>

#include "../cpp/check.hpp"
#include "../cpp/data.hpp"
#include "cuda/nearest.hpp"
#include "divide_up.hpp"
#include "faceprint/chip.hpp"
#include "faceprint/distance.hpp"
#include "faceprint/graph.hpp"
#include "faceprint/join.hpp"
#include "faceprint/nearest.hpp"
#include "faceprint/pairs.hpp"
#include "faceprint/triplets.hpp"
#include "on_card.hpp"

using namespace faceprint;

namespace {

constexpr Metric metrics[] = {Metric::squared_euclidean, Metric::cosine, Metric::dot};
constexpr Storage storages[] = {Storage::float32, Storage::float16, Storage::int8};

// The answers of compute() by one backend and by the other are the same.
template <class Compute>
void compare(const Compute& compute) {
  use_backend("portable");
  const auto expected = compute();
  use_backend("cuda");
  CHECK(compute() == expected);
}

Gallery gallery_of(const Rows<float>& rows, Storage storage = Storage::float32) {
  Gallery gallery(rows.columns, storage, storage == Storage::int8);
  gallery.append(rows.view());
  return gallery;
}

template <class Values>
auto listed(const Values& values) {
  return std::vector(values.begin(), values.end());
}

// How many queries fit one tile or the other, and rows a whole number of panels and tiles or not.
constexpr std::ptrdiff_t query_counts[] = {1, 17, 40, 130}, row_counts[] = {1, 15, 256, 300};

// How many are worth tensor cores, on an emulated card.
constexpr std::ptrdiff_t many_queries = 33, many_rows = 16500;

void compare_nearest(const Rows<float>& queries, const Gallery& gallery, std::ptrdiff_t k, Metric metric) {
  compare([&] {
    Rows<float> values(queries.rows, k);
    Rows<std::int64_t> indices(queries.rows, k);
    nearest(queries.view(), gallery, values.view(), indices.view(), {.metric = metric, .threads = 1});
    return std::pair(values.data, indices.data);
  });
}

}  // namespace

TEST(distances_are_those_of_the_cpu) {
  for (const std::ptrdiff_t depth : {1, 3, 8, 33}) {
    for (const std::ptrdiff_t queries : query_counts) {
      for (const std::ptrdiff_t rows : {148, 150}) {  // of which the card writes four at once, or may not
        const Rows<float> a = random_fractions(queries, depth, 1), b = random_fractions(rows, depth, 2);
        compare([&] {
          Rows<float> all(queries, rows, 1);
          distances(a.view(), b.view(), all.view(), 1);
          return all.data;
        });
      }
    }
  }
}

// Not on the smallest of cards, which are there for slabs: all bins would not fit.
TEST(counts_of_pairs_are_those_of_the_cpu) {
  if (cuda::free_bytes() < std::ptrdiff_t{64} * distance_bins) return;
  for (const std::ptrdiff_t count : {3, 40, 140}) {
    const Rows<float> rows = random_fractions(count, 5, 1), others = random_fractions(150, 5, 2);
    std::vector<std::int64_t> labels, other_labels;
    for (std::int64_t i = 0; i < count; ++i) labels.push_back(i % 7);
    for (std::int64_t i = 0; i < 150; ++i) other_labels.push_back(i % 11);
    const std::vector<std::int64_t> bins = {0x3e80'0000 >> place_bits, 0x3f00'0000 >> place_bits};
    for (const bool own : {true, false}) {
      RowPairs pairs{.rows = {rows.view(), labels}, .others = {}};
      if (!own) pairs.others = Labelled{others.view(), other_labels};
      compare([&] {
        Rows<std::int64_t> counts(2, distance_bins), places(4, bin_places);
        count_pairs(pairs, bins, counts.view(), places.view(), 1);
        counts.data.insert(counts.data.end(), places.data.begin(), places.data.end());
        return counts.data;
      });
    }
  }
}

// Among whole numbers ties are many.
TEST(the_nearest_are_those_of_the_cpu) {
  for (const Storage storage : storages) {
    for (const Metric metric : metrics) {
      for (const std::ptrdiff_t queries : query_counts) {
        for (const std::ptrdiff_t rows : row_counts) {
          const std::ptrdiff_t depth = 1 + (queries + rows) % 19, k = std::min<std::ptrdiff_t>(rows, 1 + queries % 7);
          Rows<float> all = random_integers(rows, depth, 3);
          for (std::ptrdiff_t row = 0; row < rows; ++row) all.at(row, 0) = 1;  // none is zero
          const Rows<float> some = random_fractions(queries, depth, 4);
          compare_nearest(some, gallery_of(all, storage), k, metric);
        }
      }
    }
  }
}

TEST(the_nearest_of_rows_that_lie_on_the_card_are_those_of_the_cpu) {
  const Rows<float> rows = random_fractions(300, 9, 14), queries = random_fractions(40, 9, 15);
  const Gallery gallery = gallery_of(rows);
  use_backend("portable");
  for (const Metric metric : metrics) {
    Rows<float> values(40, 3);
    Rows<std::int64_t> indices(40, 3);
    nearest(queries.view(), gallery, values.view(), indices.view(), {.metric = metric, .threads = 1});
    const cuda::Stream stream;
    const cuda::PackedRows packed = cuda::pack_from_host(queries.view(), stream);
    const cuda::PackedRows packed_rows = cuda::pack_from_host(rows.view(), stream);
    cuda::check_rows("rows", packed_rows, metric, stream);
    const cuda::DeviceArray<float> found_values(120, stream);
    const cuda::DeviceArray<std::int64_t> found_indices(120, stream);
    cuda::nearest_on_card(packed, packed_rows, metric, {found_values.data(), 40, 3, 3},
                          {found_indices.data(), 40, 3, 3}, stream);
    CHECK(cuda::downloaded(found_values.data(), 120, stream) == values.data);
    CHECK(cuda::downloaded(found_indices.data(), 120, stream) == indices.data);
  }
}

// Tensor cores round numbers to 10 bits behind the point. Here they take the nearest rows for farther than some at the
// beginning of the stripe: by nearly all that the bound of their error allows, or by twice that if they cut bits off.
TEST(the_nearest_are_those_of_the_cpu_where_tensor_cores_mistake_their_order) {
  constexpr std::ptrdiff_t depth = 8;
  for (const Storage storage : {Storage::float32, Storage::float16}) {
    for (const float number : {1 + 0x1p-11f - 0x1p-23f, 1 + 0x1p-10f - 0x1p-23f}) {
      const Rows<float> queries(many_queries, depth, 0, number);
      Rows<float> rows(many_rows, depth, 0, 0.5f);
      for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
        const bool among_first = row % (many_rows / 2 + 64) < 600, nearest = !among_first && row % 1700 == 0;
        for (std::ptrdiff_t d = 0; d < depth; ++d) {
          if (nearest) rows.at(row, d) = number;
          if (among_first) rows.at(row, d) = d < 3 ? 1 + 0x1p-10f : 1;
        }
      }
      compare_nearest(queries, gallery_of(rows, storage), 9, Metric::dot);
    }
  }
}

// Rows of many lengths, eight of each direction, which differ in their last bits, and queries that lie among them.
TEST(the_nearest_of_near_duplicates_are_those_of_the_cpu) {
  constexpr std::ptrdiff_t depth = 8;
  const Rows<float> directions = random_fractions(divide_up(many_rows, 8), depth, 20);
  Rows<float> rows(many_rows, depth), queries(many_queries, depth);
  for (std::ptrdiff_t d = 0; d < depth; ++d) {
    for (std::ptrdiff_t row = 0; row < rows.rows; ++row) {
      const float length = std::ldexp(1 + static_cast<float>(row % 8) * 0x1p-22f, static_cast<int>(row / 8 % 16) - 8);
      rows.at(row, d) = directions.at(row / 8, d) * length;
    }
    for (std::ptrdiff_t query = 0; query < queries.rows; ++query) {
      queries.at(query, d) = rows.at(query * 499, d) * (1 + 0x1p-21f);
    }
  }
  for (const Metric metric : metrics) compare_nearest(queries, gallery_of(rows), 9, metric);
  compare_nearest(queries, gallery_of(rows, Storage::float16), 9, Metric::squared_euclidean);
}

// Among which are ties; enough for two cards, of which an emulated second one has no such tensor cores.
TEST(the_nearest_of_many_rows_are_those_of_the_cpu) {
  compare_nearest(random_fractions(many_queries, 2, 17), gallery_of(random_integers(2 * many_rows, 2, 16)), 3,
                  Metric::squared_euclidean);
}

// So many that lists are sorted by a warp, by a block in shared memory, and by a block beside it.
TEST(long_lists_are_those_of_the_cpu) {
  const Gallery gallery = gallery_of(random_integers(2600, 3, 5)), large = gallery_of(random_integers(34'000, 3, 5));
  for (const std::ptrdiff_t k : {60, 300, 1100}) {
    compare_nearest(random_integers(3, 3, 6), gallery, k, Metric::squared_euclidean);
  }
  compare_nearest(random_integers(many_queries, 3, 6), large, 200, Metric::squared_euclidean);
}

TEST(all_within_a_limit_are_those_of_the_cpu) {
  for (const Storage storage : storages) {
    for (const std::ptrdiff_t queries : {3, 40}) {
      const Rows<float> rows = random_units(300, 9, 7), some = random_units(queries, 9, 8);
      const Gallery gallery = gallery_of(rows, storage);
      for (const float limit : {0.0f, 0.7f, 5.0f}) {
        compare([&] {
          const Neighbourhoods found = within(some.view(), gallery, limit, {.threads = 1});
          return std::tuple(listed(found.offsets), listed(found.values), listed(found.indices));
        });
      }
    }
  }
}

TEST(neighbours_are_those_of_the_cpu) {
  for (const std::ptrdiff_t rows : {2, 40, 290}) {
    const Gallery gallery = gallery_of(random_integers(rows, 4, 9));
    compare([&] {
      const std::ptrdiff_t k = std::min<std::ptrdiff_t>(rows - 1, 9);
      Rows<float> values(rows, k);
      Rows<std::int64_t> indices(rows, k);
      neighbours(gallery, values.view(), indices.view(), {.threads = 1});
      return std::pair(values.data, indices.data);
    });
  }
}

TEST(joins_are_those_of_the_cpu) {
  const Rows<float> rows = random_integers(120, 4, 19);
  Gallery one(4), other(4);
  one.append(rows.head(50).view());
  other.append(Matrix<const float>(rows.view()).slice(50, 70));
  std::vector<std::int64_t> numbers(50), other_numbers(70);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::iota(other_numbers.begin(), other_numbers.end(), 50);
  for (const std::ptrdiff_t k : {3, 60}) {  // more than there are on one side
    compare([&] {
      Rows<float> values(50, k, 0, 30), other_values(70, k, 0, 30);  // a limit that some rows are beyond
      Rows<std::int64_t> indices(50, k, 0, 1000), other_indices(70, k, 0, 1000);
      join({one, numbers, values.view(), indices.view()},
           {other, other_numbers, other_values.view(), other_indices.view()}, {.threads = 1});
      return std::tuple(values.data, indices.data, other_values.data, other_indices.data);
    });
  }
}

TEST(chips_are_those_of_the_cpu) {
  std::mt19937 random(10);
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random()) * 0x1p-32;
  };
  const auto below = [&](unsigned end) { return static_cast<std::ptrdiff_t>(random() % end); };
  for (int round = 0; round < 24; ++round) {
    const std::ptrdiff_t height = 1 + below(60), width = 1 + below(60), stride = 3 * width + round % 5;
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * stride));
    for (std::uint8_t& value : pixels) value = static_cast<std::uint8_t>(random());
    const Image image = {pixels.data(), height, width, stride};
    const Image upside_down = {pixels.data() + (height - 1) * stride, height, width, -stride};
    ChipFormat format = {1 + below(9), 1 + below(40)};
    format.layout = round % 2 ? Layout::nchw : Layout::nhwc;
    format.channels = round % 3 ? Channels::rgb : Channels::bgr;
    format.mean = {1.5f, 127.5f, 3};
    format.scale = {0.5f, 1 / 128.0f, 2};
    format.whitening = round % 4 == 1;
    format.twin = round % 5 == 2;
    std::vector<Crop> crops;
    for (const double most : {1.0, 3.0, 60.0}) {
      const double scale = between(0.3, most), angle = between(-3, 3);
      const double along = scale * std::cos(angle), across = scale * std::sin(angle);
      crops.push_back(
          {crops.empty() ? upside_down : image, {along, -across, between(-9, 40), across, along, between(-9, 40)}});
    }
    compare([&] {
      Rows<float> out(3, values_per_chip(format), 2);
      chips(crops, format, out.view(), 1);
      return out.data;
    });
    compare([&] {
      Rows<std::uint16_t> out(3, values_per_chip(format));
      chips(crops, format, out.view(), 1);
      return out.data;
    });
  }
}

// Whole numbers, among which ties are many, or not. The last batch has several rows for each thread of a block, which
// compilers' own loops are for, but one anchor.
TEST(triplets_and_their_losses_are_those_of_the_cpu) {
  for (const auto& [rows, whole, anchors] : {std::tuple{0, true, 0},
                                             {1, true, 0},
                                             {30, true, 0},
                                             {30, false, 0},
                                             {90, true, 0},
                                             {90, false, 0},
                                             {1100, true, 1}}) {
    const Rows<float> embeddings = whole ? random_integers(rows, 2, 11) : random_fractions(rows, 13, 12);
    std::vector<std::int64_t> labels;
    for (std::ptrdiff_t row = 0; row < rows; ++row) labels.push_back(row * row % 7);
    for (const Mining kind : {Mining::semihard, Mining::hardest, Mining::random_in_margin, Mining::batch_hard,
                              Mining::batch_all, Mining::easy_positive}) {
      for (const Choice choice : {Choice::hardest, Choice::random}) {
        const TripletRule rule = {.kind = kind, .choice = choice, .margin = 0.4, .seed = 3, .anchors = anchors};
        compare([&] {
          const Triplets found = mine_triplets(embeddings.view(), labels, rule, 1);
          return std::tuple(listed(found.anchors), listed(found.positives), listed(found.negatives));
        });
        compare([&] {
          Rows<float> gradient(rows, embeddings.columns, 1);
          const TripletLoss loss =
              triplet_loss(embeddings.view(), labels, rule, Hinge::margin, true, gradient.view(), 1);
          return std::tuple(loss.value, loss.triplets, gradient.data);
        });
      }
    }
  }
}

// To the bit here, where both have the exponential function of one library; within a few units in the last place on a
// card, which has its own.
TEST(edges_between_neighbours_are_those_of_the_cpu) {
  for (const auto& [rows, length] : {std::pair{2, 1}, {30, 7}, {30, 29}, {90, 40}}) {
    const Gallery gallery = gallery_of(random_units(rows, 3, 13));
    Rows<float> values(rows, length);
    Rows<std::int64_t> indices(rows, length);
    neighbours(gallery, values.view(), indices.view());
    for (const double least : {0.0, 0.4}) {
      const auto edges = [&](const char* backend) {
        use_backend(backend);
        return neighbour_graph(values.view(), indices.view(), {0.6, 0.1, least, false}, 1);
      };
      const Graph expected = edges("portable"), found = edges("cuda");
      CHECK(std::ranges::equal(found.offsets, expected.offsets));
      CHECK(std::ranges::equal(found.targets, expected.targets));
      for (std::ptrdiff_t i = 0; i < found.weights.size(); ++i) {
        const float weight = expected.weights.data()[i];
        CHECK(std::fabs(found.weights.data()[i] - weight) <= 1e-6f * weight);
      }
    }
  }
}
