// SPDX-License-Identifier: MIT
/// Several axes: which position drives which pair, spectra of vision towers, positions of grids and prompts.
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <posenc/frequency.hpp>

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/reference.hpp"

namespace {

using posenc::AngleMode;
using posenc::AxisMap;
using posenc::CosSinStorage;
using posenc::MropeSegment;

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

/// "thw..." of a map.
std::string letters(const AxisMap& map) {
  std::string text;
  for (const int axis : map.axis_of_pair()) text += "thw"[axis];
  return text;
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

Eigen::ArrayXi list(const std::vector<int>& values) {
  return Eigen::Map<const Eigen::ArrayXi>(values.data(), static_cast<Eigen::Index>(values.size()));
}

// Double tables: the bound of make_table().
double table_bound(double angle) { return std::ldexp(1.0, -50) + std::abs(angle) * std::ldexp(1.0, -51); }

/// Worst share of the bound over a double table, against cos and sin of the long double product.
template <typename Positions>
double worst_share(const posenc::FrequencyTable<double>& table, const Eigen::ArrayXd& inv_freq, const AxisMap& axes,
                   const Positions& positions) {
  double worst = 0;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < table.num_pairs(); ++j) {
      const long double angle =
          static_cast<long double>(positions(row, axes.axis_of_pair()[j])) * static_cast<long double>(inv_freq[j]);
      const double bound = table_bound(static_cast<double>(angle));
      worst = std::max(worst, std::abs(static_cast<double>(table.cos()(row, j) - std::cos(angle))) / bound);
      worst = std::max(worst, std::abs(static_cast<double>(table.sin()(row, j) - std::sin(angle))) / bound);
    }
  }
  return worst;
}

Ids some_ids(Eigen::Index tokens) {
  Ids ids(tokens, 3);
  for (Eigen::Index i = 0; i < tokens; ++i)
    ids.row(i) << 1000 + i / 12, -3 + i / 4 % 3, (std::int64_t(1) << 33) + i % 4;
  return ids;
}

}  // namespace

TEST_CASE("sections of published models give their plane maps", "[axes]") {
  CHECK(letters(posenc::contiguous_axes({16, 24, 24})) == repeat("t", 16) + repeat("h", 24) + repeat("w", 24));
  CHECK(letters(posenc::interleaved_axes({24, 20, 20})) == repeat("thw", 20) + "tttt");                // Qwen3-VL
  CHECK(letters(posenc::interleaved_axes({11, 11, 10})) == repeat("thw", 10) + "th");                  // Qwen3.5
  CHECK(letters(posenc::height_width_time_axes({22, 22, 20})) == repeat("hw", 22) + repeat("t", 20));  // ERNIE-4.5-VL
  CHECK((posenc::rarest_first_axes({2, 3, 3}).axis_of_pair() == list({0, 1, 2, 1, 2, 1, 2, 0})).all());
  CHECK((posenc::rarest_first_axes({2, 2}).axis_of_pair() == list({0, 1, 0, 1})).all());
  CHECK((posenc::rarest_first_axes({1, 3}).axis_of_pair() == list({0, 1, 1, 1})).all());
  CHECK(posenc::contiguous_axes({4, 4, 4, 4}).num_axes() == 4);  // XD-RoPE
  CHECK(posenc::contiguous_axes({4, 0}).num_axes() == 2);
  for (const std::vector<int>& section : {std::vector<int>{24, 20, 20}, {11, 11, 10}, {8, 8, 8}}) {
    for (const AxisMap& map :
         {posenc::contiguous_axes(section), posenc::interleaved_axes(section), posenc::rarest_first_axes(section)}) {
      for (std::size_t axis = 0; axis < 3; ++axis) CHECK(map.count(static_cast<int>(axis)) == section[axis]);
    }
  }
  CHECK(posenc::contiguous_axes({2, 2}) == AxisMap(list({0, 0, 1, 1}), 2));
  CHECK(posenc::contiguous_axes({2, 2}) != AxisMap(list({0, 0, 1, 1}), 3));
}

