// SPDX-License-Identifier: MIT
/// The gradient of a trained table: adjoint of the lookup, whatever the threads.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

using namespace posenc_tests;
using posenc::each_sequence;
using posenc::LearnedTable;
using posenc::LookupOptions;
using posenc::Overflow;
using posenc::starting_at;

namespace {

// Both sides are sums of at most 5000 products below 16: |error| <= 5000 * 5000 * 16 * 2^-53 in the worst case, and by
// far less in fact. The bound asked for is that of the project.
constexpr double kAdjoint = 1e-12;

/// |<encode(table), y> - <table, backward(y)>| / (|encode(table)| |y|)
template <typename Positions>
double adjoint_error(const LookupOptions& options, Eigen::Index tokens, const Positions& positions) {
  LearnedTable<double> table(6, 17, options);
  posenc::fill(table.values(), posenc::Normal(1.0), posenc::Seed(11));
  RowMatrix<double> y(tokens, 17);
  posenc::fill(y, posenc::Normal(1.0), posenc::Seed(12));
  RowMatrix<double> out(tokens, 17);
  posenc::encode_learned(out, table, positions);
  RowMatrix<double> grad = RowMatrix<double>::Zero(6, 17);
  posenc::learned_backward(grad, y, options, positions);
  return std::abs(dot(out, y) - dot(table.values(), grad)) / (out.norm() * y.norm());
}

}  // namespace

TEST_CASE("backward is the adjoint of the lookup under every overflow", "[learnable][backward]") {
  const Ids inside = (Ids(8) << 5, 0, 2, 2, 2, 1, 0, 5).finished();
  const Ids beyond = (Ids(8) << 5, 6, 35, 2, 13, 0, 30, 6).finished();
  REQUIRE(adjoint_error({}, 8, inside) <= kAdjoint);
  REQUIRE(adjoint_error({}, 4, starting_at(2)) <= kAdjoint);
  REQUIRE(adjoint_error({}, 12, each_sequence(4, starting_at(1))) <= kAdjoint);
  for (const Overflow overflow : {Overflow::clamp, Overflow::zero, Overflow::hierarchical}) {
    REQUIRE(adjoint_error({overflow, 0.3, {}}, 8, beyond) <= kAdjoint);
    REQUIRE(adjoint_error({overflow, 0.3, {}}, 20, starting_at(4)) <= kAdjoint);
    REQUIRE(adjoint_error({overflow, 0.3, {}}, 30, each_sequence(10, starting_at(4))) <= kAdjoint);
  }
}

TEST_CASE("backward agrees with central differences", "[learnable][backward]") {
  const LookupOptions options{Overflow::hierarchical, 0.4, {}};
  const Ids ids = (Ids(5) << 1, 3, 14, 8, 1).finished();
  RowMatrix<double> values(4, 3);
  RowMatrix<double> y(5, 3);
  posenc::fill(values, posenc::Normal(1.0), posenc::Seed(1));
  posenc::fill(y, posenc::Normal(1.0), posenc::Seed(2));
  const auto loss = [&](const RowMatrix<double>& weights) {
    RowMatrix<double> out(5, 3);
    posenc::encode_learned(out, posenc::wrap_learned_table(weights, options), ids);
    return (out.array().square() * y.array()).sum() / 2;
  };
  RowMatrix<double> out(5, 3);
  posenc::encode_learned(out, posenc::wrap_learned_table(values, options), ids);
  const RowMatrix<double> grad_out = out.cwiseProduct(y);
  RowMatrix<double> grad = RowMatrix<double>::Zero(4, 3);
  posenc::learned_backward(grad, grad_out, options, ids);
  // The loss is quadratic, so central differences are exact but for rounding: |loss| < 100, 100 * 2^-53 * 8 / step.
  constexpr double step = 0x1p-10;
  constexpr double kDifference = 100 * 8 * 0x1p-53 / step;
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    RowMatrix<double> plus = values;
    RowMatrix<double> minus = values;
    plus.data()[i] += step;
    minus.data()[i] -= step;
    REQUIRE(std::abs((loss(plus) - loss(minus)) / (2 * step) - grad.data()[i]) <= kDifference);
  }
}

TEST_CASE("backward by ids equals nn.Embedding, padding row included", "[learnable][backward]") {
  const auto golden = posenc_tests::golden("learnable/embedding_backward.csv");
  const auto ids = golden.block("ids").matrix().cast<std::int64_t>().eval();
  RowMatrix<double> grad = RowMatrix<double>::Zero(7, 3);
  posenc::learned_backward(grad, pattern<double>(8, 3), LookupOptions{Overflow::error, 0.4, 1}, ids);
  REQUIRE(grad == golden.block("grad").matrix());  // sums of multiples of 1/16: exact
}

