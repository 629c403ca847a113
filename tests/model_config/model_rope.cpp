// SPDX-License-Identifier: MIT
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "posenc/model_config.hpp"
#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/json.hpp"
#include "support/printed.hpp"

using posenc_tests::Json;

TEST_CASE("a model's plan drives the rotations", "[model_config][model_rope]") {
  // A layer that rotates and one that does not, as an attention layer would use them.
  const posenc::ModelRope model =
      posenc::read_hugging_face_config(Json::parse(R"({"model_type": "smollm3", "head_dim": 8, "num_hidden_layers": 4,
    "rope_theta": 10000.0})"),
                                       4096);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const RowMajor start = (RowMajor(1, 8) << 1, 2, 3, 4, 5, 6, 7, 8).finished();
  std::vector<posenc::FrequencyTable<double>> tables;
  for (const posenc::RopeSet& set : model.rope_sets) {
    tables.push_back(posenc::make_table<double>(set, posenc::PositionRange(5, 1)));
  }
  const auto rotated = [&](std::size_t layer) {
    RowMajor q = start;
    for (const int set : model.layers[layer].rope_sets) {
      const auto index = static_cast<std::size_t>(set);
      posenc::apply_rope(q, tables[index], model.rope_sets[index].layout);
    }
    return q;
  };
  CHECK(rotated(3) == start);
  // Section 2 of the reference: x = 1 ... 8, p = 5, half-split.
  const std::vector<posenc_tests::Printed> expected = {"5.07828355878", "-1.12138810784", "2.64639659629",
                                                       "3.95995016677", "0.459386652653", "6.22434644855",
                                                       "7.14118933058", "8.01989991688"};
  const RowMajor first = rotated(0);
  for (Eigen::Index i = 0; i < 8; ++i) CHECK(expected[static_cast<std::size_t>(i)].is(first(0, i)));
}

TEST_CASE("a rotation makes its own table", "[model_config][model_rope]") {
  const auto frequencies = posenc::geometric_frequencies(8, 100);
  const posenc::RopeSet plain{"", frequencies, posenc::RopeLayout::half_split(8)};
  posenc::RopeSet image = plain;
  image.axes = posenc::contiguous_axes({2, 2});
  const auto grid = posenc::grid_positions({2, 3});
  const auto expected = posenc::make_table<float>(frequencies, *image.axes, grid);
  CHECK((posenc::make_table<float>(image, grid).sin() == expected.sin()).all());
  CHECK(posenc::make_table<float>(image, grid).id() == expected.id());
  CHECK_THROWS_AS(posenc::make_table<float>(image, grid.col(0)), std::invalid_argument);
  const auto column = posenc::make_table<float>(frequencies, grid.col(1));
  CHECK((posenc::make_table<float>(plain, grid.col(1)).sin() == column.sin()).all());
  // Lists that are not Eigen objects
  const std::vector<int> list = {1, 0, 2};
  CHECK((posenc::make_table<float>(plain, list).sin() ==
         posenc::make_table<float>(frequencies, Eigen::Array3i(1, 0, 2)).sin())
            .all());
  CHECK_THROWS_AS(posenc::make_table<float>(image, list), std::invalid_argument);
  // A range of positions does not say where in a picture a token is.
  CHECK_THROWS_AS(posenc::make_table<float>(image, posenc::PositionRange(0, 3)), std::invalid_argument);
  // Text has the same position on all axes of M-RoPE.
  posenc::RopeSet prompt = plain;
  prompt.axes = posenc::contiguous_axes({2, 1, 1});
  CHECK((posenc::make_table<float>(prompt, posenc::PositionRange(0, 3)).sin() ==
         posenc::make_table<float>(frequencies, posenc::PositionRange(0, 3)).sin())
            .all());
  const auto places = posenc::mrope_positions({posenc::MropeSegment::text(1), posenc::MropeSegment::image(2, 3)});
  CHECK((posenc::make_table<float>(prompt, places).sin() == posenc::make_table<float>(prompt, places.ids).sin()).all());
  CHECK_THROWS_AS(posenc::make_table<float>(plain, places), std::invalid_argument);
}

