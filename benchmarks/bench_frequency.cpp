// SPDX-License-Identifier: MIT
// Table generation: 64 pairs, as for heads of 128 channels.

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "posenc/frequency.hpp"
#include "posenc/positions.hpp"

#include "support/measure.hpp"

namespace {

using Eigen::Index;
using posenc_benchmarks::Asked;
using posenc_benchmarks::measure;

constexpr Index kPairs = 64;
const posenc::Frequencies kFrequencies = posenc::geometric_frequencies(2 * kPairs, 10000);

template <typename Scalar>
using RowArray = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// What everybody writes first: one std::cos and one std::sin in double for each value.
template <typename Scalar, typename Position>
void naive_table(RowArray<Scalar>& cos, RowArray<Scalar>& sin, const std::vector<Position>& positions) {
  const double* const inv_freq = kFrequencies.inv_freq().data();
  for (Index row = 0; row < cos.rows(); ++row) {
    for (Index i = 0; i < kPairs; ++i) {
      const double angle = static_cast<double>(positions[static_cast<std::size_t>(row)]) * inv_freq[i];
      cos(row, i) = static_cast<Scalar>(std::cos(angle));
      sin(row, i) = static_cast<Scalar>(std::sin(angle));
    }
  }
}

/// Fills `table` by `fill`; the ceiling writes one value all over the very same memory.
template <typename Scalar, typename Position, typename Fill>
void measure_table(const std::string& name, posenc::FrequencyTable<Scalar>& table,
                   const std::vector<Position>& positions, Fill fill, Asked asked = {}) {
  const Index rows = static_cast<Index>(positions.size());
  Eigen::Map<RowArray<Scalar>> plain(const_cast<Scalar*>(table.cos_data(0)), rows, table.row_stride());
  RowArray<Scalar> cos(rows, kPairs);
  RowArray<Scalar> sin(rows, kPairs);
  volatile float value = 0.5f;
  measure(
      "table/" + name + "/" + std::to_string(rows) + "_rows", static_cast<double>(plain.size()) * sizeof(Scalar), fill,
      [&] { plain.setConstant(static_cast<Scalar>(value)); }, [&] { naive_table(cos, sin, positions); }, asked);
}

std::vector<std::int64_t> run_of_positions(Index rows) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
  return positions;
}

/// Into a table that exists, so that no allocation is timed.
template <typename Scalar>
void measure_fill(const std::string& name, Index rows, posenc::CosSinStorage storage = posenc::CosSinStorage::cos_sin,
                  posenc::AngleMode angles = posenc::AngleMode::exact, Asked asked = {}) {
  posenc::FrequencyTable<Scalar> table(rows, kPairs, {storage, angles});
  measure_table<Scalar>(
      name, table, run_of_positions(rows),
      [&] { posenc::fill_table(table, kFrequencies, posenc::PositionRange(0, rows)); }, asked);
}

TEST_CASE("fill_table, consecutive positions") {
  using posenc::AngleMode;
  using posenc::CosSinStorage;
  measure_fill<float>("float", 1024, CosSinStorage::cos_sin, AngleMode::exact, {0, 15});
  measure_fill<float>("float", 16384, CosSinStorage::cos_sin, AngleMode::exact, {0.5, 15});
  measure_fill<float>("float", 131072, CosSinStorage::cos_sin, AngleMode::exact, {0.65, 15});
  for (const Index rows : {Index(1024), Index(16384)}) {
    measure_fill<float>("float_paired", rows, CosSinStorage::paired);
    measure_fill<float>("float_repeated", rows, CosSinStorage::repeated);
    measure_fill<double>("double", rows);
    measure_fill<Eigen::half>("half", rows);
    measure_fill<Eigen::bfloat16>("bfloat16", rows);
    measure_fill<float>("float32_mode", rows, CosSinStorage::cos_sin, AngleMode::float32);
  }
}

TEST_CASE("make_table, consecutive positions") {
  for (const Index rows : {Index(1024), Index(16384), Index(131072)}) {
    posenc::FrequencyTable<float> filled(rows, kPairs);
    measure_table<float>("float_make_table", filled, run_of_positions(rows), [=] {
      const auto table = posenc::make_table<float>(kFrequencies, posenc::PositionRange(0, rows));
      Catch::Benchmark::keep_memory(table.cos_data(0));
    });
  }
}

