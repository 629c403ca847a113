// SPDX-License-Identifier: MIT
/// What holds for apply_rope() whatever holds the numbers: scalars, storage orders, blocks, maps, transposes and views.
#include "support/allocations.hpp"
#include "support/matrices.hpp"
#include "support/rotations.hpp"

#include <thread>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::each_sequence;
using posenc::PositionRange;
using posenc::RopeLayout;
using posenc::starting_at;

namespace {

constexpr Index kTokens = 12;
constexpr Index kHeads = 3;
constexpr Index kHeadDim = 22;
constexpr Index kWidth = kHeads * kHeadDim;
constexpr Index kFirst = 500;

template <typename Scalar>
using TableOf = posenc::FrequencyTable<std::conditional_t<std::is_same_v<Scalar, double>, double, float>>;

template <typename Scalar>
TableOf<Scalar> table(double magnitude = 1) {
  using TableScalar = typename TableOf<Scalar>::Scalar;
  const auto frequencies = posenc::geometric_frequencies(20, 1e4).with_magnitude(magnitude);
  return posenc::make_table<TableScalar>(frequencies, PositionRange(kFirst, kTokens));
}

std::vector<RopeLayout> layouts() {
  return {RopeLayout::half_split(kHeadDim).window(1, 20), RopeLayout::interleaved(kHeadDim).suffix(20)};
}

template <typename Scalar>
RowMatrix<Scalar> noise(std::uint64_t seed) {
  return Noise(seed).matrix<Scalar>(kTokens, kWidth);
}

// Holders: `tokens(first, count)` is something that apply_rope() takes, and get() and set() read and write all of it.

template <typename Matrix>
struct Whole {
  using Scalar = typename Matrix::Scalar;
  Matrix x = Matrix::Constant(kTokens, kWidth, Scalar(0));
  auto tokens(Index first, Index count) { return x.middleRows(first, count); }
  RowMatrix<Scalar> get() const { return x; }
  void set(const RowMatrix<Scalar>& values) { x = values; }
};

template <typename Matrix>
struct Inside {
  using Scalar = typename Matrix::Scalar;
  Matrix around = Matrix::Constant(kTokens + 4, kWidth + 5, Scalar(3));
  auto tokens(Index first, Index count) { return around.block(2 + first, 3, count, kWidth); }
  RowMatrix<Scalar> get() const { return around.block(2, 3, kTokens, kWidth); }
  void set(const RowMatrix<Scalar>& values) { around.block(2, 3, kTokens, kWidth) = values; }
};

template <typename Matrix>
struct Transposed {
  using Scalar = typename Matrix::Scalar;
  Matrix features = Matrix::Constant(kWidth, kTokens, Scalar(0));
  auto tokens(Index first, Index count) { return features.middleCols(first, count).transpose(); }
  RowMatrix<Scalar> get() const { return features.transpose(); }
  void set(const RowMatrix<Scalar>& values) { features = values.transpose(); }
};

template <typename Scalar_>
struct Mapped {
  using Scalar = Scalar_;
  std::vector<Scalar> numbers = std::vector<Scalar>(2 * kTokens * kWidth, Scalar(0));
  using Map = Eigen::Map<RowMatrix<Scalar>, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  Map tokens(Index first, Index count) {
    return Map(numbers.data() + first * 2 * kWidth, count, kWidth, {2 * kWidth, 2});
  }
  RowMatrix<Scalar> get() { return tokens(0, kTokens); }
  void set(const RowMatrix<Scalar>& values) { tokens(0, kTokens) = values; }
};

/// [H, L, D]: the heads of a token are far from one another.
template <typename Scalar_>
struct Viewed {
  using Scalar = Scalar_;
  std::vector<Scalar> numbers = std::vector<Scalar>(kTokens * kWidth, Scalar(0));
  posenc::HeadsView<Scalar> tokens(Index first, Index count) {
    const auto shape = posenc::HeadsShape().batch(1).seq_len(count).num_heads(kHeads).head_dim(kHeadDim);
    return {numbers.data() + first * kHeadDim, shape, posenc::HeadsStrides().token(kHeadDim).head(kTokens * kHeadDim)};
  }
  Scalar& at(Index token, Index column) {
    const Index head = column / kHeadDim;
    return numbers[static_cast<std::size_t>((head * kTokens + token) * kHeadDim + column % kHeadDim)];
  }
  RowMatrix<Scalar> get() {
    RowMatrix<Scalar> x(kTokens, kWidth);
    for (Index t = 0; t < kTokens; ++t) {
      for (Index j = 0; j < kWidth; ++j) x(t, j) = at(t, j);
    }
    return x;
  }
  void set(const RowMatrix<Scalar>& values) {
    for (Index t = 0; t < kTokens; ++t) {
      for (Index j = 0; j < kWidth; ++j) at(t, j) = values(t, j);
    }
  }
};

/// Everything that holds for one kind of holder. `plain` is a row-major matrix of the same numbers.
template <typename Holder>
void check(const char* name) {
  using Scalar = typename Holder::Scalar;
  const auto rows = table<Scalar>(1.25);
  for (const RopeLayout& layout : layouts()) {
    INFO(name << ", " << sizeof(Scalar) << " bytes, half-split " << (layout.pairs() == posenc::RopePairs::half_split));
    const RowMatrix<Scalar> given = noise<Scalar>(71);
    Holder whole;
    whole.set(given);
    CHECK(count_allocations([&] { apply_rope(whole.tokens(0, kTokens), rows, layout); }) == 0);

    // The same within the bound of the formula, so the same as any other holder's.
    const Turned expected = turned(given, rows.cos(), rows.sin(), run(kTokens), layout);
    CHECK((error_over_bound<Scalar, typename TableOf<Scalar>::Scalar>(whole.get(), expected) <= 1));

    // Chunks equal the whole. (A kernel's remainder may contract products in another way than its blocks do.)
    for (const Index chunk : {1, 5, 8}) {
      Holder chunks;
      chunks.set(given);
      for (Index first = 0; first < kTokens; first += chunk) {
        const Index count = (std::min)(chunk, kTokens - first);
        apply_rope(chunks.tokens(first, count), rows, layout, starting_at(kFirst + first));
      }
      CHECK(same_bits(chunks.get(), whole.get()));
    }

    // Stacked sequences equal each of them alone, and so do rows by number.
    Holder stacked, alone;
    stacked.set(given);
    alone.set(given);
    std::vector<int> starts{int(kFirst) + 3, int(kFirst), int(kFirst) + 8};
    apply_rope(stacked.tokens(0, kTokens), rows, layout, each_sequence(4, starts));
    for (int b = 0; b < 3; ++b) {
      apply_rope(alone.tokens(4 * b, 4), rows, layout, posenc::from_row(starts[static_cast<std::size_t>(b)] - kFirst));
    }
    CHECK(same_bits(stacked.get(), alone.get()));

    // In place equals out of place, between holders of any kind.
    Holder source, target;
    source.set(given);
    CHECK(count_allocations([&] { apply_rope(target.tokens(0, kTokens), source.tokens(0, kTokens), rows, layout); }) ==
          0);
    CHECK(same_bits(target.get(), whole.get()));
    CHECK(same_bits(source.get(), given));
    RowMatrix<Scalar> plain(kTokens, kWidth);
    apply_rope(plain, source.tokens(0, kTokens), rows, layout);
    CHECK((error_over_bound<Scalar, typename TableOf<Scalar>::Scalar>(plain, expected) <= 1));
    Holder from_plain;
    apply_rope(from_plain.tokens(0, kTokens), given, rows, layout);
    CHECK((error_over_bound<Scalar, typename TableOf<Scalar>::Scalar>(from_plain.get(), expected) <= 1));

    // Threads that split the tokens.
    Holder parallel;
    parallel.set(given);
    std::vector<std::thread> threads;
    for (Index i = 0; i < 3; ++i) {
      threads.emplace_back(
          [&, i] { apply_rope(parallel.tokens(4 * i, 4), rows, layout, starting_at(kFirst + 4 * i)); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(same_bits(parallel.get(), whole.get()));

    // <R x, y> = <x, R* y>, with the magnitude.
    const RowMatrix<Scalar> y = noise<Scalar>(72);
    Holder back;
    back.set(y);
    CHECK(count_allocations([&] { apply_rope(back.tokens(0, kTokens), rows.adjoint(), layout); }) == 0);
    const double sizes = absolute_dot(whole.get(), y) + absolute_dot(given, back.get());
    const double eps = std::is_same_v<Scalar, double> ? 1e-12 : 4 * 2 * kUnit<Scalar>;
    CHECK(std::abs(dot(whole.get(), y) - dot(given, back.get())) <= eps * sizes);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("whatever holds the numbers", "[rope][suite]", float, double, Eigen::half, Eigen::bfloat16) {
  check<Whole<RowMatrix<TestType>>>("row-major");
  check<Whole<ColumnMatrix<TestType>>>("column-major");
  check<Inside<RowMatrix<TestType>>>("block of a row-major matrix");
  check<Inside<ColumnMatrix<TestType>>>("block of a column-major matrix");
  check<Transposed<RowMatrix<TestType>>>("transpose of a row-major matrix");
  check<Transposed<ColumnMatrix<TestType>>>("transpose of a column-major matrix");
  check<Mapped<TestType>>("map with strides");
  check<Viewed<TestType>>("view");
}

TEST_CASE("what was wrong without a word is refused", "[rope][suite]") {
  // Each of these compiled, ran and was wrong in an earlier form of this interface.
  const auto rows = table<float>();
  const auto layout = RopeLayout::half_split(kHeadDim).window(1, 20);
  RowMatrix<float> x = noise<float>(73);
  const RowMatrix<float> before = x;
  const auto longer = posenc::make_table<float>(posenc::geometric_frequencies(20, 1e4), PositionRange(0, 4096));
  CHECK_THROWS_AS(apply_rope(x.row(0), longer, layout), std::invalid_argument);  // one decode token: row 0
  CHECK_THROWS_AS(apply_rope(x, longer, layout), std::invalid_argument);         // stacked sequences: rows L, L + 1
  CHECK_THROWS_AS(apply_rope(x, rows, RopeLayout::half_split(kWidth)), std::invalid_argument);    // one head of all
  CHECK_THROWS_AS(apply_rope(x, rows, RopeLayout::half_split(kHeadDim)), std::invalid_argument);  // a window unsaid
  using Strided = Eigen::Map<RowMatrix<float>, 0, Eigen::OuterStride<>>;
  CHECK_THROWS_AS(apply_rope(Strided(x.data(), kTokens, kHeadDim, Eigen::OuterStride<>(4)), rows, layout),
                  std::invalid_argument);                                                      // rows in one another
  CHECK_THROWS_AS(apply_rope(x, x.colwise().reverse(), rows, layout), std::invalid_argument);  // overlap without data()
  CHECK(same_bits(x, before));
}
