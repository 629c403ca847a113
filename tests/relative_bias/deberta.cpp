// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::ContentToPosition;
using posenc::ContentToPositionGradients;
using posenc::Deberta;
using posenc::DebertaBuckets;
using posenc::DebertaGradients;
using posenc::PositionToContent;
using posenc::PositionToContentGradients;
using posenc::Workspace;

namespace {

constexpr Index kHeadDim = 5;
constexpr double kLogitBound = (kHeadDim + 2) * (kHeadDim + 2) * kEpsilon;
constexpr double kGradBound = 60 * 60 * kEpsilon;

/// The published expression in long double, rounded up with care where it is a whole number.
std::int64_t log_bucket(std::int64_t relative, std::int64_t position_buckets, std::int64_t max_position) {
  const std::int64_t mid = position_buckets / 2;
  const std::int64_t n = std::abs(relative);
  if (n <= mid) return relative;
  const long double quotient = std::log(static_cast<long double>(n) / static_cast<long double>(mid)) /
                               std::log(static_cast<long double>(max_position - 1) / static_cast<long double>(mid)) *
                               static_cast<long double>(mid - 1);
  const std::int64_t bucket = static_cast<std::int64_t>(std::ceil(quotient - 1e-12L)) + mid;
  return relative < 0 ? -bucket : bucket;
}

Index table_row(std::int64_t bucket, Index half) {
  return std::min(std::max(static_cast<Index>(bucket) + half, Index(0)), 2 * half - 1);
}

struct Setting {
  Index max_position;
  Index position_buckets;
};

DebertaBuckets buckets_of(const Setting& setting) {
  return setting.position_buckets == 0 ? DebertaBuckets(setting.max_position)
                                       : DebertaBuckets(setting.max_position, setting.position_buckets);
}

Index naive_row(const Setting& setting, std::int64_t query_minus_key) {
  if (setting.position_buckets == 0) return table_row(query_minus_key, setting.max_position);
  return table_row(log_bucket(query_minus_key, setting.position_buckets, setting.max_position),
                   setting.position_buckets);
}

}  // namespace

TEST_CASE("DeBERTa rows by distance, without buckets and with logarithmic ones", "[relative_bias][deberta][accuracy]") {
  for (const Setting& setting :
       {Setting{512, 0}, Setting{7, 0}, Setting{512, 256}, Setting{128, 32}, Setting{20, 4}, Setting{1000, 64}}) {
    const DebertaBuckets buckets = buckets_of(setting);
    REQUIRE(buckets.rows() == 2 * (setting.position_buckets == 0 ? setting.max_position : setting.position_buckets));
    for (std::int64_t d = -2000; d <= 2000; ++d) {
      INFO(setting.max_position << ", " << setting.position_buckets << " at " << d);
      REQUIRE(buckets(d) == naive_row(setting, d));
    }
    REQUIRE(buckets(std::numeric_limits<std::int64_t>::min()) == 0);
    REQUIRE(buckets(std::numeric_limits<std::int64_t>::max()) == buckets.rows() - 1);
  }
  // Values computed from the formula by hand. 132 is 127 ln(132/128) / ln(511/128) = 2.82, so 128 + 3.
  const DebertaBuckets v3(512, 256);
  REQUIRE(v3(132) - 256 == 131);
  REQUIRE(v3(-132) - 256 == -131);
  REQUIRE(v3(200) - 256 == 169);
  REQUIRE(v3(256) - 256 == 192);
  REQUIRE(v3(511) - 256 == 255);
  REQUIRE(v3(512) - 256 == 255);
  REQUIRE(v3(-511) == 1);
  REQUIRE(v3(-512) == 0);
}

TEST_CASE("DeBERTa with many buckets is made soon, and right where neighboring quotients nearly meet",
          "[relative_bias][deberta][accuracy]") {
  // mid = 4096 and a ratio just above 1: a quotient of plain logarithms would be wrong by more than the distance of
  // two.
  const DebertaBuckets close(4098, 8190);
  REQUIRE(close(4095) - 8190 == 4095);
  REQUIRE(close(4096) - 8190 == 4095 + 2048);  // half of 4094 steps, and a little, rounded up
  REQUIRE(close(4097) - 8190 == 8189);
  const DebertaBuckets far(Index(1) << 20, 8192);
  REQUIRE(far((Index(1) << 20) - 1) == far.rows() - 1);
}

