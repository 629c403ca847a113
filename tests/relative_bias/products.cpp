// SPDX-License-Identifier: MIT
/// Arguments that hold a matrix product are computed once, not once for every element that is read.
#include "support/products.hpp"
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;

namespace {

constexpr Index kLength = 40;  // more than one block of queries
constexpr Index kWidth = 24;

/// Two factors of a matrix.
struct Factors {
  MatrixD a;
  MatrixD b;
  Factors(Index rows, Index columns, std::uint64_t seed)
      : a(random_matrix(rows, 24, seed)), b(random_matrix(24, columns, seed + 100)) {}
};

template <typename Use>
void check(const Factors& factors, Use&& use) {
  check_computed_once(factors.a, factors.b, use);
}

const AttentionSpan kSpan = AttentionSpan::square(kLength);
const Factors kGrad(kLength, kLength, 1);
const Factors kContent(kLength, kWidth, 2);
const MatrixD kLogits = random_matrix(kLength, kLength, 3);
const MatrixD kQuery = random_matrix(kLength, kWidth, 4);

}  // namespace

TEST_CASE("biases by bucket read products of positions once", "[relative_bias][products]") {
  const Eigen::MatrixXi sums = Eigen::MatrixXi::Ones(kLength, kLength).triangularView<Eigen::Lower>();
  const Eigen::VectorXi steps = Eigen::VectorXi::Constant(kLength, 2);
  const MatrixD weights = random_matrix(32, 1, 6);
  check_computed_once(sums, steps, [&](const auto& queries) {
    MatrixD x = kLogits;
    posenc::add_bucket_bias(x, weights, posenc::T5Buckets(32, 128, true), queries, posenc::PositionRange(0, kLength));
    return x;
  });
}

TEST_CASE("biases by distance read products once", "[relative_bias][products]") {
  const Factors weights(32, 2, 5);
  const posenc::T5Buckets buckets(32, 128, true);
  check(weights,
        [&](const auto& w) { return posenc::make_t5_table(w, buckets, posenc::DistanceRange(-20, 20)).values(); });
  check(kGrad, [&](const auto& grad) {
    posenc::DistanceTable<double> table(1, kSpan.distances());
    posenc::distance_bias_backward(table, grad, kSpan);
    posenc::distance_bias_backward(table.head(0), kLogits, kSpan);
    return Eigen::ArrayXXd(table.values());
  });
  check(kGrad, [&](const auto& grad) {
    posenc::DistanceTable<double> table(1, kSpan.distances());
    posenc::distance_bias_backward(table.head(0), grad, kSpan);
    return Eigen::ArrayXXd(table.values());
  });
}

TEST_CASE("windows read products once", "[relative_bias][products]") {
  const posenc::GridShape window(8, 5);
  const Factors weights(window.displacements(), 2, 6);
  check(weights, [&](const auto& w) { return posenc::make_window_table(w, window).values(); });
  check(kGrad, [&](const auto& grad) {
    posenc::WindowTable<double> table(1, window);
    posenc::window_bias_backward(table, grad);
    return Eigen::ArrayXXd(table.values());
  });
  check(kGrad, [&](const auto& grad) {
    posenc::WindowTable<double> table(1, window);
    posenc::window_bias_backward(table.head(0), grad);
    return Eigen::ArrayXXd(table.values());
  });
  const MatrixD rel_h = random_matrix(15, kWidth, 7);
  const MatrixD rel_w = random_matrix(9, kWidth, 8);
  const auto add = [&](const auto& q, const auto& h, const auto& w) {
    MatrixD logits = kLogits;
    posenc::add_decomposed_logits(logits, posenc::Decomposed(posenc::RelPosH(h), posenc::RelPosW(w), window, window),
                                  q);
    return logits;
  };
  check(kContent, [&](const auto& q) { return add(q, rel_h, rel_w); });
  check(Factors(15, kWidth, 9), [&](const auto& h) { return add(kQuery, h, rel_w); });
  check(Factors(9, kWidth, 10), [&](const auto& w) { return add(kQuery, rel_h, w); });
  const auto backward = [&](const auto& grad, const auto& q, const auto& h, const auto& w) {
    MatrixD all = MatrixD::Zero(kLength + 15 + 9, kWidth);
    posenc::decomposed_logits_backward(
        posenc::DecomposedGradients(all.topRows(kLength), posenc::RelPosH(all.middleRows(kLength, 15)),
                                    posenc::RelPosW(all.bottomRows(9))),
        grad, posenc::Decomposed(posenc::RelPosH(h), posenc::RelPosW(w), window, window), q);
    return all;
  };
  check(kGrad, [&](const auto& grad) { return backward(grad, kQuery, rel_h, rel_w); });
  check(kContent, [&](const auto& q) { return backward(kLogits, q, rel_h, rel_w); });
}

