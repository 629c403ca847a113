// SPDX-License-Identifier: MIT
/// What every encoder of token embeddings must do, whatever it encodes: one check for all of them.
#ifndef POSENC_TESTS_ENCODER_PROPERTIES_HPP
#define POSENC_TESTS_ENCODER_PROPERTIES_HPP

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

#include <algorithm>
#include <thread>
#include <type_traits>
#include <vector>

namespace posenc_tests {

/// action(first, count) for three runs of tokens, each in a thread of its own.
template <typename Action>
void in_three_threads(Index tokens, const Action& action) {
  std::vector<std::thread> threads;
  for (Index k = 0; k < 3; ++k) {
    const Index first = tokens * k / 3;
    threads.emplace_back([&action, first, count = tokens * (k + 1) / 3 - first] { action(first, count); });
  }
  for (std::thread& thread : threads) thread.join();
}

/// What is written: chunks equal the whole, every storage equals row-major, nothing around it changes, threads equal one
/// thread, and nothing allocates.
///
/// @param encode  encode(out, first) writes the encodings of tokens first, first + 1, ... into the rows of `out`.
template <typename Scalar, typename Encode>
void check_written_encoding(Index tokens, Index width, const Encode& encode) {
  RowMatrix<Scalar> whole(tokens, width);
  encode(whole, Index(0));
  for (const Index chunk : {1, 7, 16}) {
    RowMatrix<Scalar> encoded(tokens, width);
    for (Index first = 0; first < tokens; first += chunk) {
      encode(encoded.middleRows(first, (std::min)(chunk, tokens - first)), first);
    }
    CHECK(same_bits(encoded, whole));
  }

  ColumnMatrix<Scalar> column_major(tokens, width);
  encode(column_major, Index(0));
  CHECK(same_bits(column_major, whole));
  ColumnMatrix<Scalar> features(width, tokens);
  encode(features.transpose(), Index(0));
  CHECK(same_bits(features.transpose(), whole));
  RowMatrix<Scalar> around = RowMatrix<Scalar>::Constant(tokens + 2, width + 5, Scalar(7));
  encode(around.block(1, 3, tokens, width), Index(0));
  CHECK(same_bits(around.block(1, 3, tokens, width), whole));
  around.block(1, 3, tokens, width).setConstant(Scalar(7));
  CHECK((around.array() == Scalar(7)).all());
  ColumnMatrix<Scalar> twice(2 * tokens, width);
  auto every_other = twice(Eigen::seqN(0, tokens, 2), Eigen::all);
  encode(every_other, Index(0));
  CHECK(same_bits(every_other, whole));

  RowMatrix<Scalar> shared(tokens, width);
  in_three_threads(tokens, [&](Index first, Index count) { encode(shared.middleRows(first, count), first); });
  CHECK(same_bits(shared, whole));

  if (!kCountsAllocations) return;
  CHECK(count_allocations([&] {
          encode(shared, Index(0));
          encode(column_major, Index(0));
        }) == 0);
}

/// Chunks equal the whole, every storage equals row-major, adding onto zeros equals encoding, threads equal one thread,
/// and nothing allocates.
///
/// @param encode  encode(out, first) writes the encodings of tokens first, first + 1, ... into the rows of `out`.
/// @param add     add(x, first) adds them.
template <typename Scalar, typename Encode, typename Add>
void check_encoder(Index tokens, Index width, const Encode& encode, const Add& add) {
  RowMatrix<Scalar> whole(tokens, width);
  encode(whole, Index(0));
  const RowMatrix<Scalar> x = random_matrix<Scalar>(tokens, width, 17);
  RowMatrix<Scalar> sum = x;
  add(sum, Index(0));

  RowMatrix<Scalar> zeros = RowMatrix<Scalar>::Zero(tokens, width);
  add(zeros, Index(0));
  CHECK(zeros == whole);

  for (const Index chunk : {1, 7, 16}) {
    RowMatrix<Scalar> encoded(tokens, width);
    RowMatrix<Scalar> added = x;
    for (Index first = 0; first < tokens; first += chunk) {
      const Index count = (std::min)(chunk, tokens - first);
      encode(encoded.middleRows(first, count), first);
      add(added.middleRows(first, count), first);
    }
    CHECK(same_bits(encoded, whole));
    CHECK(same_bits(added, sum));
  }

  ColumnMatrix<Scalar> column_major(tokens, width);
  encode(column_major, Index(0));
  CHECK(same_bits(column_major, whole));
  column_major = x;
  add(column_major, Index(0));
  CHECK(same_bits(column_major, sum));
  ColumnMatrix<Scalar> features = x.transpose();
  add(features.transpose(), Index(0));
  CHECK(same_bits(features.transpose(), sum));
  RowMatrix<Scalar> around = RowMatrix<Scalar>::Constant(tokens + 2, width + 5, Scalar(7));
  around.block(1, 3, tokens, width) = x;
  add(around.block(1, 3, tokens, width), Index(0));
  CHECK(same_bits(around.block(1, 3, tokens, width), sum));
  around.block(1, 3, tokens, width).setConstant(Scalar(7));
  CHECK((around.array() == Scalar(7)).all());
  ColumnMatrix<Scalar> twice(2 * tokens, width);
  auto every_other = twice(Eigen::seqN(0, tokens, 2), Eigen::all);
  encode(every_other, Index(0));
  CHECK(same_bits(every_other, whole));

  RowMatrix<Scalar> shared = x;
  in_three_threads(tokens, [&](Index first, Index count) { add(shared.middleRows(first, count), first); });
  CHECK(same_bits(shared, sum));

  if (!kCountsAllocations) return;
  CHECK(count_allocations([&] {
          encode(shared, Index(0));
          add(shared, Index(0));
          encode(column_major, Index(0));
          add(column_major, Index(0));
        }) == 0);
}

/// <forward(parameters), y> = <parameters, backward(y)>, for a forward that is linear in its parameters: to 1e-12 of the
/// sum of the terms' sizes in double, and to 4 eps of it elsewhere, eps being that of the scalar.
///
/// @param parameters  rows x columns.
/// @param y           Of the forward's shape.
/// @param forward     forward(out, parameters).
/// @param backward    backward(grad, y) adds to `grad`, of the parameters' shape.
template <typename Scalar, typename Forward, typename Backward>
void check_adjoint(const RowMatrix<Scalar>& parameters, const RowMatrix<Scalar>& y, const Forward& forward,
                   const Backward& backward) {
  using Real = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  RowMatrix<Scalar> out = RowMatrix<Scalar>::Zero(y.rows(), y.cols());
  forward(out, parameters);
  using GradMatrix = RowMatrix<Real>;  // gradients of half types are summed in float
  GradMatrix grad = GradMatrix::Zero(parameters.rows(), parameters.cols());
  backward(grad, y);
  const double eps = std::is_same_v<Scalar, double>            ? 1e-12
                     : std::is_same_v<Scalar, float>           ? 4 * 0x1p-23
                     : std::is_same_v<Scalar, Eigen::bfloat16> ? 4 * 0x1p-7
                                                               : 4 * 0x1p-10;
  const double size = (std::max)(absolute_dot(out, y), absolute_dot(parameters, grad));
  CHECK(size > 0);
  CHECK(std::abs(dot(out, y) - dot(parameters, grad)) <= eps * size);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_ENCODER_PROPERTIES_HPP
