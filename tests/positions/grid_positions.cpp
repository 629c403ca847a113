// SPDX-License-Identifier: MIT
/// Positions of the tokens of grids.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"

namespace {

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

}  // namespace

TEST_CASE("positions of grids", "[positions][grid]") {
  const Ids ids = posenc::grid_positions({2, 1, 3}, 5);
  Ids expected(6, 3);
  expected << 5, 5, 5, 5, 5, 6, 5, 5, 7, 6, 5, 5, 6, 5, 6, 6, 5, 7;
  CHECK(ids == expected);
  CHECK(posenc::grid_positions({3, 0}).rows() == 0);
  CHECK(posenc::grid_positions({3, 0}).cols() == 2);
  constexpr int kMost = 2147483647;
  CHECK(posenc::grid_positions({0, kMost, kMost, kMost}).rows() == 0);  // no token, whatever the product of the rest

  const auto centers = posenc::patch_centers({4, 5});
  CHECK(centers(0, 0) == -0.75);
  CHECK(centers(19, 0) == 0.75);
  CHECK(centers(2, 1) == 0);
  CHECK(std::abs(centers(0, 1) + 0.8) < 1e-15);
  const auto lines = posenc::linspace_positions({1, 5});
  CHECK((lines.col(0).array() == -1).all());
  CHECK(lines.col(1) == (Eigen::VectorXd(5) << -1, -0.5, 0, 0.5, 1).finished());
  CHECK(posenc::stretched_positions({4, 2}, {2, 6}).row(7) == Eigen::RowVector2d(1.5, 3));
}

TEST_CASE("rows first, or columns first", "[positions][grid]") {
  using posenc::GridOrder;
  const Ids rows_first = posenc::grid_positions({2, 3}, 1);
  const Ids columns_first = posenc::grid_positions({2, 3}, 1, GridOrder::column_row);
  CHECK(rows_first.row(5) == Eigen::Matrix<std::int64_t, 1, 2>(2, 3));
  CHECK(columns_first.row(5) == Eigen::Matrix<std::int64_t, 1, 2>(3, 2));
  CHECK(columns_first.col(0) == rows_first.col(1));
  CHECK(columns_first.col(1) == rows_first.col(0));
  const Ids video = posenc::grid_positions({4, 2, 3}, 0, GridOrder::column_row);  // (t, x, y)
  CHECK(video.row(23) == Eigen::Matrix<std::int64_t, 1, 3>(3, 2, 1));
  constexpr std::int64_t most = std::int64_t(1) << 57;
  CHECK(posenc::grid_positions({3}, most - 2)(2, 0) == most);
}

TEST_CASE("axes of a grid by the name of their spacing", "[positions][grid]") {
  using posenc::GridAxis;
  const auto along = [](const GridAxis& axis) {
    Eigen::VectorXd at = posenc::grid_positions({axis}).col(0);
    return at;
  };
  CHECK(along(GridAxis::counted(3).times(0.25).from(1.5)) == Eigen::Vector3d(1.5, 1.75, 2));
  CHECK(along(GridAxis::centered(4)) == Eigen::Vector4d(-2, -1, 0, 1));
  CHECK(along(GridAxis::centered(3)) == Eigen::Vector3d(-2, -1, 0));
  CHECK(along(GridAxis::symmetric(4)) == Eigen::Vector4d(-1.5, -0.5, 0.5, 1.5));
  CHECK(along(GridAxis::symmetric(3).times(10)) == Eigen::Vector3d(-10, 0, 10));
  CHECK(along(GridAxis::half_pixel(3)) == Eigen::Vector3d(0.5, 1.5, 2.5));
  CHECK(along(GridAxis::linspace(5, {-1, 1})) == (Eigen::VectorXd(5) << -1, -0.5, 0, 0.5, 1).finished());
  CHECK(along(GridAxis::linspace(1, {7, 9}))[0] == 7);
  CHECK(along(GridAxis::linspace_without_endpoint(4, {2, 4})) == Eigen::Vector4d(2, 2.5, 3, 3.5));
  CHECK(along(GridAxis::linspace_without_endpoint(0, {2, 4})).size() == 0);

  // DINOv3 normalizes by each side, by the larger and by the smaller one.
  CHECK(posenc::grid_positions({GridAxis::patch_centers(4, GridAxis::Side(4)),
                                GridAxis::patch_centers(5, GridAxis::Side(5))}) == posenc::patch_centers({4, 5}));
  CHECK(along(GridAxis::patch_centers(2, GridAxis::Side(4))) == Eigen::Vector2d(-0.75, -0.25));
  CHECK(along(GridAxis::patch_centers(4, GridAxis::Side(2))) == Eigen::Vector4d(-0.5, 0.5, 1.5, 2.5));
  CHECK(posenc::grid_positions({GridAxis::linspace(3, {-1, 1}), GridAxis::linspace(7, {-1, 1})}) ==
        posenc::linspace_positions({3, 7}));

  const auto xy =
      posenc::grid_positions({GridAxis::counted(2), GridAxis::counted(3).from(10)}, posenc::GridOrder::column_row);
  CHECK(xy.row(4) == Eigen::RowVector2d(11, 1));
  CHECK(posenc::grid_positions({GridAxis::counted(2), GridAxis::counted(3)}) ==
        posenc::grid_positions({2, 3}).cast<double>());
}