TEST_CASE("each pair turns by the position of its axis", "[axes][table]") {
  const auto frequencies = posenc::geometric_frequencies(200, 1e6);  // more pairs than one chunk holds
  const AxisMap axes = posenc::interleaved_axes({40, 30, 30});
  const Ids ids = some_ids(30);
  const auto table = posenc::make_table<double>(frequencies, axes, ids);
  CHECK(worst_share(table, frequencies.inv_freq(), axes, ids) <= 1);
  const Eigen::MatrixXd reals = ids.cast<double>().array() / 7;  // column-major
  CHECK(worst_share(posenc::make_table<double>(frequencies, axes, reals), frequencies.inv_freq(), axes, reals) <= 1);
}

TEMPLATE_TEST_CASE("text in a multi-axis model is plain RoPE, bit for bit", "[axes][table]", float, double,
                   Eigen::half) {
  const auto frequencies = posenc::geometric_frequencies(128, 5e6).with_magnitude(1.25);
  const AxisMap axes = posenc::interleaved_axes({24, 20, 20});
  Ids ids(40, 3);
  for (Eigen::Index i = 0; i < 40; ++i) ids.row(i).setConstant(131072 - 7 * i);
  for (const CosSinStorage layout : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
    for (const AngleMode angles : {AngleMode::exact, AngleMode::float32}) {
      const auto text = posenc::make_table<TestType>(frequencies, ids.col(0), {layout, angles});
      const auto multi = posenc::make_table<TestType>(frequencies, axes, ids, {layout, angles});
      CHECK((text.cos() == multi.cos()).all());
      CHECK((text.sin() == multi.sin()).all());
      CHECK(multi.magnitude() == 1.25);
      if (layout == CosSinStorage::repeated) {
        const auto second = [](const auto& table, Eigen::Index row) {
          return Eigen::Map<const Eigen::Array<TestType, Eigen::Dynamic, 1>>(table.cos_data(row), 128);
        };
        CHECK((second(multi, 39) == second(text, 39)).all());  // the doubled entries too
      }
    }
  }
}

TEST_CASE("fill_table on several axes rewrites without an allocation", "[axes][table]") {
  const auto frequencies = posenc::geometric_frequencies(128, 1e6);
  const AxisMap axes = posenc::contiguous_axes({16, 24, 24});
  const Ids ids = some_ids(12);
  const auto expected = posenc::make_table<float>(frequencies, axes, ids);
  posenc::FrequencyTable<float> table(12, 64);
  if (posenc_tests::skip_without_allocation_count("fill_table on several axes")) return;
  CHECK(posenc_tests::count_allocations([&] { posenc::fill_table(table, frequencies, axes, ids); }) == 0);
  CHECK((table.cos() == expected.cos()).all());
  float read = 0;
  CHECK(posenc_tests::count_allocations(
            [&] { read = posenc::make_table<float>(frequencies, axes, ids).cos()(11, 0); }) == 1);
  CHECK(read == expected.cos()(11, 0));
}

TEST_CASE("fill_table on several axes keeps the angles of the table", "[axes][table][float32]") {
  const auto frequencies = posenc::geometric_frequencies(128, 1e6);
  const AxisMap axes = posenc::contiguous_axes({16, 24, 24});
  const Ids ids = some_ids(12) * 1000;
  const posenc::TableOptions options{posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32};
  const auto expected = posenc::make_table<float>(frequencies, axes, ids, options);
  auto table = posenc::make_table<float>(frequencies, axes, some_ids(12), options);
  posenc::fill_table(table, frequencies, axes, ids);
  CHECK((table.sin() == expected.sin()).all());
  CHECK((table.sin() != posenc::make_table<float>(frequencies, axes, ids).sin()).any());
}