TEST_CASE("fill_table, lists of positions") {
  constexpr Index rows = 1024;
  std::mt19937 random(1);
  std::uniform_int_distribution<std::int64_t> any_id(0, 131071);
  Eigen::Array<std::int64_t, Eigen::Dynamic, 1> ids(rows);
  Eigen::ArrayXd reals(rows);
  for (Index i = 0; i < rows; ++i) {
    ids[i] = any_id(random);
    reals[i] = static_cast<double>(ids[i]) + 0.3;
  }
  const std::vector<std::int64_t> id_list(ids.data(), ids.data() + rows);
  const std::vector<double> real_list(reals.data(), reals.data() + rows);
  posenc::FrequencyTable<float> table(rows, kPairs);
  measure_table<float>("float_random_ids", table, id_list, [&] { posenc::fill_table(table, kFrequencies, ids); });
  measure_table<float>("float_real_positions", table, real_list,
                       [&] { posenc::fill_table(table, kFrequencies, reals); });

  posenc::FrequencyTable<float> row(1, kPairs);
  std::size_t next = 0;
  std::vector<std::int64_t> here(1);
  const auto advance = [&] { next = (next + 1) % id_list.size(); };
  RowArray<float> plain(1, 2 * kPairs);
  RowArray<float> cos(1, kPairs);
  RowArray<float> sin(1, kPairs);
  volatile float value = 0.5f;
  measure(
      "table/float_any_position/1_row", 2.0 * kPairs * sizeof(float),
      [&] {
        posenc::fill_table(row, kFrequencies, posenc::PositionRange(id_list[next], 1));
        advance();
      },
      [&] { plain.setConstant(static_cast<float>(value)); },
      [&] {
        here[0] = id_list[next];
        naive_table(cos, sin, here);
        advance();
      },
      {0, 8});
}

/// A decode step of 64 sequences with frequencies of their own, anew for each token.
TEST_CASE("a table for each sequence") {
  constexpr Index sequences = 64;
  std::vector<posenc::Frequencies> frequencies;
  std::vector<std::int64_t> lengths;
  for (Index b = 0; b < sequences; ++b) {
    lengths.push_back(1000 + 311 * b);
    frequencies.push_back(posenc::scale_dynamic_ntk(kFrequencies, {2.0, lengths.back()}, 4096));
  }
  posenc::FrequencyTable<float> table(sequences, kPairs);
  measure_table<float>("float_sequences", table, lengths,
                       [&] { posenc::fill_table(table, frequencies, posenc::each_sequence(1, lengths)); });
}

/// The rows of tokens on several axes; the ceiling is the table of as many rows on one axis.
template <typename Positions>
void measure_axes(const std::string& name, const posenc::AxialFrequencies& given, const Positions& ids) {
  const Index rows = ids.rows();
  const Index pairs = given.frequencies.num_pairs();
  posenc::FrequencyTable<float> table(rows, pairs);
  posenc::FrequencyTable<float> on_one(rows, pairs);
  RowArray<float> cos(rows, pairs);
  RowArray<float> sin(rows, pairs);
  const auto& inv_freq = given.frequencies.inv_freq();
  measure(
      "table/float_axes_" + name + "/" + std::to_string(rows) + "_rows",
      static_cast<double>(rows * table.row_stride()) * sizeof(float),
      [&] { posenc::fill_table(table, given.frequencies, given.axes, ids); },
      [&] { posenc::fill_table(on_one, given.frequencies, posenc::PositionRange(ids(0, 0), rows)); },
      [&] {
        for (Index row = 0; row < rows; ++row) {
          for (Index i = 0; i < pairs; ++i) {
            const double angle = static_cast<double>(ids(row, given.axes.axis_of_pair()[i])) * inv_freq[i];
            cos(row, i) = static_cast<float>(std::cos(angle));
            sin(row, i) = static_cast<float>(std::sin(angle));
          }
        }
      },
      {0.5, 0});
}

TEST_CASE("fill_table, several axes") {
  // A prompt of text and pictures on the axes of Qwen2.5-VL and of Qwen3-VL, its text alone, a token, and a picture.
  const auto ids = posenc::mrope_positions({posenc::MropeSegment::text(256), posenc::MropeSegment::image(32, 32),
                                            posenc::MropeSegment::text(256)})
                       .ids;
  const posenc::AxialFrequencies contiguous{kFrequencies, posenc::contiguous_axes({16, 24, 24})};
  const posenc::AxialFrequencies interleaved{kFrequencies, posenc::interleaved_axes({24, 20, 20})};
  measure_axes("contiguous", contiguous, ids);
  measure_axes("interleaved", interleaved, ids);
  measure_axes("text", interleaved, ids.topRows(256));
  measure_axes("text", interleaved, ids.row(100));
  measure_axes("distinct", interleaved, ids.row(700));
  measure_axes("axial", posenc::axial_frequencies({16, 16}, 100), posenc::grid_positions({32, 32}));
}

