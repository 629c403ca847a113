// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

namespace {

using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::ContentToPosition;
using posenc::Cope;
using posenc::CopeGradients;
using posenc::Deberta;
using posenc::DebertaBuckets;
using posenc::DistanceClip;
using posenc::DistanceRange;
using posenc::PositionToContent;
using posenc::RelativeGradients;
using posenc::RelativeKeys;
using posenc::ShawKeys;
using posenc::ShawValues;
using posenc::TransformerXl;
using posenc_tests::BadInputs;
using Matrix = posenc_tests::RowMajorMatrix;
using F = posenc_tests::RelativeBiasFixture;

auto attention(F& f) { return ContentAttention(f.q, f.k, 1.0, f.span); }

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_content_biases() {
  BadInputs<F> bad("content");

  // Attention
  bad.range("relative sinusoids with an angle beyond double",
            "make_relative_sinusoids: distances[0] must be such that position * frequency is finite (the largest "
            "frequency is 1e+308), got -2",
            [](F&) {
              posenc::make_relative_sinusoids<float>(posenc::DistanceRange(-2, 2),
                                                     posenc::Frequencies(Eigen::Array2d(1, 1e308)),
                                                     posenc::ChannelOrder::sin_cos);
            });
  bad.value("queries of another span", "ContentAttention: q.rows() must be span.query_len() 3 for each head, got 5",
            [](F& f) { ContentAttention(f.k, f.k, 1.0, f.span); });
  bad.value("no queries", "ContentAttention: q.rows() must be span.query_len() 3 for each head, got 0",
            [](F& f) { ContentAttention(f.q.topRows(0), f.k, 1.0, f.span); });
  bad.value("keys of another span",
            "ContentAttention: k.rows() must be span.key_len() 5 for each of the 1 heads of q, got 3",
            [](F& f) { ContentAttention(f.q, f.q, 1.0, f.span); });
  bad.value("keys of one head for two queries'",
            "ContentAttention: k.rows() must be span.key_len() 5 for each of the 2 heads of q, got 5",
            [](F& f) { ContentAttention(Matrix::Ones(6, 4), f.k, 1.0, f.span); });
  bad.value("keys of another width", "ContentAttention: k.cols() must be q.cols() 4, got 3",
            [](F& f) { ContentAttention(f.q, f.k.leftCols(3), 1.0, f.span); });
  bad.value("scale 0", "ContentAttention: scale must be finite and > 0, got 0",
            [](F& f) { ContentAttention(f.q, f.k, 0.0, f.span); });
  bad.value("scale NaN", "ContentAttention: scale must be finite and > 0, got nan",
            [](F& f) { ContentAttention(f.q, f.k, kNan, f.span); });
  bad.value("queries of null", "ContentAttention: q.data() must be a valid pointer, got null",
            [](F& f) { ContentAttention(Eigen::Map<const Matrix>(nullptr, 3, 4), f.k, 1.0, f.span); });

  // Shaw
  bad.value("negative clip", "DistanceClip: left must be >= 0 and at most 1099511627776, got -1",
            [](F&) { DistanceClip(-1, 5); });
  bad.value("clip that overflows",
            "DistanceClip: right must be >= 0 and at most 1099511627776, got 9223372036854775807",
            [](F&) { DistanceClip(2, kMaxIndex); });
  bad.value("Shaw table of other rows", "add_shaw_logits: table.rows() must be 7 (clip.rows()), got 5", [](F& f) {
    posenc::add_shaw_logits(f.logits, ShawKeys(f.rows, DistanceClip(3, 3)), attention(f), f.workspace);
  });
  bad.value("Shaw table of three heads for two",
            "add_shaw_logits: table.rows() must be 5 (clip.rows()), once for all heads or once for each of 2, got 15",
            [](F& f) {
              posenc::add_shaw_logits(f.both_heads, ShawKeys(Matrix::Ones(15, 4), DistanceClip(2, 2)),
                                      ContentAttention(Matrix::Ones(6, 4), Matrix::Ones(10, 4), 1.0, f.span),
                                      f.workspace);
            });
  bad.value("Shaw table of another width", "add_shaw_logits: table.cols() must be 4, got 2", [](F& f) {
    posenc::add_shaw_logits(f.logits, ShawKeys(f.weights.topRows(5), DistanceClip(2, 2)), attention(f), f.workspace);
  });
  bad.value("Shaw logits of another shape", "add_shaw_logits: logits.cols() must be 5, got 4", [](F& f) {
    posenc::add_shaw_logits(f.out, ShawKeys(f.rows, DistanceClip(2, 2)), attention(f), f.workspace);
  });
  bad.value("Shaw logits in the queries",
            "add_shaw_logits: logits must be disjoint from what is read, got overlapping memory", [](F& f) {
              const auto span = AttentionSpan::cached(3, 4);
              posenc::add_shaw_logits(f.out, ShawKeys(f.rows, DistanceClip(2, 2)),
                                      ContentAttention(f.out, f.k.topRows(4), 1.0, span), f.workspace);
            });
  bad.value("Shaw weights of another shape", "add_shaw_values: weights.cols() must be 5, got 4", [](F& f) {
    posenc::add_shaw_values(f.out, ShawValues(f.rows, DistanceClip(2, 2)), f.q, f.span, f.workspace);
  });
  bad.value(
      "Shaw weights of other queries",
      "add_shaw_values: weights.rows() must be span.query_len() 3 for each head, "
      "got 5",
      [](F& f) { posenc::add_shaw_values(f.out, ShawValues(f.rows, DistanceClip(2, 2)), f.k, f.span, f.workspace); });
  bad.value("Shaw gradient of another table", "shaw_logits_backward: grad_table.rows() must be 5, got 4", [](F& f) {
    posenc::shaw_logits_backward(RelativeGradients(f.grad_q, f.grad_rows.topRows(4)), f.logits,
                                 ShawKeys(f.rows, DistanceClip(2, 2)), attention(f), f.workspace);
  });
  bad.value("Shaw gradients in one another",
            "shaw_logits_backward: grad_q must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::shaw_logits_backward(RelativeGradients(f.grad_rows.topRows(3), f.grad_rows), f.logits,
                                           ShawKeys(f.rows, DistanceClip(2, 2)), attention(f), f.workspace);
            });

  // Scratch memory that is an argument too
  bad.value("Shaw logits in the workspace",
            "add_shaw_logits: workspace must be disjoint from all other arguments, got overlapping memory", [](F& f) {
              auto logits = f.workspace.matrix(3, 5);
              posenc::add_shaw_logits(logits, ShawKeys(f.rows, DistanceClip(2, 2)), attention(f), f.workspace);
            });
  bad.value("attention weights in the workspace",
            "add_shaw_values: workspace must be disjoint from all other arguments, got overlapping memory", [](F& f) {
              const auto weights = f.workspace.matrix(3, 5);
              posenc::add_shaw_values(f.out, ShawValues(f.rows, DistanceClip(2, 2)), weights, f.span, f.workspace);
            });
  bad.value("relative logits in the workspace",
            "add_relative_logits: workspace must be disjoint from all other arguments, got overlapping memory",
            [](F& f) {
              posenc::add_relative_logits(f.workspace.matrix(3, 5), RelativeKeys(f.rows, DistanceRange::causal(5)),
                                          attention(f), f.workspace);
            });
  bad.value("banded queries in the workspace",
            "add_banded_logits: workspace must be disjoint from all other arguments, got overlapping memory", [](F& f) {
              posenc::add_banded_logits(f.logits, f.workspace.matrix(3, 4), Matrix::Ones(4, 2), f.span, f.workspace);
            });
  bad.value("CoPE logits in a part of the workspace",
            "add_cope_logits: workspace must be disjoint from all other arguments, got overlapping memory", [](F& f) {
              posenc::add_cope_logits(f.workspace.matrix(8, 5).bottomRows(3), posenc::Cope(f.rows, 5), attention(f),
                                      f.workspace);
            });
  bad.value(
      "Transformer-XL gradient in the workspace",
      "transformer_xl_logits_backward: workspace must be disjoint from all other arguments, got overlapping memory",
      [](F& f) {
        Matrix grad_k = f.k, grad_u = f.one, grad_v = f.one;
        const auto gradients =
            posenc::TransformerXlGradients(f.grad_q, grad_k, f.workspace.matrix(5, 4), grad_u, grad_v);
        posenc::transformer_xl_logits_backward(gradients, f.logits,
                                               TransformerXl(f.rows, DistanceRange::causal(5), f.one, f.one),
                                               attention(f), f.workspace);
      });
  bad.value("a table of DeBERTa in the workspace",
            "add_deberta_logits: workspace must be disjoint from all other arguments, got overlapping memory",
            [](F& f) {
              const posenc::DebertaBuckets buckets(2);
              posenc::add_deberta_logits(
                  f.logits, posenc::Deberta(buckets, posenc::ContentToPosition(f.workspace.matrix(buckets.rows(), 4))),
                  attention(f), f.workspace);
            });

  // A vector for each distance
  bad.value("relative shift of another width", "view_relative_shift: x.cols() must be 7, got 6", [](F& f) {
    Matrix x(3, 6);
    posenc::view_relative_shift(x, f.span);
  });
  bad.value("relative table of another width", "add_relative_logits: table.cols() must be 4, got 2", [](F& f) {
    posenc::add_relative_logits(f.logits, RelativeKeys(f.weights.topRows(5), DistanceRange::causal(5)), attention(f),
                                f.workspace);
  });
  bad.value("relative table of other rows", "add_relative_logits: table.rows() must be 4 (distances.size()), got 5",
            [](F& f) {
              posenc::add_relative_logits(f.logits, RelativeKeys(f.rows, DistanceRange::causal(4)), attention(f),
                                          f.workspace);
            });
  bad.value("relative table that does not say its distances",
            "add_relative_logits: table.rows() must be 7 (span.distances().size(), as no distances are given), got 5",
            [](F& f) { posenc::add_relative_logits(f.logits, RelativeKeys(f.rows), attention(f), f.workspace); });
  bad.value("band of another width", "add_banded_logits: projection.rows() must be r.cols() 4, got 5",
            [](F& f) { posenc::add_banded_logits(f.logits, f.q, Matrix::Ones(5, 2), f.span, f.workspace); });
  bad.value("band with a row for each distance",
            "add_banded_logits: projection.rows() must be r.cols() 2 (a column for each distance: give the transpose), "
            "got 32",
            [](F& f) { posenc::add_banded_logits(f.logits, Matrix::Ones(3, 2), f.weights, f.span, f.workspace); });
  bad.value("band of no distances",
            "add_banded_logits: projection.cols() must be > 0, one for each distance of the "
            "band, got 0",
            [](F& f) { posenc::add_banded_logits(f.logits, f.q, Matrix::Ones(4, 0), f.span, f.workspace); });
  bad.value("band of queries that are no whole head",
            "add_banded_logits: r.rows() must be span.query_len() 3 for each head, got 4",
            [](F& f) { posenc::add_banded_logits(f.logits, Matrix::Ones(4, 4), f.rows, f.span, f.workspace); });
  bad.value("band on logits of another number of heads", "add_banded_logits: logits.rows() must be 3, got 6",
            [](F& f) { posenc::add_banded_logits(f.both_heads, f.q, Matrix::Ones(4, 2), f.span, f.workspace); });
  bad.value("band on logits in its queries",
            "add_banded_logits: logits must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::add_banded_logits(f.logits, f.logits.leftCols(4), Matrix::Ones(4, 2), f.span, f.workspace);
            });
  bad.value("gradient of another band", "banded_logits_backward: grad_projection.cols() must be 2, got 4", [](F& f) {
    posenc::banded_logits_backward(posenc::RelativeGradients(f.grad_q, f.grad_rows.topRows(4)), f.logits, f.q,
                                   Matrix::Ones(4, 2), f.span, f.workspace);
  });
  bad.value("gradient of a band in the logits' gradient",
            "banded_logits_backward: grad_r must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::banded_logits_backward(posenc::RelativeGradients(f.logits.leftCols(4), f.grad_rows.topRows(4)),
                                             f.logits, f.q, Matrix::Ones(4, 4), f.span, f.workspace);
            });
  bad.value("u of another width",
            "add_transformer_xl_logits: u must be head_dim 4 numbers in a row or a column, or num_heads 1 x head_dim, "
            "got 3 x 4",
            [](F& f) {
              posenc::add_transformer_xl_logits(f.logits, TransformerXl(f.rows, DistanceRange::causal(5), f.q, f.one),
                                                attention(f), f.workspace);
            });
  bad.value("v of two heads of half the width",
            "add_transformer_xl_logits: v must be head_dim 4 numbers in a row or a column, or num_heads 1 x head_dim, "
            "got 2 x 2",
            [](F& f) {
              const Matrix halves = Matrix::Ones(2, 2);
              posenc::add_transformer_xl_logits(
                  f.logits, TransformerXl(f.rows, DistanceRange::causal(5), f.one, halves), attention(f), f.workspace);
            });

  // Scratch memory
  bad.value("scratch memory of -1 rows", "Workspace::matrix: rows must be >= 0, got -1",
            [](F& f) { f.workspace.matrix(-1, 4); });
  bad.value("scratch memory of -4 columns", "Workspace::matrix: columns must be >= 0, got -4",
            [](F& f) { f.workspace.matrix(1, -4); });
  if (posenc_tests::kWideIndex)
    bad.length("scratch memory beyond memory",
               "Workspace::matrix: rows must be at most 1048575 for rows of 1099511627776 values, got 1099511627776",
               [](F& f) { f.workspace.matrix(posenc_tests::two_to(40), posenc_tests::two_to(40)); });

  // DeBERTa
  bad.value("no positions", "DebertaBuckets: max_position must be > 0 and at most 1048576, got 0",
            [](F&) { DebertaBuckets(0); });
  bad.value("odd position_buckets",
            "DebertaBuckets: position_buckets must be even, >= 4, at most 8192 and < 2 (max_position - 1) = 1022, got "
            "255",
            [](F&) { DebertaBuckets(512, 255); });
  bad.value("position_buckets without room",
            "DebertaBuckets: position_buckets must be even, >= 4, at most 8192 and < 2 (max_position - 1) = 254, got "
            "254",
            [](F&) { DebertaBuckets(128, 254); });
  bad.value("DeBERTa table of other rows",
            "add_deberta_logits: content_to_position.rows() must be 6 (buckets.rows()), got 5", [](F& f) {
              const DebertaBuckets buckets(3);
              posenc::add_deberta_logits(f.logits, Deberta(buckets, ContentToPosition(f.rows)), attention(f),
                                         f.workspace);
            });
  bad.value("second DeBERTa table of another width", "add_deberta_logits: position_to_content.cols() must be 4, got 2",
            [](F& f) {
              const DebertaBuckets buckets(3);
              posenc::add_deberta_logits(
                  f.logits,
                  Deberta(buckets, ContentToPosition(Matrix::Ones(6, 4)), PositionToContent(f.weights.topRows(6))),
                  attention(f), f.workspace);
            });

  // CoPE, forgetting
  bad.value("CoPE without positions", "Cope: num_positions must be > 0, got 0",
            [](F& f) { Cope(f.rows.topRows(0), 0); });
  bad.value("CoPE table of other rows", "add_cope_logits: table.rows() must be 6 (num_positions), got 5",
            [](F& f) { posenc::add_cope_logits(f.logits, Cope(f.rows, 6), attention(f), f.workspace); });
  bad.value("CoPE logits of another shape", "cope_logits_backward: logits.cols() must be 5, got 4", [](F& f) {
    posenc::cope_logits_backward(CopeGradients(f.logits, f.grad_q, f.grad_rows), f.q, Cope(f.rows, 5), attention(f),
                                 f.workspace);
  });
  bad.value("too few forgetting sums", "add_forgetting_bias: sums.rows() must be at least 5, one for each token, got 4",
            [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(4), f.span); });
  bad.value("forgetting sums in a row",
            "add_forgetting_bias: sums.rows() must be at least 5, one for each token, got 1",
            [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::RowVectorXd::Zero(5), f.span); });
  bad.value("forgetting sums of two heads for one", "add_forgetting_bias: logits.rows() must be 6, got 3",
            [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXXd::Zero(5, 2), f.span); });
  bad.value("forgetting before of other heads",
            "forgetting_sums: before.size() must be gate_logits.cols() 4, one for each head, got 3",
            [](F& f) { posenc::forgetting_sums(f.k, Eigen::Array3d::Zero()); });
  bad.range("forgetting with a negative offset", "add_forgetting_bias: span.query_offset() must be >= 0, got -2",
            [](F& f) {
              posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(9),
                                          AttentionSpan::at(posenc::PositionRange(-2, 3), 5));
            });
  return bad.cases();
}