TEST_CASE("spectra of vision towers", "[axes][axial]") {
  // Printed in double with 9 digits: d/4 = 16 frequencies of base 100 (DINOv3, head 64), without and with 2 pi.
  constexpr double kPrinted = 1e-8;
  const auto dinov3 = posenc::axial_frequencies({16, 16}, 100);
  CHECK(std::abs(dinov3.frequencies.inv_freq()[1] / 0.749894209 - 1) < kPrinted);
  CHECK(std::abs(dinov3.frequencies.inv_freq()[15] / 0.0133352143 - 1) < kPrinted);
  CHECK((dinov3.frequencies.inv_freq().head(16) == dinov3.frequencies.inv_freq().tail(16)).all());
  CHECK(dinov3.axes == posenc::contiguous_axes({16, 16}));
  const auto turns = posenc::axial_frequencies({16, 16}, 100, 6.283185307179586);
  CHECK(std::abs(turns.frequencies.inv_freq()[17] / (6.283185307179586 * 0.749894209) - 1) < kPrinted);

  // Pixtral: rows take the even, columns the odd entries of one series.
  const auto pixtral = posenc::dealt_axial_frequencies(64, 1e4);
  constexpr double kOneRule = posenc_tests::rule_ulps(1) * 0x1p-52;
  for (int i = 0; i < 16; ++i) {
    for (int axis = 0; axis < 2; ++axis) {
      const long double expected = std::pow(1e4L, -(4.0L * i + 2 * axis) / 64);
      CHECK(std::abs(static_cast<double>(pixtral.frequencies.inv_freq()[16 * axis + i] / expected - 1)) <= kOneRule);
    }
  }
  CHECK(pixtral.axes == posenc::contiguous_axes({16, 16}));

  // timm: pi linspace(1, 112, 16) for max_res 224.
  const auto pixel = posenc::pixel_frequencies(2, 16, 224);
  CHECK(std::abs(pixel.frequencies.inv_freq()[0] - 3.14159265358979) < 1e-14);
  CHECK(std::abs(pixel.frequencies.inv_freq()[15] / (112 * 3.14159265358979) - 1) < 1e-14);
  CHECK(std::abs(pixel.frequencies.inv_freq()[17] / (8.4 * 3.14159265358979) - 1) < 1e-14);
  CHECK(pixel.axes.num_axes() == 2);
  CHECK(posenc::axial_frequencies({0, 2}, 100).frequencies.num_pairs() == 2);
}

TEST_CASE("a prefix token at zeros is not turned", "[axes][axial]") {
  const auto dinov3 = posenc::axial_frequencies({16, 16}, 100, 6.283185307179586);
  Eigen::MatrixXd positions = Eigen::MatrixXd::Zero(1 + 6, 2);
  positions.bottomRows(6) = posenc::patch_centres({2, 3});
  const auto table = posenc::make_table<float>(dinov3.frequencies, dinov3.axes, positions);
  CHECK((table.cos().row(0) == 1).all());
  CHECK((table.sin().row(0) == 0).all());
  CHECK((table.sin().row(1) != 0).any());
}

TEST_CASE("positions of grids", "[axes][positions]") {
  const Ids ids = posenc::grid_positions({2, 1, 3}, 5);
  Ids expected(6, 3);
  expected << 5, 5, 5, 5, 5, 6, 5, 5, 7, 6, 5, 5, 6, 5, 6, 6, 5, 7;
  CHECK(ids == expected);
  CHECK(posenc::grid_positions({3, 0}).rows() == 0);
  CHECK(posenc::grid_positions({3, 0}).cols() == 2);
  constexpr int kMost = 2147483647;
  CHECK(posenc::grid_positions({0, kMost, kMost, kMost}).rows() == 0);  // no token, whatever the product of the rest

  const auto centres = posenc::patch_centres({4, 5});
  CHECK(centres(0, 0) == -0.75);
  CHECK(centres(19, 0) == 0.75);
  CHECK(centres(2, 1) == 0);
  CHECK(std::abs(centres(0, 1) + 0.8) < 1e-15);
  const auto lines = posenc::linspace_positions({1, 5});
  CHECK((lines.col(0).array() == -1).all());
  CHECK(lines.col(1) == (Eigen::VectorXd(5) << -1, -0.5, 0, 0.5, 1).finished());
  CHECK(posenc::stretched_positions({4, 2}, {2, 6}).row(7) == Eigen::RowVector2d(1.5, 3));
}

