// SPDX-License-Identifier: MIT
/// Biases against classes of transformers, timm and x-transformers (tests/parity/golden_classes.py).
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

#include "posenc/learnable.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceRange;
using posenc::GridShape;

namespace {

const Golden& classes() {
  static const Golden file = golden("relative/classes.csv");
  return file;
}

struct Case {
  std::string scheme;
  std::string n;

  MatrixD block(const std::string& name) const { return classes().block(scheme + "-" + name + "-" + n).matrix(); }
  Index given(Index i) const { return static_cast<Index>(block("given")(0, i)); }
  /// A head for each square of the bias.
  AttentionSpan span() const { return AttentionSpan::square(block("bias").cols()); }
};

template <typename Body>
void for_each_case(const std::string& scheme, const Body& body) {
  for (const std::string n : {"0", "1", "2"}) {
    INFO(scheme << " " << n);
    body(Case{scheme, n});
  }
}

/// The part that causal attention reads.
double visible_distance(const MatrixD& a, const MatrixD& b) {
  double worst = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    const Index visible = i % a.cols() + 1;
    worst = std::max(worst, distance(MatrixD(a.row(i).head(visible)), MatrixD(b.row(i).head(visible))));
  }
  return worst;
}

}  // namespace

TEST_CASE("CoPE, forgetting and banded logits equal x-transformers'", "[relative_bias][accuracy]") {
  posenc::Workspace<double> workspace;
  for_each_case("cope", [&](const Case& test) {
    const MatrixD q = test.block("q"), table = test.block("table"), before = test.block("logits");
    MatrixD logits = before;
    posenc::add_cope_logits(logits, posenc::Cope(table, table.rows()), ContentAttention(q, q, 1.0, test.span()),
                            workspace);
    // Sums of up to 12 gates and of up to 12 products below 1, as the bound of add_cope_logits() says.
    REQUIRE(visible_distance(logits - before, test.block("bias")) <= 2 * 12 * 12 * 12 * kEpsilon);
  });
  for_each_case("forgetting", [&](const Case& test) {
    MatrixD logits = MatrixD::Zero(test.block("bias").rows(), test.block("bias").cols());
    posenc::add_forgetting_bias(logits, posenc::forgetting_sums(test.block("gate_logits")), test.span());
    REQUIRE(visible_distance(logits, test.block("bias")) <= 12 * 12 * kEpsilon);  // sums of 12 logarithms below 4
  });
  for_each_case("banded", [&](const Case& test) {
    const MatrixD r = test.block("r"), projection = test.block("projection");
    MatrixD logits = MatrixD::Zero(test.block("bias").rows(), test.block("bias").cols());
    posenc::add_banded_logits(logits, r, projection, test.span(), workspace);
    REQUIRE(distance(logits, test.block("bias")) <= 16 * kEpsilon);  // sums of 4 products below 4
  });
}

TEST_CASE("ALiBi equals that of x-transformers", "[relative_bias][alibi][accuracy]") {
  for_each_case("alibi", [](const Case& test) {
    const MatrixD expected = test.block("bias");
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    const auto slopes = posenc::alibi_slopes(expected.rows() / expected.cols());
    posenc::add_distance_bias(
        logits, posenc::make_alibi_table<double>(slopes, test.span().distances(), posenc::AlibiForm::symmetric),
        test.span());
    REQUIRE(distance(logits, expected) <= 8 * 0x1p-24);  // slopes of at most 1 in float32, times distances below 8
  });
}

TEST_CASE("slopes of ALiBi equal those of BLOOM and MPT", "[relative_bias][alibi][accuracy]") {
  for_each_case("slopes", [](const Case& test) {
    for (const char* const model : {"bloom", "mpt"}) {
      const MatrixD expected = test.block(model);
      const Eigen::ArrayXd slopes = posenc::alibi_slopes(expected.cols());
      // Powers of up to 64 in float of a base that is rounded to float.
      REQUIRE((slopes / expected.row(0).transpose().array() - 1).abs().maxCoeff() <= 2 * 64 * 0x1p-24);
    }
  });
}

TEST_CASE("the bias of T5 equals that of transformers", "[relative_bias][t5][accuracy]") {
  for_each_case("t5_bias", [](const Case& test) {
    const posenc::T5Buckets buckets(test.given(0), test.given(1), test.given(2) != 0);
    MatrixD logits = MatrixD::Zero(test.block("bias").rows(), test.block("bias").cols());
    posenc::add_distance_bias(logits, posenc::make_t5_table(test.block("weights"), buckets, test.span().distances()),
                              test.span());
    REQUIRE(distance(logits, test.block("bias")) == 0);
  });
}

TEST_CASE("buckets of T5 and DeBERTa equal those of transformers", "[relative_bias][t5][deberta]") {
  for_each_case("t5", [](const Case& test) {
    const posenc::T5Buckets buckets(test.given(0), test.given(1), test.given(2) != 0);
    const MatrixD at = test.block("at"), rows = test.block("rows");
    for (Index i = 0; i < at.cols(); ++i) {
      INFO(at(0, i));
      REQUIRE(buckets(static_cast<std::int64_t>(at(0, i))) == static_cast<Index>(rows(0, i)));
    }
  });
  for_each_case("deberta_rows", [](const Case& test) {
    const posenc::DebertaBuckets buckets(test.given(0), test.given(1));
    const MatrixD at = test.block("at"), rows = test.block("rows");
    for (Index i = 0; i < at.cols(); ++i) {
      INFO(at(0, i));
      REQUIRE(buckets(static_cast<std::int64_t>(at(0, i))) == static_cast<Index>(rows(0, i)));
    }
  });
}