TEST_CASE("DeBERTa content to position and position to content, and the adjoints",
          "[relative_bias][deberta][accuracy]") {
  Workspace<double> workspace;
  for (const Setting& setting : {Setting{6, 0}, Setting{40, 8}}) {
    const DebertaBuckets buckets = buckets_of(setting);
    const MatrixD table = random_matrix(buckets.rows(), kHeadDim, 180);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", buckets " << setting.position_buckets);
      const AttentionSpan& span = named.span;
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 181);
      const MatrixD k = random_matrix(span.key_len(), kHeadDim, 182);
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 183);
      const double scale = 0.3;
      MatrixD c2p = before;
      MatrixD p2c = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const Index row = naive_row(setting, span.query_offset() + i - j);
          for (Index c = 0; c < kHeadDim; ++c) {
            c2p(i, j) += scale * q(i, c) * table(row, c);
            p2c(i, j) += scale * k(j, c) * table(row, c);
          }
        }
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      const auto attention = ContentAttention(q, k, scale, span);
      const auto only_c2p = Deberta(buckets, ContentToPosition(table));
      const auto only_p2c = Deberta(buckets, PositionToContent(table));
      posenc::add_deberta_logits(logits, only_c2p, attention, workspace);
      posenc::add_deberta_logits(column_major, only_c2p, attention, workspace);
      REQUIRE(distance(logits, c2p) <= kLogitBound);
      REQUIRE(same_bits(column_major, logits));
      logits = before;
      column_major = before;
      posenc::add_deberta_logits(logits, only_p2c, attention, workspace);
      posenc::add_deberta_logits(column_major, only_p2c, attention, workspace);
      REQUIRE(distance(logits, p2c) <= kLogitBound);
      REQUIRE(same_bits(column_major, logits));

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 184);
      const double size = kHeadDim * grad.cwiseAbs().sum();
      const MatrixD other_table = random_matrix(table.rows(), kHeadDim, 185);
      for (const bool of_queries : {true, false}) {
        const MatrixD& content = of_queries ? q : k;
        const MatrixD other = random_matrix(content.rows(), kHeadDim, 186);
        const auto bias = [&](const MatrixD& some_content, const MatrixD& some_table) {
          MatrixD x = MatrixD::Zero(span.query_len(), span.key_len());
          if (of_queries) {
            posenc::add_deberta_logits(x, Deberta(buckets, ContentToPosition(some_table)),
                                       ContentAttention(some_content, k, scale, span), workspace);
          } else {
            posenc::add_deberta_logits(x, Deberta(buckets, PositionToContent(some_table)),
                                       ContentAttention(q, some_content, scale, span), workspace);
          }
          return x;
        };
        const auto backward = [&](MatrixD& grad_content, MatrixD& grad_table, const auto& grad_logits) {
          if (of_queries) {
            posenc::deberta_logits_backward(DebertaGradients(ContentToPositionGradients(grad_content, grad_table)),
                                            grad_logits, only_c2p, attention, workspace);
          } else {
            posenc::deberta_logits_backward(DebertaGradients(PositionToContentGradients(grad_content, grad_table)),
                                            grad_logits, only_p2c, attention, workspace);
          }
        };
        MatrixD grad_content = MatrixD::Zero(content.rows(), kHeadDim);
        MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
        backward(grad_content, grad_table, grad);
        require_adjoint(dot(bias(other, table), grad), dot(other, grad_content), size);
        require_adjoint(dot(bias(content, other_table), grad), dot(other_table, grad_table), size);
        MatrixD grad_content_2 = MatrixD::Zero(content.rows(), kHeadDim);
        MatrixD grad_table_2 = MatrixD::Zero(table.rows(), kHeadDim);
        backward(grad_content_2, grad_table_2, ColumnMatrix<double>(grad));
        REQUIRE(distance(grad_content_2, grad_content) <= kGradBound);
        REQUIRE(distance(grad_table_2, grad_table) <= kGradBound);
      }
    }
  }
}

