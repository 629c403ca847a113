// SPDX-License-Identifier: MIT
/// What holds for every bias that is linear in its parameters, in float and double: forward and backward are adjoint,
/// layouts and chunks agree, stacked heads are the heads one by one, and threads may share what is only read.
#include "relative_bias/schemes.hpp"

#include <thread>

using namespace posenc_tests;
using namespace posenc_tests::schemes;

namespace {

constexpr Index kHeads = 2;

template <typename Scalar>
constexpr double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());

/// <forward, g> = <parameter, backward>: to 1e-12 of the sum of the terms' sizes in double, 4 eps elsewhere.
template <typename Scalar>
constexpr double adjoint_bound = std::is_same_v<Scalar, double> ? 1e-12 : 4 * epsilon<Scalar>;

/// Two orders of a sum of n terms differ by at most 2 n eps of their sizes. No sum here has more terms than this.
template <typename Scalar>
constexpr double order_bound = 2 * 47 * 47 * epsilon<Scalar>;

template <typename A, typename B, typename Sizes>
bool agree(const A& a, const B& b, const Sizes& sizes, double bound) {
  bool all = a.rows() == b.rows() && a.cols() == b.cols();
  for (Index i = 0; all && i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      const double difference = std::abs(static_cast<double>(a(i, j)) - static_cast<double>(b(i, j)));
      all = all && difference <= bound * static_cast<double>(sizes(i, j));
    }
  }
  return all;
}

std::vector<NamedSpan> spans_within_tables() {
  std::vector<NamedSpan> spans;
  for (const NamedSpan& named : all_spans()) {
    if (all_distances().contains(named.span.distances())) spans.push_back(named);
  }
  return spans;
}

}  // namespace