TEST_CASE("the padding row has no gradient, from hierarchical positions either", "[learnable][backward]") {
  for (const Eigen::Index padding : {0, 1, 2}) {
    const LookupOptions options{Overflow::hierarchical, 0.4, padding};
    RowMatrix<double> with = RowMatrix<double>::Zero(3, 4);
    RowMatrix<double> without = RowMatrix<double>::Zero(3, 4);
    posenc::learned_backward(with, pattern<double>(9, 4), options, starting_at(0));
    posenc::learned_backward(without, pattern<double>(9, 4), LookupOptions{Overflow::hierarchical, 0.4, {}},
                             starting_at(0));
    REQUIRE((without.row(padding).array() != 0.0).all());
    without.row(padding).setZero();
    REQUIRE(with == without);
  }
}

TEST_CASE("backward by a range sums the batch", "[learnable][backward]") {
  const Eigen::Index batch = 5;
  const Eigen::Index length = 6;
  const RowMatrix<float> y = pattern<float>(batch * length, 300);
  RowMatrix<float> expected = RowMatrix<float>::Zero(8, 300);
  for (Eigen::Index b = 0; b < batch; ++b) expected.middleRows(2, length) += y.middleRows(b * length, length);
  const auto check = [&](auto grad, const auto& grad_out) {
    posenc::learned_backward(grad, grad_out, LookupOptions(), each_sequence(length, starting_at(2)));
    return distance(grad, expected) == 0;  // multiples of 1/16 of at most 8 bits: exact in float and double
  };
  const RowMatrix<float> zero = RowMatrix<float>::Zero(8, 300);
  REQUIRE(check(RowMatrix<float>(zero), y));
  REQUIRE(check(ColumnMatrix<float>(zero), y));
  REQUIRE(check(RowMatrix<float>(zero), ColumnMatrix<float>(y)));
  REQUIRE(check(RowMatrix<double>(zero.cast<double>()), y));
  REQUIRE(check(RowMatrix<float>(zero), RowMatrix<Eigen::half>(y.cast<Eigen::half>())));
  REQUIRE(check(RowMatrix<Eigen::half>(zero.cast<Eigen::half>()), RowMatrix<Eigen::half>(y.cast<Eigen::half>())));

  Ids ids(batch * length);
  for (Eigen::Index i = 0; i < ids.size(); ++i) ids[i] = 2 + i % length;
  RowMatrix<float> by_ids = zero;
  posenc::learned_backward(by_ids, y, LookupOptions(), ids);
  REQUIRE(by_ids == expected);
  posenc::learned_backward(by_ids, y, LookupOptions(), ids);  // adds
  REQUIRE(by_ids == 2 * expected);
}

TEST_CASE("a range in half is rounded once for each position", "[learnable][backward]") {
  // 1 + 8 * 2^-12: one at a time, each addition would round back to 1.
  RowMatrix<Eigen::half> y = RowMatrix<Eigen::half>::Constant(9, 20, Eigen::half(0x1p-12f));
  y.row(0).setConstant(Eigen::half(1.0f));
  RowMatrix<Eigen::half> grad = RowMatrix<Eigen::half>::Zero(1, 20);
  posenc::learned_backward(grad, y, LookupOptions(), each_sequence(1, starting_at(0)));
  for (Eigen::Index i = 0; i < 20; ++i) REQUIRE(static_cast<float>(grad(0, i)) == 1.0f + 0x1p-9f);
}

TEST_CASE("backward by ids gives the same bits for any number of threads", "[learnable][backward]") {
  constexpr Eigen::Index tokens = 400;
  constexpr Eigen::Index width = 103;
  const LookupOptions options{Overflow::hierarchical, 0.4, 1};
  RowMatrix<float> y(tokens, width);
  posenc::fill(y, posenc::Normal(1.0), posenc::Seed(5));
  Ids ids(tokens);
  for (Eigen::Index i = 0; i < tokens; ++i) ids[i] = i * i * 7 % 100;
  RowMatrix<float> alone = RowMatrix<float>::Zero(10, width);
  posenc::learned_backward(alone, y, options, ids);
  for (const Eigen::Index num_threads : {2, 3, 5}) {
    RowMatrix<float> shared = RowMatrix<float>::Zero(10, width);
    std::vector<std::thread> threads;
    for (Eigen::Index k = 0; k < num_threads; ++k) {
      const Eigen::Index begin = width * k / num_threads;
      const Eigen::Index count = width * (k + 1) / num_threads - begin;
      threads.emplace_back([&, begin, count] {
        posenc::learned_backward(shared.middleCols(begin, count), y.middleCols(begin, count), options, ids);
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(shared == alone);
  }
}