TEST_CASE("forgetting reads products once", "[relative_bias][products]") {
  const Factors gates(kLength, 1, 11);
  const Eigen::VectorXd sums = random_matrix(kLength, 1, 12);
  check(gates, [&](const auto& g) { return posenc::forgetting_sums(g); });
  const auto sums_backward = [&](const auto& grad, const auto& g) {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(kLength);
    posenc::forgetting_sums_backward(result, grad, g);
    return result;
  };
  check(gates, [&](const auto& grad) { return sums_backward(grad, sums); });
  check(gates, [&](const auto& g) { return sums_backward(sums, g); });
  check(gates, [&](const auto& f) {
    MatrixD logits = kLogits;
    posenc::add_forgetting_bias(logits, f, kSpan);
    return logits;
  });
  check(kGrad, [&](const auto& grad) {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(kLength);
    posenc::forgetting_bias_backward(result, grad, kSpan);
    return result;
  });
}

TEST_CASE("biases by content read products once", "[relative_bias][products]") {
  posenc::Workspace<double> workspace;
  // Any scheme: forward(logits, content, table), backward(grad_content, grad_table, grad_logits, content, table).
  const auto check_scheme = [&](Index rows, const auto& forward, const auto& backward) {
    const MatrixD table = random_matrix(rows, kWidth, 13);
    const Factors tables(rows, kWidth, 14);
    const auto run_forward = [&](const auto& content, const auto& t) {
      MatrixD logits = kLogits;
      forward(logits, content, t);
      return logits;
    };
    const auto run_backward = [&](const auto& grad, const auto& content, const auto& t) {
      MatrixD all = MatrixD::Zero(kLength + rows, kWidth);
      backward(all.topRows(kLength), all.bottomRows(rows), grad, content, t);
      return all;
    };
    check(kContent, [&](const auto& content) { return run_forward(content, table); });
    check(tables, [&](const auto& t) { return run_forward(kQuery, t); });
    check(kGrad, [&](const auto& grad) { return run_backward(grad, kQuery, table); });
    check(kContent, [&](const auto& content) { return run_backward(kLogits, content, table); });
    check(tables, [&](const auto& t) { return run_backward(kLogits, kQuery, t); });
  };

  const auto attention = [](const auto& q, const auto& k) { return posenc::ContentAttention(q, k, 0.5, kSpan); };

  const posenc::DistanceClip clip(16, 8);
  check_scheme(
      clip.rows(),
      [&](auto& x, const auto& q, const auto& t) {
        posenc::add_shaw_logits(x, posenc::ShawKeys(t, clip), attention(q, kQuery), workspace);
      },
      [&](auto&& dq, auto&& dt, const auto& g, const auto& q, const auto& t) {
        posenc::shaw_logits_backward(posenc::RelativeGradients(dq, dt), g, posenc::ShawKeys(t, clip),
                                     attention(q, kQuery), workspace);
      });
  const posenc::DistanceRange distances(-30, 19);
  check_scheme(
      50,
      [&](auto& x, const auto& q, const auto& r) {
        posenc::add_relative_logits(x, posenc::RelativeKeys(r, distances), attention(q, kQuery), workspace);
      },
      [&](auto&& dq, auto&& dr, const auto& g, const auto& q, const auto& r) {
        posenc::relative_logits_backward(posenc::RelativeGradients(dq, dr), g, posenc::RelativeKeys(r, distances),
                                         attention(q, kQuery), workspace);
      });
  const MatrixD u = random_matrix(1, kWidth, 15);
  check_scheme(
      50,
      [&](auto& x, const auto& k, const auto& r) {
        posenc::add_transformer_xl_logits(x, posenc::TransformerXl(r, distances, u, u), attention(kQuery, k),
                                          workspace);
      },
      [&](auto&& dk, auto&& dr, const auto& g, const auto& k, const auto& r) {
        MatrixD dq = MatrixD::Zero(kLength, kWidth);
        MatrixD du = MatrixD::Zero(1, kWidth);
        MatrixD dv = MatrixD::Zero(1, kWidth);
        posenc::transformer_xl_logits_backward(posenc::TransformerXlGradients(dq, dk, dr, du, dv), g,
                                               posenc::TransformerXl(r, distances, u, u), attention(kQuery, k),
                                               workspace);
      });
  const MatrixD r = random_matrix(50, kWidth, 16);
  const auto with_biases = [&](const auto& some_u, const auto& some_v) {
    MatrixD logits = kLogits;
    posenc::add_transformer_xl_logits(logits, posenc::TransformerXl(r, distances, some_u, some_v),
                                      attention(kQuery, kQuery), workspace);
    return logits;
  };
  check(Factors(1, kWidth, 16), [&](const auto& bias) { return with_biases(bias, u); });
  check(Factors(1, kWidth, 16), [&](const auto& bias) { return with_biases(u, bias); });
  const posenc::DebertaBuckets buckets(64, 32);
  check_scheme(
      buckets.rows(),
      [&](auto& x, const auto& q, const auto& t) {
        posenc::add_deberta_logits(x, posenc::Deberta(buckets, posenc::ContentToPosition(t)), attention(q, kQuery),
                                   workspace);
      },
      [&](auto&& dq, auto&& dt, const auto& g, const auto& q, const auto& t) {
        posenc::deberta_logits_backward(posenc::DebertaGradients(posenc::ContentToPositionGradients(dq, dt)), g,
                                        posenc::Deberta(buckets, posenc::ContentToPosition(t)), attention(q, kQuery),
                                        workspace);
      });
  check_scheme(
      buckets.rows(),
      [&](auto& x, const auto& k, const auto& t) {
        posenc::add_deberta_logits(x, posenc::Deberta(buckets, posenc::PositionToContent(t)), attention(kQuery, k),
                                   workspace);
      },
      [&](auto&& dk, auto&& dt, const auto& g, const auto& k, const auto& t) {
        posenc::deberta_logits_backward(posenc::DebertaGradients(posenc::PositionToContentGradients(dk, dt)), g,
                                        posenc::Deberta(buckets, posenc::PositionToContent(t)), attention(kQuery, k),
                                        workspace);
      });
  // The logits are the argument that is read here: their gradient is written in place.
  check_scheme(
      20,
      [&](auto& x, const auto& q, const auto& t) {
        posenc::add_cope_logits(x, posenc::Cope(t, 20), attention(q, kQuery), workspace);
      },
      [&](auto&& dq, auto&& dt, const auto& logits, const auto& q, const auto& t) {
        MatrixD grad = kLogits;
        posenc::cope_logits_backward(posenc::CopeGradients(grad, dq, dt), logits, posenc::Cope(t, 20),
                                     attention(q, kQuery), workspace);
      });
}