/// Reads or writes a whole cache of `storage`; the ceiling writes one value all over it, naive copies column by column.
template <typename Action>
void measure_cache(const std::string& name, RowArray<float>& cache, Action action) {
  volatile float value = 0.5f;
  RowArray<float> other = cache;
  measure(
      "table/" + name + "/" + std::to_string(cache.rows()) + "_rows", static_cast<double>(cache.size()) * sizeof(float),
      action, [&] { cache.setConstant(static_cast<float>(value)); },
      [&] {
        for (Index column = 0; column < cache.cols(); ++column) other.col(column) = cache.col(column);
      });
}

TEST_CASE("write_cache") {
  const auto table = posenc::make_table<float>(kFrequencies, posenc::PositionRange(0, 1024));
  RowArray<float> cache(1024, 2 * kPairs);
  measure_cache("write_cache", cache, [&] { posenc::write_cache(cache, table, posenc::CosSinStorage::cos_sin); });
}

TEST_CASE("wrap_cache") {
  // Storages that hold each number twice are compared at once; the others are not read.
  const auto table = posenc::make_table<float>(kFrequencies, posenc::PositionRange(0, 1024));
  for (const auto storage : {posenc::CosSinStorage::tiled, posenc::CosSinStorage::repeated}) {
    RowArray<float> cache(1024, 4 * kPairs);
    const char* const name = storage == posenc::CosSinStorage::tiled ? "wrap_cache_tiled" : "wrap_cache_repeated";
    measure_cache(name, cache, [&, storage] {
      cache.setConstant(0.5f);
      const auto view = posenc::wrap_cache(cache.data(), 1024, 2 * kPairs, storage, 1);
      Catch::Benchmark::keep_memory(view.cos_data(0));
    });
  }
}

/// Makes the ids of `tokens` tokens; the ceiling writes one value all over as many, naive one by one.
template <typename Make>
void measure_positions(const std::string& name, Index tokens, Index axes, Make make) {
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> ids(tokens, axes);
  volatile std::int64_t value = 7;
  measure(
      "positions/" + name + "/" + std::to_string(tokens) + "_tokens",
      static_cast<double>(ids.size()) * sizeof(std::int64_t),
      [&] {
        const auto made = make();
        Catch::Benchmark::keep_memory(made.data());
      },
      [&] { ids.setConstant(static_cast<std::int64_t>(value)); },
      [&] {
        for (Index i = 0; i < tokens; ++i) ids.row(i).setConstant(value + i);
      });
}

TEST_CASE("positions") {
  measure_positions("grid", 1024, 2, [] { return posenc::grid_positions({32, 32}); });
  measure_positions("flux", 1280, 3, [] { return posenc::presets::flux_positions(256, posenc::GridShape(32, 32)); });
  measure_positions("patch_centers", 1024, 2, [] { return posenc::patch_centers({32, 32}); });
  const Eigen::MatrixXi mask = Eigen::MatrixXi::Ones(8, 512);
  measure_positions("padded", 4096, 1, [&] { return posenc::padded_positions(mask); });
  measure_positions("packed", 4096, 1, [] { return posenc::packed_positions(std::vector<int>{0, 1000, 1500, 4096}); });
  measure_positions("shard", 4096, 1, [] { return posenc::shard_positions(16384, 4, 1, posenc::ShardOrder::zigzag); });
  measure_positions("self_extend", 4096, 2,
                    [] { return posenc::self_extend_positions(posenc::PositionRange(0, 4096), 8, 1024); });
  measure_positions("random", 4096, 1, [] { return posenc::random_positions(4096, 131072, posenc::Seed(1)); });
  measure_positions("skip", 4096, 1, [] {
    return posenc::skip_positions(std::vector<int>{2048, 2048}, 131072, posenc::Seed(1));
  });
  measure_positions("streaming", 4096, 1,
                    [] { return posenc::streaming_positions(20000, posenc::SinkCache(4, 4092)); });
  measure_positions("mrope", 1536, 3, [] {
    return posenc::mrope_positions(
               {posenc::MropeSegment::text(256), posenc::MropeSegment::image(32, 32), posenc::MropeSegment::text(256)})
        .ids;
  });
}

TEST_CASE("shown by Catch2") {
  posenc::FrequencyTable<float> table(1024, kPairs);
  BENCHMARK("fill_table, 64 pairs, 1024 rows") {
    posenc::fill_table(table, kFrequencies, posenc::PositionRange(0, 1024));
  };
}

}  // namespace
