// SPDX-License-Identifier: MIT
/// Tables whose heads have angles of their own: their numbers, and what apply_rope() rotates by them.
#include "support/allocations.hpp"
#include "support/rotations.hpp"

#include <algorithm>

using namespace posenc_tests;
using posenc::AngleMode;
using posenc::apply_rope;
using posenc::CosSinStorage;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::PositionRange;
using posenc::RopeLayout;
using posenc::TableOptions;

namespace {

constexpr Index kHeads = 3;
constexpr Index kPairs = 20;  // a block of the generator and a part
constexpr Index kHeadDim = 45;
constexpr Index kWidth = kHeads * kHeadDim;
constexpr Index kTokens = 70;  // beyond two blocks of tokens
constexpr double kMagnitude = 1.25;

/// Head by head, each with a base of its own.
Frequencies frequencies() {
  Eigen::ArrayXd inv_freq(kHeads * kPairs);
  for (Index h = 0; h < kHeads; ++h) {
    inv_freq.segment(h * kPairs, kPairs) =
        posenc::geometric_frequencies(2 * kPairs, 1e4 + 1e3 * static_cast<double>(h)).inv_freq();
  }
  return Frequencies(inv_freq, kMagnitude);
}
Frequencies frequencies_of(Index head) {
  return Frequencies(frequencies().inv_freq().segment(head * kPairs, kPairs), kMagnitude);
}

TableOptions options(CosSinStorage storage = CosSinStorage::cos_sin, AngleMode angles = AngleMode::exact) {
  return {storage, angles, kHeads};
}

template <typename A, typename B>
bool same_numbers(const A& a, const B& b) {
  return a.rows() == b.rows() && (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
}

const CosSinStorage kStorages[] = {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated};

std::vector<RopeLayout> layouts() {
  return {RopeLayout::half_split(kHeadDim).window(2, 2 * kPairs), RopeLayout::interleaved(kHeadDim).suffix(2 * kPairs)};
}

/// Each head of `x` by its own angles, from the formula.
template <typename X, typename Table>
Turned turned_by_heads(const X& x, const Table& table, const std::vector<Index>& rows, const RopeLayout& layout,
                       Direction direction = {}) {
  Turned all{RowMatrix<Wide>(x.rows(), x.cols()), RowMatrix<Wide>(x.rows(), x.cols())};
  for (Index h = 0; h < kHeads; ++h) {
    const auto head = table.head(h);
    const Turned one =
        turned(x.middleCols(h * kHeadDim, kHeadDim).eval(), head.cos(), head.sin(), rows, layout, direction);
    all.value.middleCols(h * kHeadDim, kHeadDim) = one.value;
    all.reach.middleCols(h * kHeadDim, kHeadDim) = one.reach;
  }
  return all;
}

template <typename X, typename Out, typename Read, typename TableScalar>
void check_rotation(const FrequencyTable<TableScalar>& table) {
  const RowMatrix<X> given = Noise(5).matrix<X>(kTokens, kWidth);
  const Read x = given;
  for (const RopeLayout& layout : layouts()) {
    INFO("half-split " << (layout.pairs() == posenc::RopePairs::half_split));
    const auto check = [&](const auto& got, const std::vector<Index>& rows, Direction direction) {
      const RowMatrix<X> from = given.topRows(static_cast<Index>(rows.size()));
      CHECK((error_over_bound<X, TableScalar>(got, turned_by_heads(from, table, rows, layout, direction)) <= 1));
    };
    Read in_place = x;
    apply_rope(in_place, table, layout);
    check(in_place, run(kTokens), {});
    apply_rope(in_place = x, table.inverse(), layout);
    check(in_place, run(kTokens), {true, 1 / static_cast<Wide>(kMagnitude * kMagnitude)});
    using Written = Eigen::Matrix<Out, Eigen::Dynamic, Eigen::Dynamic, Read::IsRowMajor ? Eigen::RowMajor : 0>;
    Written out(kTokens, kWidth);
    apply_rope(out, x, table.adjoint(), layout);
    check(out, run(kTokens), {true, 1});
    Eigen::Matrix<Out, Eigen::Dynamic, Eigen::Dynamic, Read::IsRowMajor ? 0 : Eigen::RowMajor> other(kTokens, kWidth);
    apply_rope(other, x, table, layout);  // element by element
    check(other, run(kTokens), {});
    std::vector<Index> backwards = run(kTokens);
    std::reverse(backwards.begin(), backwards.end());
    apply_rope(out, x, table, layout, posenc::rows(backwards));
    check(out, backwards, {});
    // Into a cache, more tokens than lists are brought before the kernel at a time.
    std::vector<Index> slots = run(kTokens);
    std::rotate(slots.begin(), slots.begin() + 5, slots.end());
    Written cache(kTokens, kWidth);
    apply_rope(posenc::cache_rows(cache, slots), x, table, layout, posenc::rows(backwards));
    for (Index i = 0; i < kTokens; ++i) out.row(i) = cache.row(slots[static_cast<std::size_t>(i)]);
    check(out, backwards, {});
    // A decode step.
    apply_rope(out.topRows(1), x.topRows(1), table, layout, posenc::from_row(9));
    check(out.topRows(1).eval(), {9}, {});
  }
}

template <typename X, typename Out, typename TableScalar>
void check_rotations() {
  for (const CosSinStorage storage : kStorages) {
    const auto table = posenc::make_table<TableScalar>(frequencies(), PositionRange(100, kTokens), options(storage));
    check_rotation<X, Out, RowMatrix<X>>(table);
    check_rotation<X, Out, Eigen::Matrix<X, Eigen::Dynamic, Eigen::Dynamic>>(table);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("each head of a table has the numbers of a table of its own", "[frequency][heads]", float, double,
                   Eigen::half) {
  for (const CosSinStorage storage : kStorages) {
    for (const AngleMode angles : {AngleMode::exact, AngleMode::float32}) {
      const auto table = posenc::make_table<TestType>(frequencies(), PositionRange(-3, 40), options(storage, angles));
      CHECK(table.num_heads() == kHeads);
      CHECK(table.num_pairs() == kPairs);
      CHECK(table.rotary_dim() == 2 * kPairs);
      CHECK(table.rows() == 40);
      CHECK(table.row_stride() == kHeads * table.head_stride());
      CHECK(table.first_position() == -3);
      CHECK(table.magnitude() == kMagnitude);
      CHECK(table.id() != frequencies().id());  // nothing for other heads takes it
      CHECK(table.id() != 0);
      const auto list =
          posenc::make_table<TestType>(frequencies(), std::vector<double>{0.5, 1e5, -7}, options(storage, angles));
      auto filled = FrequencyTable<TestType>(40, kPairs, options(storage, angles));
      const Frequencies given = frequencies();
      CHECK(count_allocations([&] { fill_table(filled, given, posenc::starting_at(-3)); }) == 0);
      for (Index h = 0; h < kHeads; ++h) {
        const TableOptions one{storage, angles};
        const auto own = posenc::make_table<TestType>(frequencies_of(h), PositionRange(-3, 40), one);
        CHECK(same_numbers(table.head(h), own));
        CHECK(same_numbers(table.view().head(h), own));
        CHECK(same_numbers(filled.head(h), own));
        CHECK(table.head(h).num_heads() == 1);
        CHECK(table.head(h).first_position() == -3);
        CHECK(table.head(h).id() == 0);
        CHECK(same_numbers(list.head(h),
                           posenc::make_table<TestType>(frequencies_of(h), std::vector<double>{0.5, 1e5, -7}, one)));
      }
    }
  }
}

TEST_CASE("heads may take their pairs from axes of their own", "[frequency][heads][axes]") {
  Eigen::ArrayXi axis_of_pair(kHeads * kPairs);
  for (Index i = 0; i < axis_of_pair.size(); ++i) axis_of_pair[i] = static_cast<int>((i * i + i / kPairs) % 3);
  const posenc::AxisMap axes(axis_of_pair, 3);
  const Eigen::MatrixXi ids = posenc::grid_positions({2, 3, 5}).cast<int>() * 7;
  for (const CosSinStorage storage : kStorages) {
    const auto table = posenc::make_table<float>(frequencies(), axes, ids, options(storage));
    auto filled = FrequencyTable<float>(30, kPairs, options(storage));
    fill_table(filled, frequencies(), axes, ids);
    for (Index h = 0; h < kHeads; ++h) {
      const posenc::AxisMap own(axis_of_pair.segment(h * kPairs, kPairs), 3);
      const auto expected = posenc::make_table<float>(frequencies_of(h), own, ids, {storage});
      CHECK(same_numbers(table.head(h), expected));
      CHECK(same_numbers(filled.head(h), expected));
    }
  }
}

TEST_CASE("learned frequencies may be those of each head", "[rope][mixed][heads]") {
  const Eigen::MatrixXd f = Noise(1).matrix<double>(2, kHeads * kPairs);
  const Eigen::MatrixXd positions = posenc::grid_positions({3, 3}).cast<double>() * 1.25;
  for (const CosSinStorage storage : kStorages) {
    const auto table = posenc::make_mixed_table<float>(f, positions, options(storage));
    for (Index h = 0; h < kHeads; ++h) {
      const Eigen::MatrixXd own = f.middleCols(h * kPairs, kPairs);
      CHECK(same_numbers(table.head(h), posenc::make_mixed_table<float>(own, positions, {storage})));
    }
  }
}

TEST_CASE("each head rotates by its own angles: float", "[rope][heads]") { check_rotations<float, float, float>(); }
TEST_CASE("each head rotates by its own angles: double", "[rope][heads]") { check_rotations<double, double, float>(); }
TEST_CASE("each head rotates by its own angles: half", "[rope][heads]") {
  check_rotations<Eigen::half, Eigen::half, float>();
}
TEST_CASE("each head rotates by its own angles: float into bfloat16", "[rope][heads]") {
  check_rotations<float, Eigen::bfloat16, double>();
}

TEST_CASE("views rotate each head by its own angles", "[rope][heads][view]") {
  constexpr Index batch = 2;
  const auto table = posenc::make_table<float>(frequencies(), PositionRange(0, kTokens), options());
  const RowMatrix<float> given = Noise(6).matrix<float>(batch * kTokens, kWidth);
  const auto shape = posenc::HeadsShape().batch(batch).seq_len(kTokens).num_heads(kHeads).head_dim(kHeadDim);
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> expected = given;
    apply_rope(expected, table, layout, posenc::each_sequence(kTokens));
    std::vector<Index> rows = run(kTokens);
    rows.insert(rows.end(), rows.begin(), rows.end());
    CHECK((error_over_bound<float, float>(expected, turned_by_heads(given, table, rows, layout)) <= 1));
    RowMatrix<float> blhd = given;
    apply_rope(posenc::view_blhd(blhd.data(), shape), table, layout);
    CHECK(same_bits(blhd, expected));
    std::vector<float> bhld(static_cast<std::size_t>(given.size()));
    const auto heads_first = posenc::view_bhld(bhld.data(), shape);
    apply_rope(heads_first, posenc::view_blhd(given.data(), shape), table, layout);
    RowMatrix<float> back(batch * kTokens, kWidth);
    for (Index i = 0; i < back.rows(); ++i) {
      for (Index j = 0; j < kWidth; ++j) {
        const Index at = ((i / kTokens * kHeads + j / kHeadDim) * kTokens + i % kTokens) * kHeadDim + j % kHeadDim;
        back(i, j) = bhld[static_cast<std::size_t>(at)];
      }
    }
    CHECK(same_bits(back, expected));
    RowMatrix<float> from_view(batch * kTokens, kWidth);  // a view into a matrix: element by element
    apply_rope(from_view, posenc::view_blhd(given.data(), shape), table, layout);
    CHECK((error_over_bound<float, float>(from_view, turned_by_heads(given, table, rows, layout)) <= 1));
  }
}

TEST_CASE("a table of one head rotates all of them, and a head of a table one", "[rope][heads]") {
  const RopeLayout layout = RopeLayout::half_split(2 * kPairs);
  const auto table = posenc::make_table<float>(frequencies(), PositionRange(0, 5), options());
  const RowMatrix<float> given = Noise(7).matrix<float>(5, kHeads * 2 * kPairs);
  RowMatrix<float> all = given, one = given;
  apply_rope(all, table, layout);
  for (Index h = 0; h < kHeads; ++h) apply_rope(one.middleCols(h * 2 * kPairs, 2 * kPairs), table.head(h), layout);
  CHECK(same_bits(all, one));
  CHECK(count_allocations([&] { apply_rope(all, table.adjoint(), layout); }) == 0);
}

TEST_CASE("the gradient of each head's frequencies meets central differences", "[rope][mixed][heads][gradient]") {
  const Eigen::MatrixXd positions = posenc::grid_positions({3, 3}).cast<double>() * 1.25;
  const Eigen::MatrixXd f = Noise(1).matrix<double>(2, kHeads * kPairs);
  const auto x = Noise(2).matrix<double>(9, kWidth);
  const auto c = Noise(3).matrix<double>(9, kWidth);
  for (const RopeLayout& layout : layouts()) {
    const auto rotated = [&](const Eigen::MatrixXd& by) {
      RowMatrix<double> y = x;
      apply_rope(y, posenc::make_mixed_table<double>(by, positions, options()), layout);
      return y;
    };
    Eigen::MatrixXd grad = Eigen::MatrixXd::Constant(2, kHeads * kPairs, 0.5);  // added to
    posenc::mixed_table_backward(grad, c, rotated(f), positions, layout);
    constexpr double step = 1e-5;
    double worst = 0;
    for (Index axis = 0; axis < 2; ++axis) {
      for (Index j = 0; j < f.cols(); ++j) {
        Eigen::MatrixXd up = f, down = f;
        up(axis, j) += step;
        down(axis, j) -= step;
        const double slope = (rotated(up) - rotated(down)).cwiseProduct(c).sum() / (2 * step);
        worst = std::max(worst, std::abs(grad(axis, j) - 0.5 - slope));
      }
    }
    // As in mixed.cpp, of one head: the third derivative is at most sum |position|^3 4 per token, 9 4 2.5^3 = 570.
    CHECK(worst <= 570.0 / 6 * step * step + 0x1p-44 / (2 * step));
  }
}