TEST_CASE("Shaw's values read products once", "[relative_bias][products]") {
  posenc::Workspace<double> workspace;
  const posenc::DistanceClip clip(16, 8);
  const MatrixD table = random_matrix(clip.rows(), kWidth, 17);
  const Factors tables(clip.rows(), kWidth, 18);
  const auto forward = [&](const auto& attention, const auto& t) {
    MatrixD out = kQuery;
    posenc::add_shaw_values(out, posenc::ShawValues(t, clip), attention, kSpan, workspace);
    return out;
  };
  check(kGrad, [&](const auto& attention) { return forward(attention, table); });
  check(tables, [&](const auto& t) { return forward(kLogits, t); });
  const auto backward = [&](const auto& grad, const auto& attention, const auto& t) {
    MatrixD dattention = MatrixD::Zero(kLength, kLength);
    MatrixD dtable = MatrixD::Zero(clip.rows(), kWidth);
    posenc::shaw_values_backward(posenc::RelativeGradients(dattention, dtable), grad, posenc::ShawValues(t, clip),
                                 attention, kSpan, workspace);
    return MatrixD(dtable * dattention.leftCols(kWidth).transpose());
  };
  check(kContent, [&](const auto& grad) { return backward(grad, kLogits, table); });
  check(kGrad, [&](const auto& attention) { return backward(kQuery, attention, table); });
  check(tables, [&](const auto& t) { return backward(kQuery, kLogits, t); });
}

TEST_CASE("FIRE reads products once", "[relative_bias][products]") {
  posenc::Fire<double> fire;
  fire.mlp.layers = {{random_matrix(4, 1, 19), random_matrix(4, 1, 20)}, {random_matrix(1, 4, 21), {}}};
  for (const double initial_length : {512.0, 8.0}) {  // by distance, and query by query
    fire.initial_length = initial_length;
    check(kGrad, [&](const auto& grad) {
      posenc::Fire<double> result = fire.zeros();
      posenc::fire_bias_backward(result, grad, fire, kSpan);
      return result.mlp.layers[0].weight;
    });
  }
}
