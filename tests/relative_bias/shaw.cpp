// SPDX-License-Identifier: MIT
#include "relative_bias/shaw_support.hpp"
#include "support/data.hpp"

using namespace posenc_tests;
using namespace posenc_tests::shaw;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceClip;
using posenc::RelativeGradients;
using posenc::ShawKeys;
using posenc::Workspace;

TEST_CASE("Shaw keys: the gathered product, and the adjoint in queries and table", "[relative_bias][shaw][accuracy]") {
  Workspace<double> workspace;
  for (const DistanceClip& clip : kClips) {
    const MatrixD table = random_matrix(clip.rows(), kHeadDim, 110);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", clip " << clip.left() << ", " << clip.right());
      const AttentionSpan& span = named.span;
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 111);
      const MatrixD k = MatrixD::Zero(span.key_len(), kHeadDim);  // not read
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 112);
      const double scale = 0.4;
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          for (Index c = 0; c < kHeadDim; ++c) expected(i, j) += scale * q(i, c) * table(clipped(span, clip, i, j), c);
        }
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      const ColumnMatrix<double> q_by_columns = q;
      const ColumnMatrix<double> table_by_columns = table;
      const auto attention = ContentAttention(q, k, scale, span);
      posenc::add_shaw_logits(logits, ShawKeys(table, clip), attention, workspace);
      posenc::add_shaw_logits(column_major, ShawKeys(table_by_columns, clip),
                              ContentAttention(q_by_columns, k, scale, span), workspace);
      REQUIRE(distance(logits, expected) <= kLogitBound);
      REQUIRE(distance(column_major, logits) <= kLogitBound);

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 113);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_logits_backward(RelativeGradients(grad_q, grad_table), grad, ShawKeys(table, clip), attention,
                                   workspace);
      const double size = kHeadDim * grad.cwiseAbs().sum();
      require_adjoint(dot(MatrixD(logits - before), grad), dot(q, grad_q), size);
      require_adjoint(dot(MatrixD(logits - before), grad), dot(table, grad_table), size);
      const MatrixD other_q = random_matrix(q.rows(), kHeadDim, 114);
      const MatrixD other_table = random_matrix(table.rows(), kHeadDim, 115);
      MatrixD by_q = MatrixD::Zero(span.query_len(), span.key_len());
      MatrixD by_table = by_q;
      posenc::add_shaw_logits(by_q, ShawKeys(table, clip), ContentAttention(other_q, k, scale, span), workspace);
      posenc::add_shaw_logits(by_table, ShawKeys(other_table, clip), attention, workspace);
      require_adjoint(dot(by_q, grad), dot(other_q, grad_q), size);
      require_adjoint(dot(by_table, grad), dot(other_table, grad_table), size);

      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table_2 = MatrixD::Zero(table.rows(), kHeadDim);
      posenc::shaw_logits_backward(RelativeGradients(grad_q_2, grad_table_2), ColumnMatrix<double>(grad),
                                   ShawKeys(table, clip), attention, workspace);
      REQUIRE(distance(grad_q_2, grad_q) <= kValueBound);
      REQUIRE(distance(grad_table_2, grad_table) <= kValueBound);
    }
  }
}

TEST_CASE("Shaw: chunks agree with the whole, float with double", "[relative_bias][shaw][accuracy]") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const DistanceClip clip(5, 2);
  const AttentionSpan whole = AttentionSpan::square(70);
  const MatrixD q = random_matrix(70, kHeadDim, 130);
  const MatrixD table = random_matrix(clip.rows(), kHeadDim, 131);
  MatrixD at_once = MatrixD::Zero(70, 70);
  posenc::add_shaw_logits(at_once, ShawKeys(table, clip), ContentAttention(q, q, 1.0, whole), workspace);
  MatrixD in_chunks = MatrixD::Zero(70, 70);
  Index first = 0;
  for (const Index count : {1, 40, 3, 26}) {
    posenc::add_shaw_logits(in_chunks.middleRows(first, count), ShawKeys(table, clip),
                            ContentAttention(q.middleRows(first, count), q, 1.0,
                                             AttentionSpan::at(posenc::PositionRange(first, count), 70)),
                            workspace);
    first += count;
  }
  REQUIRE(first == 70);
  REQUIRE(distance(in_chunks, at_once) <= kLogitBound);  // Eigen sums a product in an order that depends on its shape
  RowMatrix<float> short_logits = RowMatrix<float>::Zero(70, 70);
  posenc::add_shaw_logits(short_logits, ShawKeys(table.cast<float>(), clip),
                          ContentAttention(q.cast<float>(), q.cast<float>(), 1.0f, whole), short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kLogitBound * 0x1p29);
}

