// SPDX-License-Identifier: MIT
/// What the tables of bad input to relative biases share.
#ifndef POSENC_TESTS_BAD_INPUT_RELATIVE_BIAS_FIXTURE_HPP
#define POSENC_TESTS_BAD_INPUT_RELATIVE_BIAS_FIXTURE_HPP

#include "support/bad_input.hpp"

#include "posenc/relative_bias.hpp"

#include <string>

namespace posenc_tests {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Mlp = posenc::BiasMlp<double>;

inline Mlp make_mlp(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs) {
  Mlp mlp;
  mlp.layers.push_back({RowMajorMatrix::Ones(hidden, inputs), Eigen::VectorXd::Ones(hidden)});
  mlp.layers.push_back({RowMajorMatrix::Ones(outputs, hidden), Eigen::VectorXd::Ones(outputs)});
  return mlp;
}

/// What the calls write to, and good arguments to go with one bad one: 3 queries, 5 keys, 2 heads of 4 channels.
struct RelativeBiasFixture {
  posenc::AttentionSpan span = posenc::AttentionSpan::cached(3, 5);
  RowMajorMatrix logits = RowMajorMatrix::Constant(3, 5, 1.5);
  RowMajorMatrix both_heads = RowMajorMatrix::Constant(6, 5, 2.5);
  RowMajorMatrix out = RowMajorMatrix::Constant(3, 4, 3.5);
  RowMajorMatrix window_logits = RowMajorMatrix::Constant(6, 6, 4.5);
  RowMajorMatrix grad = RowMajorMatrix::Constant(32, 2, 5.5);
  RowMajorMatrix grad_q = RowMajorMatrix::Constant(3, 4, 6.5);
  RowMajorMatrix grad_rows = RowMajorMatrix::Constant(5, 4, 7.5);
  posenc::DistanceTable<double> table = posenc::DistanceTable<double>(2, posenc::DistanceRange(-4, 2));
  posenc::WindowTable<double> window = posenc::WindowTable<double>(1, posenc::GridShape(2, 3));
  posenc::Fire<double> fire = {make_mlp(1, 3, 2)};
  posenc::Fire<double> grad_fire = {make_mlp(1, 3, 2)};

  // Only read.
  RowMajorMatrix weights = RowMajorMatrix::Ones(32, 2);
  RowMajorMatrix q = RowMajorMatrix::Ones(3, 4);
  RowMajorMatrix k = RowMajorMatrix::Ones(5, 4);
  RowMajorMatrix rows = RowMajorMatrix::Ones(5, 4);
  RowMajorMatrix one = RowMajorMatrix::Ones(1, 4);
  Mlp mlp = make_mlp(1, 3, 2);
  posenc::Workspace<double> workspace;

  std::string written() const {
    return bytes_of(logits, both_heads, out, window_logits, grad, grad_q, grad_rows, table.values(), window.values(),
                    grad_fire.mlp.layers[0].weight, Eigen::ArrayXd::Constant(1, grad_fire.c));
  }
};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_BAD_INPUT_RELATIVE_BIAS_FIXTURE_HPP
