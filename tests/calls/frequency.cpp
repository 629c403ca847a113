// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: frequencies", "[calls][frequency]") {
  CHECK(differs(CALL(geometric_frequencies), 8, 1e4) == "");
  CHECK(differs(CALL(geometric_frequencies), Eigen::Index(8), 10000) == "");
  CHECK(differs(CALL(spaced_frequencies), 4, 1e4, 3.0) == "");
  const std::vector<int> pairs = {2, 3};
  CHECK(differs(CALL(axial_frequencies), pairs, 100.0, 0.5) == "");
  CHECK(differs(CALL(axial_frequencies), pairs, 100.0, AxialSeries::one_per_axis) == "");
  CHECK(differs(CALL(axial_frequencies), pairs, std::vector<double>{100, 200}, 0.5) == "");
  CHECK(differs(CALL(axial_frequencies), std::vector<int>{2, 2}, 100.0, AxialSeries::in_turn) == "");
  CHECK(differs(CALL(pixel_frequencies), 2, 3, 10.0, PixelBands::linear) == "");
  CHECK(differs(CALL(pixel_frequencies), 2, 3, 10, PixelBands::geometric) == "");
  CHECK(differs(CALL(presets::nanochat_frequencies), 8, 1e4) == "");
  CHECK(differs(CALL(presets::modded_nanogpt_frequencies), 8) == "");
  CHECK(differs(CALL(presets::vjepa2_frequencies), 12) == "");
  CHECK(differs(CALL(presets::ernie_image_frequencies), std::vector<int>{2, 4}, 256.0) == "");
  const std::vector<int> section = {2, 1, 1};
  CHECK(differs(CALL(contiguous_axes), section) == "");
  CHECK(differs(CALL(interleaved_axes), section) == "");
  CHECK(differs(CALL(height_width_time_axes), std::vector<int>{1, 1, 2}) == "");
  CHECK(differs(CALL(rarest_first_axes), section) == "");

  const Frequencies f = geometric_frequencies(8, 1e4);
  CHECK(differs(CALL(scale_linear), f, 2.0) == "");
  CHECK(differs(CALL(scale_linear), f, 2) == "");
  CHECK(differs(CALL(scale_linear), f, std::vector<double>{1, 2, 3, 4}) == "");
  CHECK(differs(CALL(scale_linear), f, Eigen::ArrayXf(Eigen::ArrayXf::LinSpaced(4, 1, 4))) == "");
  CHECK(differs(CALL(scale_proportional), f, 0.5, 2.0) == "");
  CHECK(differs(CALL(scale_periodic), f, 12) == "");
  CHECK(differs(CALL(scale_periodic), f, contiguous_axes({2, 2}), std::vector<double>{12, 8.5}) == "");
  CHECK(differs(CALL(scale_ntk_aware), f, 2.0) == "");
  CHECK(differs(CALL(scale_dynamic_ntk), f, DynamicNtkOptions{2.0, 32}, 64) == "");
  CHECK(differs(CALL(scale_ntk_mixed), f, 2.0, 1.0) == "");
  Llama3Options llama;
  llama.factor = 8;
  llama.original_max_position_embeddings = 8192;
  llama.low_freq_factor = 1;
  llama.high_freq_factor = 4;
  CHECK(differs(CALL(scale_llama3), f, llama) == "");
  YarnOptions yarn;
  yarn.factor = 4;
  yarn.original_max_position_embeddings = 32;
  CHECK(differs(CALL(scale_yarn), f, yarn) == "");
  LongRopeOptions longrope;
  longrope.short_factor = {1, 1, 1, 1};
  longrope.long_factor = {1, 2, 3, 4};
  longrope.original_max_position_embeddings = 32;
  longrope.max_position_embeddings = 64;
  CHECK(differs(CALL(scale_longrope), f, longrope, 64) == "");
}