TEST_CASE("the clipped positions of CTranslate2", "[relative_bias][shaw][accuracy]") {
  if (skip_without_data("CTranslate2 relative positions")) return;
  const std::string folder = data_dir() + "/peers/ct2_relative_positions_clip/";
  Workspace<double> workspace;
  for (const auto& [file, clip] : {std::pair<const char*, DistanceClip>{"expected.csv", DistanceClip::symmetric(2)},
                                   {"expected_asymmetric.csv", DistanceClip(3, 2)}}) {
    const RowMatrixXd expected = read_csv(folder + file);
    // A table whose rows hold their own number makes the logits say which row they took.
    const MatrixD table = Eigen::VectorXd::LinSpaced(clip.rows(), 0, static_cast<double>(clip.rows() - 1));
    MatrixD logits = MatrixD::Zero(4, 4);
    posenc::add_shaw_logits(logits, ShawKeys(table, clip),
                            ContentAttention(MatrixD::Ones(4, 1), MatrixD::Ones(4, 1), 1.0, AttentionSpan::square(4)),
                            workspace);
    REQUIRE(same_bits(logits, expected));
  }
}

namespace {

/// Whether a call on a temporary gives an object and not a reference into the temporary.
template <typename Result>
constexpr bool is_kept = !std::is_reference_v<Result>;

}  // namespace

TEST_CASE("what a temporary scheme hands out does not dangle", "[relative_bias][schemes]") {
  using Map = Eigen::Map<MatrixD>;
  using Held = decltype(ShawKeys(std::declval<Map>(), std::declval<DistanceClip>()));
  STATIC_REQUIRE(is_kept<decltype(std::declval<Held>().table())>);
  STATIC_REQUIRE(!is_kept<decltype(std::declval<Held&>().table())>);
  using Attention = posenc::ContentAttention<Map, Map>;
  STATIC_REQUIRE(
      (is_kept<decltype(std::declval<Attention>().q())> && is_kept<decltype(std::declval<Attention>().k())>));
  using Gradients = RelativeGradients<Map, Map>;
  STATIC_REQUIRE(is_kept<decltype(std::declval<Gradients>().grad_content())>);
  STATIC_REQUIRE(is_kept<decltype(std::declval<Gradients>().grad_table())>);
  using Scheme = posenc::Deberta<Map, Map>;
  STATIC_REQUIRE(is_kept<decltype(std::declval<Scheme>().content_to_position())>);
  STATIC_REQUIRE(is_kept<decltype(std::declval<Scheme>().position_to_content())>);
  using TransformerXl = posenc::TransformerXl<Map, Map, Map>;
  STATIC_REQUIRE(is_kept<decltype(std::declval<TransformerXl>().r())>);
  STATIC_REQUIRE(is_kept<decltype(std::declval<posenc::Decomposed<Map, Map>>().rel_h())>);

  const MatrixD table = random_matrix(5, 3, 90);
  const auto& of_map = ShawKeys(Map(const_cast<double*>(table.data()), 5, 3), DistanceClip(2, 2)).table();
  REQUIRE(same_bits(of_map, Map(const_cast<double*>(table.data()), 5, 3)));
  REQUIRE(&ShawKeys(table, DistanceClip(2, 2)).table() == &table);  // a matrix is the caller's own
}
