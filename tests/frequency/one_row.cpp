// SPDX-License-Identifier: MIT
/// One row has the bits of many, in every table: what a position gets does not depend on which others are asked for.
#include "support/rotations.hpp"

#include <vector>

using namespace posenc_tests;
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;
using posenc::CosSinStorage;
using posenc::TableOptions;

namespace {

constexpr Index kRows = 37;

/// Cosines and sines of one row, all heads in turn.
template <typename Table>
auto numbers(const Table& table, Index row) {
  using Scalar = std::decay_t<decltype(table.head(0).cos()(0, 0))>;
  Eigen::Matrix<Scalar, 1, Eigen::Dynamic> all(2 * table.num_heads() * table.num_pairs());
  for (Index h = 0; h < table.num_heads(); ++h) {
    for (Index j = 0; j < table.num_pairs(); ++j) {
      all[2 * (h * table.num_pairs() + j)] = table.head(h).cos()(row, j);
      all[2 * (h * table.num_pairs() + j) + 1] = table.head(h).sin()(row, j);
    }
  }
  return all;
}

/// @param make  make(first, count, options) returns the table of tokens first, ..., first + count - 1.
template <typename Make>
void check(const TableOptions& given, const Make& make) {
  for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
    TableOptions options = given;
    options.storage = storage;
    const auto many = make(Index(0), kRows, options);
    for (const Index count : {1, 2, 5}) {
      bool same = true;
      for (Index first = 0; first + count <= kRows; ++first) {
        const auto few = make(first, count, options);
        for (Index i = 0; i < count; ++i) same = same && same_bits(numbers(few, i), numbers(many, first + i));
      }
      CHECK(same);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("one row of a table has the bits of many", "[frequency][table][determinism]", float, double,
                   Eigen::half) {
  using Scalar = TestType;
  // Widths that fill no block of pairs and no vector.
  for (const Index pairs : {Index(1), Index(19), Index(77)}) {
    INFO(pairs << " pairs");
    const auto frequencies = posenc::geometric_frequencies(2 * pairs, 1e4).with_magnitude(1.19);
    const Ids ids = Ids::LinSpaced(kRows, 0, kRows - 1).array() * 1009 - 500;
    const Eigen::VectorXd real = ids.cast<double>() / 7;
    const posenc::AxisPositionMatrix<double> places = Noise(3).matrix<double>(kRows, 3) * 100;
    const int third = static_cast<int>(pairs / 3);
    const std::vector<int> sections = {static_cast<int>(pairs) - 2 * third, third, third};
    for (const auto angles : {posenc::AngleMode::exact, posenc::AngleMode::float32}) {
      TableOptions options;
      options.angles = angles;
      check(options, [&](Index first, Index count, const TableOptions& o) {
        return posenc::make_table<Scalar>(frequencies, ids.segment(first, count), o);
      });
      check(options, [&](Index first, Index count, const TableOptions& o) {
        return posenc::make_table<Scalar>(frequencies, real.segment(first, count), o);
      });
      check(options, [&](Index first, Index count, const TableOptions& o) {
        return posenc::make_table<Scalar>(frequencies, posenc::contiguous_axes(sections),
                                          places.middleRows(first, count).eval(), o);
      });
    }
    TableOptions heads;
    heads.num_heads = 3;
    const Eigen::MatrixXd weights = Noise(4).matrix<double>(3, 3 * pairs);
    const Eigen::MatrixXd phases = Noise(5).matrix<double>(1, 3 * pairs);
    check(heads, [&](Index first, Index count, const TableOptions& o) {
      return posenc::make_mixed_table<Scalar>(weights, places.middleRows(first, count).eval(), o);
    });
    check(heads, [&](Index first, Index count, const TableOptions& o) {
      return posenc::make_mixed_table<Scalar>(weights, phases, places.middleRows(first, count).eval(), o);
    });
    const Eigen::MatrixXd cos = Noise(6).matrix<double>(pairs, 3 * pairs);
    const Eigen::MatrixXd sin = Noise(7).matrix<double>(pairs, 3 * pairs);
    check(heads, [&](Index first, Index count, const TableOptions& o) {
      return posenc::make_fope_table<Scalar>(frequencies, cos, sin, ids.segment(first, count), 2 * pairs, o);
    });
    const auto plain = posenc::geometric_frequencies(2 * pairs, 1e4);
    const Ids near = Ids::LinSpaced(kRows, 0, kRows - 1).array() * 11 - 200;
    check(TableOptions(), [&](Index first, Index count, const TableOptions& o) {
      return posenc::make_xpos_tables<Scalar>(plain, near.segment(first, count), 12.5, posenc::XposOptions(), o)
          .queries;
    });
    check(TableOptions(), [&](Index first, Index count, const TableOptions& o) {
      return posenc::make_xpos_tables<Scalar>(plain, near.segment(first, count), 12.5, posenc::XposOptions(), o).keys;
    });
  }
}