TEST_CASE("every form of argument: tables of cosines and sines", "[calls][frequency]") {
  const Frequencies f = geometric_frequencies(8, 1e4);
  const AxisMap axes = contiguous_axes({2, 2});
  const Eigen::MatrixXd grid = Eigen::MatrixXd::Random(3, 2);
  const TableOptions options;
  const std::vector<int> list = {5, 0, 9};
  CHECK(differs(CALL(make_table<float>), f, PositionRange(3, 3), options) == "");
  CHECK(differs(CALL(make_table<float>), f, list) == "");
  CHECK(differs(CALL(make_table<double>), f, Eigen::VectorXf(Eigen::VectorXf::Random(3))) == "");
  CHECK(differs(CALL(make_table<float>), f, axes, grid, options) == "");
  const std::vector<Frequencies> sets = {f, scale_linear(f, 2.0)};
  const std::vector<int> starts = {3, 70};
  CHECK(differs(CALL(make_table<float>), sets, each_sequence(2, starting_at(3)), options) == "");
  CHECK(differs(CALL(make_table<float>), sets, each_sequence(2, starts)) == "");
  RopeSet set{"", f, RopeLayout::half_split(8), {}};
  CHECK(differs(CALL(make_table<float>), set, list, options) == "");

  const auto filled = [](auto&&... a) {
    FrequencyTable<float> table(3, 4);
    CALL(fill_table)(table, std::forward<decltype(a)>(a)...);
    return table;
  };
  CHECK(differs(filled, f, starting_at(3)) == "");
  CHECK(differs(filled, f, PositionRange(3, 3)) == "");
  CHECK(differs(filled, f, list) == "");
  CHECK(differs(filled, f, axes, grid) == "");
  CHECK(differs(filled, set, list) == "");
  const auto xpos = [](auto&&... a) {
    const auto tables = CALL(make_xpos_tables<float>)(std::forward<decltype(a)>(a)...);
    return std::make_pair(tables.queries, tables.keys);
  };
  CHECK(differs(xpos, f, PositionRange(0, 3), 1.0, XposOptions(), options) == "");
  CHECK(differs(CALL(initial_mixed_frequencies), 8, 10.0, 0.5) == "");
  CHECK(differs(CALL(make_mixed_table<float>), M(numbers(2, 4)), grid, options) == "");
  CHECK(differs(CALL(make_mixed_table<float>), M(numbers(2, 4)), std::vector<double>{1, 2, 3, 4}, grid, options) == "");
  CHECK(differs(CALL(make_fope_table<float>), f, numbers(4, 3), numbers(4, 3, 0.7), list, 8, options) == "");

  const auto table = make_table<float>(f, PositionRange(3, 3));
  CHECK(differs_written(M::Zero(3, 8), CALL(write_cache), table, CosSinStorage::cos_sin) == "");
  const auto two = [](auto&&... a) {
    M cos = M::Zero(3, 4), sin = cos;
    CALL(write_cache)(cos, sin, std::forward<decltype(a)>(a)...);
    return std::make_pair(cos, sin);
  };
  CHECK(differs(two, table, CosSinStorage::cos_sin) == "");
  const M cache = numbers(3, 8), other = numbers(3, 8, 0.7);
  const float* const cos = cache.data();
  const float* const sin = other.data();
  CHECK(differs(CALL(wrap_cache), cos, 3, 8, CosSinStorage::cos_sin, 1.0) == "");
  CHECK(differs(CALL(wrap_cache), cos, sin, 3, 8, CosSinStorage::cos_sin, 1.0) == "");

  const auto row = [](auto&&... a) { return CALL(from_row)(std::forward<decltype(a)>(a)...).row(); };
  CHECK(differs(row, 3) == "");
  const auto rotated = [&](auto&&... a) {
    M x = numbers(3, 8);
    apply_rope(x, table, RopeLayout::half_split(8), CALL(rows)(std::forward<decltype(a)>(a)...));
    return x;
  };
  CHECK(differs(rotated, std::vector<int>{2, 0, 1}) == "");
  CHECK(differs(rotated, Eigen::VectorXi(Eigen::VectorXi::LinSpaced(3, 0, 2))) == "");
}