TEMPLATE_TEST_CASE("biases: forward and backward are adjoint in every parameter", "[relative_bias][properties]", float,
                   double) {
  using Scalar = TestType;
  for_each_scheme([](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    for (const NamedSpan& named : spans_within_tables()) {
      for (const bool shared : {true, false}) {
        INFO(Scheme::name << ", " << named.name << (shared ? ", shared" : ", by head"));
        const AttentionSpan& span = named.span;
        if (span.query_len() == 0 || span.key_len() == 0) continue;
        const auto parameters = random_parameters<Scheme, Scalar>(scheme, span, kHeads, shared, 300);
        const auto others = random_parameters<Scheme, Scalar>(scheme, span, kHeads, shared, 400);
        const auto grad = random_matrix<Scalar>(kHeads * span.query_len(), span.key_len(), 500);
        const RowMatrix<Scalar> grad_sizes = grad.cwiseAbs();
        auto gradients = zeros_like(parameters);
        Workspace<Scalar> workspace;
        Scheme::backward(gradients, grad, span, parameters, workspace);
        const auto bias = bias_of(scheme, span, kHeads, parameters);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          // Affine in parameter i: the change of the bias by another one, against the gradient.
          auto changed = parameters;
          changed[i] = others[i];
          const auto other_bias = bias_of(scheme, span, kHeads, changed);
          auto sizes = sizes_of(parameters);
          sizes[i] += others[i].cwiseAbs();
          const RowMatrix<Scalar> sums = bias_of(scheme, span, kHeads, sizes).cwiseAbs();
          const double forward = dot(other_bias, grad) - dot(bias, grad);
          const double backward = dot(others[i], gradients[i]) - dot(parameters[i], gradients[i]);
          REQUIRE(std::abs(forward - backward) <= adjoint_bound<Scalar> * dot(sums, grad_sizes));
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("biases: column-major logits and gradients agree with row-major ones", "[relative_bias][properties]",
                   float, double) {
  using Scalar = TestType;
  for_each_scheme([](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    for (const NamedSpan& named : spans_within_tables()) {
      INFO(Scheme::name << ", " << named.name);
      const AttentionSpan& span = named.span;
      const auto parameters = random_parameters<Scheme, Scalar>(scheme, span, kHeads, false, 310);
      const RowMatrix<Scalar> sizes = bias_of(scheme, span, kHeads, sizes_of(parameters)).cwiseAbs();
      ColumnMatrix<Scalar> by_columns = ColumnMatrix<Scalar>::Zero(kHeads * span.query_len(), span.key_len());
      Workspace<Scalar> workspace;
      Scheme::add(by_columns, span, parameters, workspace);
      REQUIRE(agree(by_columns, bias_of(scheme, span, kHeads, parameters), sizes, order_bound<Scalar>));

      const auto grad = random_matrix<Scalar>(by_columns.rows(), by_columns.cols(), 510);
      const ColumnMatrix<Scalar> grad_by_columns = grad;
      auto gradients = zeros_like(parameters);
      auto others = gradients;
      auto bounds = gradients;
      Scheme::backward(gradients, grad, span, parameters, workspace);
      Scheme::backward(others, grad_by_columns, span, parameters, workspace);
      Scheme::backward(bounds, RowMatrix<Scalar>(grad.cwiseAbs()), span, sizes_of(parameters), workspace);
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        REQUIRE(agree(others[i], gradients[i], bounds[i].cwiseAbs(), order_bound<Scalar>));
      }
    }
  });
}

TEMPLATE_TEST_CASE("biases: chunks of queries agree with the whole", "[relative_bias][properties]", float, double) {
  using Scalar = TestType;
  const AttentionSpan whole = AttentionSpan::cached(40, 45);
  for_each_scheme([&](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    INFO(Scheme::name);
    const auto parameters = random_parameters<Scheme, Scalar>(scheme, whole, 1, true, 320);
    const auto bias = bias_of(scheme, whole, 1, parameters);
    const RowMatrix<Scalar> sizes = bias_of(scheme, whole, 1, sizes_of(parameters)).cwiseAbs();
    const auto grad = random_matrix<Scalar>(whole.query_len(), whole.key_len(), 520);
    Workspace<Scalar> workspace;
    auto gradients = zeros_like(parameters);
    auto in_chunks = gradients;
    auto bounds = gradients;
    Scheme::backward(gradients, grad, whole, parameters, workspace);
    Scheme::backward(bounds, RowMatrix<Scalar>(grad.cwiseAbs()), whole, sizes_of(parameters), workspace);
    Index first = 0;
    for (const Index count : {1, 33, 6}) {
      const auto chunk = AttentionSpan::at(posenc::PositionRange(whole.query_offset() + first, count), whole.key_len());
      auto of_chunk = parameters;
      auto chunk_gradients = zeros_like(parameters);
      const auto shapes = Scheme::shapes(whole);
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (shapes[i].kind != Rows::query) continue;
        of_chunk[i] = parameters[i].middleRows(first, count).eval();
        chunk_gradients[i] = RowMatrix<Scalar>::Zero(count, parameters[i].cols());
      }
      REQUIRE(agree(bias_of(scheme, chunk, 1, of_chunk), bias.middleRows(first, count), sizes.middleRows(first, count),
                    order_bound<Scalar>));
      Scheme::backward(chunk_gradients, RowMatrix<Scalar>(grad.middleRows(first, count)), chunk, of_chunk, workspace);
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (shapes[i].kind == Rows::query) {
          in_chunks[i].middleRows(first, count) += chunk_gradients[i];
        } else {
          in_chunks[i] += chunk_gradients[i];
        }
      }
      first += count;
    }
    REQUIRE(first == whole.query_len());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      REQUIRE(agree(in_chunks[i], gradients[i], bounds[i].cwiseAbs(), order_bound<Scalar>));
    }
  });
}

TEMPLATE_TEST_CASE("biases: stacked heads are the heads one by one, each in a thread of its own",
                   "[relative_bias][properties][threads]", float, double) {
  using Scalar = TestType;
  const AttentionSpan span = AttentionSpan::cached(33, 40);
  for_each_scheme([&](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    for (const bool shared : {true, false}) {
      INFO(Scheme::name << (shared ? ", shared" : ", by head"));
      const auto parameters = random_parameters<Scheme, Scalar>(scheme, span, kHeads, shared, 330);
      const auto stacked = bias_of(scheme, span, kHeads, parameters);
      const auto grad = random_matrix<Scalar>(stacked.rows(), stacked.cols(), 530);
      Workspace<Scalar> workspace;
      auto gradients = zeros_like(parameters);
      Scheme::backward(gradients, grad, span, parameters, workspace);

      RowMatrix<Scalar> in_threads = RowMatrix<Scalar>::Zero(stacked.rows(), stacked.cols());
      std::vector<Parameters<Scalar>> head_gradients(kHeads);
      std::vector<std::thread> threads;
      for (Index head = 0; head < kHeads; ++head) {
        threads.emplace_back([&, head] {
          Workspace<Scalar> own;
          const auto one = of_head(scheme, parameters, span, head);
          Scheme::add(in_threads.middleRows(head * span.query_len(), span.query_len()), span, one, own);
          auto& d = head_gradients[static_cast<std::size_t>(head)];
          d = zeros_like(one);
          Scheme::backward(d, RowMatrix<Scalar>(grad.middleRows(head * span.query_len(), span.query_len())), span, one,
                           own);
        });
      }
      for (std::thread& thread : threads) thread.join();
      REQUIRE(same_bits(in_threads, stacked));
      if (shared && Scheme::by_head) continue;  // the table's gradient is the sum over heads: see the adjoint
      for (Index head = 0; head < kHeads; ++head) {
        const auto expected = of_head(scheme, gradients, span, head);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          if (Scheme::shapes(span)[i].kind == Rows::common) continue;  // as are those of what all heads share
          REQUIRE(same_bits(head_gradients[static_cast<std::size_t>(head)][i], expected[i]));
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("biases: gradients have the same bits wherever the logits lie", "[relative_bias][properties]", float,
                   double) {
  using Scalar = TestType;
  const AttentionSpan span = AttentionSpan::cached(33, 40);
  for_each_scheme([&](const auto& scheme) {
    using Scheme = std::decay_t<decltype(scheme)>;
    INFO(Scheme::name);
    const auto parameters = random_parameters<Scheme, Scalar>(scheme, span, kHeads, false, 340);
    const auto grad = random_matrix<Scalar>(kHeads * span.query_len(), span.key_len(), 540);
    Workspace<Scalar> workspace;
    auto expected = zeros_like(parameters);
    Scheme::backward(expected, grad, span, parameters, workspace);
    std::vector<Scalar> memory(static_cast<std::size_t>(grad.size()) + 16);
    for (std::size_t shift = 0; shift < 16; ++shift) {
      Eigen::Map<RowMatrix<Scalar>> shifted(memory.data() + shift, grad.rows(), grad.cols());
      shifted = grad;
      auto gradients = zeros_like(parameters);
      Scheme::backward(gradients, shifted, span, parameters, workspace);
      for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(same_bits(gradients[i], expected[i]));
    }
  });
}