TEST_CASE("the ends of an axis are what was given", "[positions][grid]") {
  using posenc::GridAxis;
  for (int size = 1; size < 100; ++size) {
    for (const double first : {0.1, -0.7, 1 / 3.0, 1e-3, 123456.789, -5e15 / 3}) {
      for (const double last : {0.3, -1e5 / 3, 0.7}) {
        const GridAxis line = GridAxis::linspace(size, {first, last});
        CHECK(line[0] == first);
        CHECK((size == 1 || line[size - 1] == last));
        CHECK(GridAxis::linspace_without_endpoint(size, {first, last})[0] == first);
        CHECK(line.times(0.3)[0] == first * 0.3);
        CHECK((size == 1 || line.times(0.3)[size - 1] == last * 0.3));
        const GridAxis moved = line.from(0.1);
        CHECK(moved[0] == 0.1);
        CHECK(moved.times(3)[0] == 0.1 * 3);
      }
      CHECK(GridAxis::counted(size).times(0.3).from(first)[0] == first);
      CHECK(GridAxis::patch_centers(size, GridAxis::Side(size)).from(first)[0] == first);
      CHECK(GridAxis::linspace_without_endpoint(size, {0, 0.7}).from(first)[0] == first);
    }
  }
}

TEST_CASE("positions of axes are rounded a few times", "[positions][grid]") {
  using posenc::GridAxis;
  // With M the largest of |first| and |last|: first n to 1/2 ulp of M n, last - first to 1/2 ulp of 2 M, its product
  // with i < n to 1/2 ulp of 2 M n, the sum to 1/2 ulp of M n, and the quotient by n to 1/2 ulp of M: 3.5 ulp of M.
  constexpr double kRoundings = 4 * 0x1p-52;
  const auto check = [&](const GridAxis& axis, double first, double last, double steps) {
    const Eigen::VectorXd at = posenc::grid_positions({axis}).col(0);
    const double bound = kRoundings * (std::max)(std::abs(first), std::abs(last));
    for (Eigen::Index i = 0; i < at.size(); ++i) {
      const long double exact = first + (static_cast<long double>(last) - first) * static_cast<double>(i) / steps;
      const double error = static_cast<double>(std::abs(static_cast<long double>(at[i]) - exact));
      if (!(error <= bound)) FAIL_CHECK(i << " of " << at.size() << ": off by " << error << " of " << bound);
    }
  };
  for (const int size : {2, 3, 7, 48, 1001}) {
    for (const double first : {0.1, -0.7, 1e-3, 123456.789}) {
      for (const double last : {0.3, -1e5, 1 / 3.0}) {
        check(GridAxis::linspace(size, {first, last}), first, last, size - 1);
        check(GridAxis::linspace_without_endpoint(size, {first, last}), first, last, size);
        check(GridAxis::counted(size).times(last).from(first), first, first + size * last, size);
      }
    }
    const double middle = (size - 1) / 2.0;
    check(GridAxis::symmetric(size).times(0.1), -middle * 0.1, middle * 0.1, size - 1);
  }
}