TEST_CASE("a rotation's table is filled anew for each step", "[model_config][model_rope]") {
  const auto frequencies = posenc::geometric_frequencies(8, 100);
  const posenc::RopeSet text{"", frequencies, posenc::RopeLayout::half_split(8)};
  posenc::RopeSet image = text;
  image.axes = posenc::contiguous_axes({2, 2});
  posenc::RopeSet prompt = text;
  prompt.axes = posenc::contiguous_axes({2, 1, 1});
  const auto same = [](const auto& a, const auto& b) {
    return (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
  };
  auto table = posenc::make_table<float>(text, posenc::PositionRange(0, 1));
  posenc::fill_table(table, text, posenc::starting_at(7));
  CHECK(same(table, posenc::make_table<float>(text, posenc::PositionRange(7, 1))));
  posenc::fill_table(table, prompt, posenc::PositionRange(9, 1));
  CHECK(same(table, posenc::make_table<float>(text, posenc::PositionRange(9, 1))));
  posenc::fill_table(table, text, std::vector<int>{5});
  CHECK(same(table, posenc::make_table<float>(text, posenc::PositionRange(5, 1))));
  const Eigen::Array<int, 1, 2> place(3, 4);
  posenc::fill_table(table, image, place);
  CHECK(same(table, posenc::make_table<float>(image, place)));
  CHECK_THROWS_AS(posenc::fill_table(table, image, posenc::starting_at(5)), std::invalid_argument);
  const auto token = posenc::mrope_positions({posenc::MropeSegment::text(1)}, 5);
  posenc::fill_table(table, prompt, token);
  CHECK(same(table, posenc::make_table<float>(text, posenc::PositionRange(5, 1))));
  CHECK_THROWS_AS(posenc::fill_table(table, image, std::vector<int>{5}), std::invalid_argument);
  CHECK_THROWS_AS(posenc::fill_table(table, text, posenc::PositionRange(0, 2)), std::invalid_argument);
}

TEST_CASE("channels have angles of their own in V-JEPA 2, as transformers computes",
          "[model_config][model_rope][golden]") {
  // golden_by_heads.py ran VJEPA2RopeAttention in double and printed nine digits, of x in [-2, 2] and of results up
  // to 4.
  const posenc_tests::Golden file = posenc_tests::golden("rotations/by_heads.csv");
  const int heads[] = {2, 3, 1}, head_dims[] = {64, 26, 18};
  for (std::size_t n = 0; n < 3; ++n) {
    INFO("head_dim " << head_dims[n]);
    const auto block = [&](const char* which) { return file.block("vjepa2-" + (which + std::to_string(n))).matrix(); };
    const auto config = posenc::ConfigValue::dictionary(
        {{"model_type", "vjepa2"}, {"hidden_size", heads[n] * head_dims[n]}, {"num_attention_heads", heads[n]}});
    const posenc::ModelRope model = posenc::read_hugging_face_config(config, 4096);
    REQUIRE(model.rope_sets.size() == 1);
    const posenc::RopeSet& set = model.rope_sets[0];
    CHECK(set.angles == posenc::RopeAngles::of_channels);
    CHECK(set.frequencies.of_channels());
    CHECK(set.positions == posenc::TokenPositions::time_row_column);
    const auto preset = posenc::presets::vjepa2_frequencies(head_dims[n]);
    CHECK((set.frequencies.inv_freq() == preset.frequencies.inv_freq()).all());
    CHECK((set.axes->axis_of_pair() == preset.axes.axis_of_pair()).all());

    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x = block("x-");
    const int side = n == 0 ? 3 : 2;  // two frames of side x side patches
    const auto positions = posenc::grid_positions({2, side, side});
    CHECK(positions.cast<double>() == block("positions-"));
    const auto table = posenc::make_table<double>(set, positions);
    CHECK_THROWS_AS(posenc::apply_rope(x, table, set.layout), std::invalid_argument);
    CHECK(x == block("x-"));
    posenc::apply_channel_angles(x, table, set.layout);
    CHECK((x - block("y-")).cwiseAbs().maxCoeff() <= 1e-8);
    CHECK_THROWS_AS(posenc::make_table<double>(set, posenc::PositionRange(0, x.rows())), std::invalid_argument);
  }
}