TEST_CASE("positions of padded and packed text", "[positions]") {
  Eigen::MatrixXi mask(2, 4);
  mask << 0, 0, 1, 1, 1, 1, 1, 0;
  posenc::PositionIds expected(2, 4);
  expected << 1, 1, 0, 1, 0, 1, 2, 1;
  CHECK(posenc::padded_positions(mask) == expected);
  CHECK(posenc::padded_positions(mask, 2) == expected.rightCols(2));
  CHECK(posenc::padded_positions(mask, 0, -1)(0, 0) == -1);

  Eigen::Matrix<int, 1, 5> cu_seqlens(0, 3, 3, 5, 6);
  CHECK(posenc::packed_positions(cu_seqlens) == (Eigen::Matrix<std::int64_t, 6, 1>() << 0, 1, 2, 0, 1, 0).finished());
  CHECK(posenc::packed_positions(Eigen::Matrix<int, 1, 1>(0)).size() == 0);
}

TEST_CASE("dual chunk positions keep every distance within the trained length", "[positions]") {
  // chunk_size 10, local_size 2: chunks of 8.
  const auto first = posenc::dual_chunk_positions(5, 10, 2);
  CHECK(first.key == 5);
  CHECK(first.intra == 5);
  CHECK(first.successive == 10);
  CHECK(first.inter == 10);
  CHECK(first.successive_critical == 13);
  CHECK(first.inter_critical == 15);
  const auto later = posenc::dual_chunk_positions(8 * 1000 + 1, 10, 2);
  CHECK(later.key == 1);
  CHECK(later.successive == 9);
  for (std::int64_t p = 0; p < 200; ++p) {
    const auto at = posenc::dual_chunk_positions(p, 64, 16);
    const std::int64_t chunk = p / 48;
    for (std::int64_t k = 0; k <= p; ++k) {
      const std::int64_t key = posenc::dual_chunk_positions(k, 64, 16).key;
      const std::int64_t query = k / 48 == chunk ? at.intra : k / 48 == chunk - 1 ? at.successive : at.inter;
      if (query - key < 0 || query - key > 64) FAIL("query " << p << " key " << k);
      if (p - k <= 16 && k / 48 == chunk - 1 && query - key != p - k) FAIL("local " << p << " " << k);
    }
  }
}

TEST_CASE("text with a picture and a video in it", "[axes][positions]") {
  // Qwen2-VL: a picture moves on by the larger of its sides; then 2.5 positions for each frame, cut to whole ones.
  const auto prompt = posenc::mrope_positions({MropeSegment::text(3), MropeSegment::image(2, 3), MropeSegment::text(2),
                                               MropeSegment::video(3, 1, 2, 2.5), MropeSegment::text(1)});
  Ids expected(18, 3);
  expected << 0, 0, 0, 1, 1, 1, 2, 2, 2,                         //
      3, 3, 3, 3, 3, 4, 3, 3, 5, 3, 4, 3, 3, 4, 4, 3, 4, 5,      //
      6, 6, 6, 7, 7, 7,                                          //
      8, 8, 8, 8, 8, 9, 10, 8, 8, 10, 8, 9, 13, 8, 8, 13, 8, 9,  //
      14, 14, 14;
  CHECK(prompt.ids == expected);
  CHECK(prompt.next_position == 15);
  CHECK(prompt.rope_delta == 15 - 18);
  // Decoding goes on at cache length + rope_delta; a prompt in two parts equals the whole.
  const auto head = posenc::mrope_positions({MropeSegment::text(3), MropeSegment::image(2, 3)});
  const auto tail = posenc::mrope_positions(
      {MropeSegment::text(2), MropeSegment::video(3, 1, 2, 2.5), MropeSegment::text(1)}, head.next_position);
  CHECK(head.ids == expected.topRows(9));
  CHECK(tail.ids == expected.bottomRows(9));
  CHECK(tail.next_position == 15);
  CHECK(posenc::mrope_positions({}).ids.rows() == 0);
}
