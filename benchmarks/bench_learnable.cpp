// SPDX-License-Identifier: MIT
// Trained tables of width 768, float: looked up, added to embeddings, and their gradient.

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

#include "posenc/learnable.hpp"

#include "support/measure.hpp"

namespace {

using Eigen::Index;
using posenc_benchmarks::measure;

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

constexpr Index kWidth = 768;

/// Small numbers: added again and again they stay finite.
Matrix numbers(Index rows) {
  Matrix x(rows, kWidth);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = 1e-6f * (static_cast<float>(i % 17) - 8.0f);
  return x;
}

Ids random_ids(Index count, Index rows) {
  std::mt19937_64 random(1);
  return Ids::NullaryExpr(count,
                          [&] { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rows)); });
}

/// Bytes of `matrices` matrices of `rows` rows.
double bytes_of(Index matrices, Index rows) {
  return static_cast<double>(matrices) * static_cast<double>(rows * kWidth) * sizeof(float);
}

/// The ceilings read a matrix of as many rows as there are tokens.
void measure_lookup(Index tokens, Index rows) {
  const std::string size = "/" + std::to_string(tokens) + "_of_" + std::to_string(rows);
  const posenc::LearnedTable<float> table(numbers(rows));
  const auto values = table.values();
  const Ids ids = random_ids(tokens, rows);
  const auto sequences = posenc::each_sequence(std::min(tokens, rows), posenc::starting_at(0));
  const Matrix y = numbers(tokens);
  Matrix x = numbers(tokens);
  Matrix gathered(tokens, kWidth);
  const auto gather = [&] {  // what frameworks do first
    for (Index i = 0; i < tokens; ++i) gathered.row(i) = values.row(ids[i]);
  };
  measure(
      "learned/encode_random_ids" + size, bytes_of(2, tokens), [&] { posenc::encode_learned(x, table, ids); },
      [&] { x = y; },
      [&] {
        for (Index i = 0; i < tokens; ++i) {
          for (Index c = 0; c < kWidth; ++c) x(i, c) = values(ids[i], c);
        }
      });
  measure(
      "learned/add_range" + size, bytes_of(3, tokens), [&] { posenc::add_learned(x, table, sequences); },
      [&] { x += y; },
      [&] {
        gather();
        x += gathered;
      });
  measure(
      "learned/add_random_ids" + size, bytes_of(3, tokens), [&] { posenc::add_learned(x, table, ids); },
      [&] { x += y; },
      [&] {
        gather();
        x += gathered;
      },
      {0.9, 0});
}

/// The gradient of a table of `length` rows from `batch` sequences. The ceiling adds sequence after sequence.
void measure_backward(Index batch, Index length) {
  const std::string size = "/" + std::to_string(batch) + "x" + std::to_string(length) + "_rows";
  const Matrix gradient = numbers(batch * length);
  const Ids ids = random_ids(batch * length, length);
  Matrix grad_table = Matrix::Zero(length, kWidth);
  const posenc::LookupOptions options;
  const auto sequences = posenc::each_sequence(length, posenc::starting_at(0));
  const auto ceiling = [&] {
    for (Index b = 0; b < batch; ++b) grad_table += gradient.middleRows(b * length, length);
  };
  measure(
      "learned/backward_range" + size, bytes_of(1, (batch + 2) * length),
      [&] { posenc::learned_backward(grad_table, gradient, options, sequences); }, ceiling,
      [&] {
        for (Index i = 0; i < batch * length; ++i) {
          for (Index c = 0; c < kWidth; ++c) grad_table(i % length, c) += gradient(i, c);
        }
      },
      {0.8, 0});
  measure(
      "learned/backward_random_ids" + size, bytes_of(3, batch * length),
      [&] { posenc::learned_backward(grad_table, gradient, options, ids); }, ceiling,
      [&] {
        for (Index i = 0; i < batch * length; ++i) {
          for (Index c = 0; c < kWidth; ++c) grad_table(ids[i], c) += gradient(i, c);
        }
      });
}

/// Embeddings and table of a half type. The ceiling adds as many bytes of floats.
template <typename Scalar>
void measure_half(const std::string& name, Index tokens) {
  using HalfMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const posenc::LearnedTable<Scalar> table(numbers(tokens).template cast<Scalar>());
  const auto values = table.values();
  HalfMatrix x = HalfMatrix::Constant(tokens, kWidth, Scalar(1));
  Matrix floats = numbers(tokens / 2);
  const Matrix y = floats;
  measure(
      "learned/add_range_" + name + "/" + std::to_string(tokens) + "_rows", bytes_of(3, tokens) / 2,
      [&] { posenc::add_learned(x, table, posenc::starting_at(0)); }, [&] { floats += y; },
      [&] {
        for (Index i = 0; i < tokens; ++i) {
          for (Index c = 0; c < kWidth; ++c) x(i, c) += values(i, c);
        }
      });
}

TEST_CASE("half types, width 768") {
  measure_half<Eigen::half>("half", 512);
  measure_half<Eigen::bfloat16>("bfloat16", 512);
}

TEST_CASE("lookup, width 768") {
  for (const Index rows : {64, 512, 2048}) measure_lookup(rows, rows);
  measure_lookup(32768, 2048);
  measure_lookup(32768, 32768);
}

TEST_CASE("backward, width 768") {
  measure_backward(1, 512);
  measure_backward(8, 512);
  measure_backward(1, 2048);
  measure_backward(16, 2048);
}

}  // namespace