TEST_CASE("DeBERTa, Shaw, Transformer-XL and decomposed logits equal those of transformers",
          "[relative_bias][accuracy]") {
  posenc::Workspace<double> workspace;
  for_each_case("deberta", [&](const Case& test) {
    const MatrixD q = test.block("q"), k = test.block("k"), c2p = test.block("c2p"), p2c = test.block("p2c");
    const posenc::DebertaBuckets buckets = test.given(1) < 0 ? posenc::DebertaBuckets(test.given(0))
                                                             : posenc::DebertaBuckets(test.given(0), test.given(1));
    MatrixD logits = MatrixD::Zero(test.block("bias").rows(), test.block("bias").cols());
    const double scale = 1 / std::sqrt(3.0 * static_cast<double>(q.cols()));
    posenc::add_deberta_logits(logits,
                               posenc::Deberta(buckets, posenc::ContentToPosition(c2p), posenc::PositionToContent(p2c)),
                               ContentAttention(q, k, scale, test.span()), workspace);
    REQUIRE(distance(logits, test.block("bias")) <= 14 * 14 * 16 * kEpsilon);  // entries of tables below 16
  });
  for_each_case("shaw", [&](const Case& test) {
    const MatrixD q = test.block("q"), table = test.block("table");
    MatrixD logits = MatrixD::Zero(test.block("bias").rows(), test.block("bias").cols());
    posenc::add_shaw_logits(logits, posenc::ShawKeys(table, posenc::DistanceClip(test.given(0), test.given(1))),
                            ContentAttention(q, q, 0.5, test.span()), workspace);
    REQUIRE(distance(logits, test.block("bias")) <= 16 * kEpsilon);  // multiples of 1/128 below 8
  });
  for_each_case("transformer_xl", [&](const Case& test) {
    const MatrixD q = test.block("q"), k = test.block("k"), projection = test.block("projection");
    const MatrixD u = test.block("u"), v = test.block("v"), expected = test.block("bias");
    const DistanceRange all = test.span().distances();
    const MatrixD sinusoids = posenc::make_relative_sinusoids<double>(
        all, posenc::geometric_frequencies(projection.cols(), 10000.0), posenc::ChannelOrder::interleaved);
    MatrixD r(u.rows() * all.size(), q.cols());
    for (Index h = 0; h < u.rows(); ++h) {
      r.middleRows(h * all.size(), all.size()) = sinusoids * projection.middleRows(h * q.cols(), q.cols()).transpose();
    }
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    posenc::add_transformer_xl_logits(logits, posenc::TransformerXl(r, all, u, v),
                                      ContentAttention(q, k, 0.5, test.span()), workspace);
    // The class forms sinusoids in float32: angles below 12 and frequencies off by 2^-21 together. A logit is half of a
    // sum over the channels of a head, q + v below 2, and those of the model.
    REQUIRE(distance(logits, expected) <= std::ldexp(1.0, -21) * static_cast<double>(q.cols() * projection.cols()));
  });
  for_each_case("decomposed", [&](const Case& test) {
    const MatrixD q = test.block("q");
    const GridShape query(test.given(0), test.given(1)), key(test.given(2), test.given(3));
    MatrixD logits = MatrixD::Zero(query.tokens(), key.tokens());
    const auto of_length = [&](const MatrixD& table, Index query_side, Index key_side) {
      MatrixD out(2 * std::max(query_side, key_side) - 1, table.cols());
      posenc::resize(out, table, posenc::Resize::relative_distances);
      return out;
    };
    const MatrixD height = of_length(test.block("height"), query.height(), key.height());
    const MatrixD width = of_length(test.block("width"), query.width(), key.width());
    auto scheme = posenc::Decomposed(posenc::RelPosH(height), posenc::RelPosW(width), query, key);
    posenc::add_decomposed_logits(logits, scheme, q);
    REQUIRE(distance(logits, test.block("bias")) <= 9 * 9 * kEpsilon);
  });
}

TEST_CASE("windows resized by timm", "[relative_bias][window][accuracy]") {
  for_each_case("windows", [](const Case& test) {
    const GridShape from(test.given(0), test.given(1)), to(test.given(2), test.given(3));
    const auto token = test.given(4) != 0 ? posenc::ClassToken::first : posenc::ClassToken::none;
    const MatrixD table = test.block("table");
    MatrixD out(test.block("bicubic").rows(), table.cols());
    const auto resized = [&](posenc::WindowFilter filter) {
      posenc::resize(out, table, posenc::WindowResize(from, to, filter).keep(token));
      return out;
    };
    REQUIRE(distance(resized(posenc::WindowFilter::bicubic), test.block("bicubic")) <= 64 * kEpsilon);
    // timm bisects to 1e-6, which its places of up to 6 magnify, and interpolates in float32; slopes are below 2.
    REQUIRE(distance(resized(posenc::WindowFilter::geometric_linear), test.block("geometric")) <= 1e-4);
  });
}