TEST_CASE("DeBERTa: chunks agree with the whole, float with double", "[relative_bias][deberta][accuracy]") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const DebertaBuckets buckets(64, 16);
  const MatrixD q = random_matrix(50, kHeadDim, 190);
  const MatrixD table = random_matrix(buckets.rows(), kHeadDim, 191);
  const MatrixD other_table = random_matrix(buckets.rows(), kHeadDim, 192);
  const auto whole = AttentionSpan::square(50);
  const auto both = Deberta(buckets, ContentToPosition(table), PositionToContent(other_table));
  MatrixD at_once = MatrixD::Zero(50, 50);
  posenc::add_deberta_logits(at_once, both, ContentAttention(q, q, 1.0, whole), workspace);
  MatrixD in_chunks = MatrixD::Zero(50, 50);
  Index first = 0;
  for (const Index count : {1, 40, 9}) {
    posenc::add_deberta_logits(in_chunks.middleRows(first, count), both,
                               ContentAttention(q.middleRows(first, count), q, 1.0,
                                                AttentionSpan::at(posenc::PositionRange(first, count), 50)),
                               workspace);
    first += count;
  }
  REQUIRE(first == 50);
  REQUIRE(distance(in_chunks, at_once) <= 2 * kLogitBound);
  RowMatrix<float> short_logits = RowMatrix<float>::Zero(50, 50);
  posenc::add_deberta_logits(
      short_logits,
      Deberta(buckets, ContentToPosition(table.cast<float>()), PositionToContent(other_table.cast<float>())),
      ContentAttention(q.cast<float>(), q.cast<float>(), 1.0f, whole), short_workspace);
  REQUIRE(distance(short_logits, at_once) <= 2 * kLogitBound * 0x1p29);
}

TEST_CASE("DeBERTa: both terms at once are the two one after the other, forward and backward",
          "[relative_bias][deberta][accuracy]") {
  Workspace<double> workspace;
  const DebertaBuckets buckets(40, 8);
  const auto span = AttentionSpan::cached(5, 9);
  const MatrixD q = random_matrix(5, kHeadDim, 193);
  const MatrixD k = random_matrix(9, kHeadDim, 194);
  const MatrixD c2p = random_matrix(buckets.rows(), kHeadDim, 195);
  const MatrixD p2c = random_matrix(buckets.rows(), kHeadDim, 196);
  const auto attention = ContentAttention(q, k, 0.3, span);
  MatrixD together = random_matrix(5, 9, 197);
  MatrixD in_turn = together;
  posenc::add_deberta_logits(together, Deberta(buckets, ContentToPosition(c2p), PositionToContent(p2c)), attention,
                             workspace);
  posenc::add_deberta_logits(in_turn, Deberta(buckets, ContentToPosition(c2p)), attention, workspace);
  posenc::add_deberta_logits(in_turn, Deberta(buckets, PositionToContent(p2c)), attention, workspace);
  REQUIRE(same_bits(together, in_turn));

  MatrixD grads[2][4];
  for (auto& grad : grads) {
    grad[0] = MatrixD::Zero(5, kHeadDim);
    grad[1] = MatrixD::Zero(buckets.rows(), kHeadDim);
    grad[2] = MatrixD::Zero(9, kHeadDim);
    grad[3] = MatrixD::Zero(buckets.rows(), kHeadDim);
  }
  posenc::deberta_logits_backward(DebertaGradients(ContentToPositionGradients(grads[0][0], grads[0][1]),
                                                   PositionToContentGradients(grads[0][2], grads[0][3])),
                                  together, Deberta(buckets, ContentToPosition(c2p), PositionToContent(p2c)), attention,
                                  workspace);
  posenc::deberta_logits_backward(DebertaGradients(ContentToPositionGradients(grads[1][0], grads[1][1])), together,
                                  Deberta(buckets, ContentToPosition(c2p)), attention, workspace);
  posenc::deberta_logits_backward(DebertaGradients(PositionToContentGradients(grads[1][2], grads[1][3])), together,
                                  Deberta(buckets, PositionToContent(p2c)), attention, workspace);
  for (int i = 0; i < 4; ++i) REQUIRE(same_bits(grads[0][i], grads[1][i]));
}
