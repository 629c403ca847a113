// SPDX-License-Identifier: MIT
/// Tables of tokens on several axes.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "posenc/frequency.hpp"
#include "posenc/positions.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::AngleMode;
using posenc::AxisMap;
using posenc::CosSinStorage;

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

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

TEST_CASE("each pair rotates by the position of its axis", "[frequency][axes][table]") {
  const auto frequencies = posenc::geometric_frequencies(200, 1e6);  // more pairs than one chunk holds
  const AxisMap axes = posenc::interleaved_axes({40, 30, 30});
  const Ids ids = some_ids(30);
  const auto table = posenc::make_table<double>(frequencies, axes, ids);
  CHECK(worst_share(table, frequencies.inv_freq(), axes, ids) <= 1);
  const Eigen::MatrixXd reals = ids.cast<double>().array() / 7;  // column-major
  CHECK(worst_share(posenc::make_table<double>(frequencies, axes, reals), frequencies.inv_freq(), axes, reals) <= 1);
}

TEMPLATE_TEST_CASE("text in a multi-axis model is plain RoPE, bit for bit", "[frequency][axes][table]", float, double,
                   Eigen::half) {
  const auto frequencies = posenc::geometric_frequencies(128, 5e6).with_magnitude(1.25);
  const AxisMap axes = posenc::interleaved_axes({24, 20, 20});
  Ids ids(40, 3);
  for (Eigen::Index i = 0; i < 40; ++i) ids.row(i).setConstant(131072 - 7 * i);
  for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
    for (const AngleMode angles : {AngleMode::exact, AngleMode::float32}) {
      const auto text = posenc::make_table<TestType>(frequencies, ids.col(0), {storage, angles});
      const auto multi = posenc::make_table<TestType>(frequencies, axes, ids, {storage, angles});
      CHECK((text.cos() == multi.cos()).all());
      CHECK((text.sin() == multi.sin()).all());
      CHECK(multi.magnitude() == 1.25);
      if (storage == CosSinStorage::repeated) {
        const auto second = [](const auto& table, Eigen::Index row) {
          return Eigen::Map<const Eigen::Array<TestType, Eigen::Dynamic, 1>>(table.cos_data(row), 128);
        };
        CHECK((second(multi, 39) == second(text, 39)).all());  // the repeated entries too
      }
    }
  }
}

// Up to four axes are written row by row from the offsets of all of them; more, axis by axis. Axes that own no pair
// take the same table from one way to the other.
TEMPLATE_TEST_CASE("tables of up to four axes are those of more axes, bit for bit", "[frequency][axes][table]", float,
                   double, Eigen::half, Eigen::bfloat16) {
  const auto frequencies = posenc::geometric_frequencies(200, 1e6).with_magnitude(1.25);
  const auto check = [&](const AxisMap& axes, const auto& positions) {
    const AxisMap more(axes.axis_of_pair(), 6);
    posenc::AxisPositionMatrix<typename std::decay_t<decltype(positions)>::Scalar> padded(positions.rows(), 6);
    padded.setOnes();
    padded.leftCols(axes.num_axes()) = positions;
    for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
      const auto few = posenc::make_table<TestType>(frequencies, axes, positions, {storage});
      const auto many = posenc::make_table<TestType>(frequencies, more, padded, {storage});
      CHECK((few.cos() == many.cos()).all());
      CHECK((few.sin() == many.sin()).all());
    }
  };
  const Ids ids = some_ids(40);
  check(posenc::contiguous_axes({40, 30, 30}), ids);
  check(posenc::interleaved_axes({40, 30, 30}), ids);
  check(posenc::contiguous_axes({50, 50}), Ids(ids.leftCols(2)));
  Ids every_offset(40, 3);
  for (Eigen::Index i = 0; i < 40; ++i) every_offset.row(i) << 100 - i, -3 * i, 5 * i;
  check(posenc::contiguous_axes({40, 30, 30}), every_offset);
  Ids four(40, 4);
  four << ids, ids.col(1).reverse();
  check(posenc::contiguous_axes({7, 33, 20, 40}), four);
  check(posenc::interleaved_axes({40, 30, 30}), posenc::AxisPositionMatrix<double>(ids.cast<double>().array() / 7));
}

TEST_CASE("fill_table on several axes rewrites without an allocation", "[frequency][axes][table]") {
  const auto frequencies = posenc::geometric_frequencies(128, 1e6);
  const AxisMap axes = posenc::contiguous_axes({16, 24, 24});
  const Ids ids = some_ids(12);
  const auto expected = posenc::make_table<float>(frequencies, axes, ids);
  posenc::FrequencyTable<float> table(12, 64);
  if (posenc_tests::skip_without_allocation_count("fill_table on several axes")) return;
  CHECK(posenc_tests::count_allocations([&] { posenc::fill_table(table, frequencies, axes, ids); }) == 0);
  CHECK((table.cos() == expected.cos()).all());
  float read = 0;
  CHECK(posenc_tests::count_allocations([&] {
          const auto made = posenc::make_table<float>(frequencies, axes, ids);
          read = made.cos()(11, 0);
        }) == 1);
  CHECK(read == expected.cos()(11, 0));
}

TEST_CASE("fill_table on several axes keeps the angles of the table", "[frequency][axes][table][float32]") {
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

TEST_CASE("what mrope_positions() returns is positions on axes", "[frequency][axes][table]") {
  const auto frequencies = posenc::geometric_frequencies(128, 1e6);
  const AxisMap axes = posenc::contiguous_axes({16, 24, 24});
  const auto prompt = posenc::mrope_positions({posenc::MropeSegment::text(3), posenc::MropeSegment::image(2, 3)});
  const auto expected = posenc::make_table<float>(frequencies, axes, prompt.ids);
  const auto table = posenc::make_table<float>(frequencies, axes, prompt);
  CHECK((table.cos() == expected.cos()).all());
  posenc::FrequencyTable<float> filled(9, 64);
  posenc::fill_table(filled, frequencies, axes, prompt);
  CHECK((filled.sin() == expected.sin()).all());
}

TEST_CASE("angles that are not finite are refused on every axis, and the table stays", "[frequency][axes][table]") {
  const auto frequencies = posenc::Frequencies(Eigen::Array2d(1e10, 1));
  const AxisMap axes = posenc::contiguous_axes({1, 1});
  auto table = posenc::make_table<double>(frequencies, axes, Eigen::Array<double, 2, 2>::Ones());
  const Eigen::ArrayXXd before = table.cos();
  Eigen::Array<double, 2, 2> positions = Eigen::Array<double, 2, 2>::Ones();
  positions(1, 0) = 1e300;
  CHECK_THROWS_AS(posenc::make_table<double>(frequencies, axes, positions), std::out_of_range);
  CHECK_THROWS_AS(posenc::fill_table(table, frequencies, axes, positions), std::out_of_range);
  CHECK((table.cos() == before).all());
}
