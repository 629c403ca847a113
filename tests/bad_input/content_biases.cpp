// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

namespace {

using posenc::AttentionSpan;
using posenc::RelativeRows;
using posenc::ShawClip;
using posenc_tests::BadInputs;
using Matrix = posenc_tests::RowMajorMatrix;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_content_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("content");

  // By content
  bad.value("negative clip", "add_shaw_logits: clip.left must be >= 0 and at most 1099511627776, got -1", [](F& f) {
    posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{-1, 5}, f.span, 1.0, f.workspace);
  });
  bad.value("clip that overflows",
            "add_shaw_logits: clip.right must be >= 0 and at most 1099511627776, got 9223372036854775807", [](F& f) {
              posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{2, kMaxIndex}, f.span, 1.0, f.workspace);
            });
  bad.value("Shaw table of other rows", "add_shaw_logits: table.rows() must be 7, got 5", [](F& f) {
    posenc::add_shaw_logits(f.logits, f.q, f.rows, ShawClip{3, 3}, f.span, 1.0, f.workspace);
  });
  bad.value("Shaw table of another width", "add_shaw_logits: table.cols() must be 4, got 2", [](F& f) {
    posenc::add_shaw_logits(f.logits, f.q, f.weights.topRows(5), ShawClip{2, 2}, f.span, 1.0, f.workspace);
  });
  bad.value("Shaw queries of another span", "add_shaw_logits: q.rows() must be span.query_len() 3, got 5", [](F& f) {
    posenc::add_shaw_logits(f.logits, f.k, f.rows, ShawClip{2, 2}, f.span, 1.0, f.workspace);
  });
  bad.value("Shaw attention of another shape", "add_shaw_values: attention.cols() must be 5, got 4", [](F& f) {
    posenc::add_shaw_values(f.out, f.q, f.rows, ShawClip{2, 2}, f.span, f.workspace);
  });
  bad.value("Shaw gradient of another table", "shaw_logits_backward: grad_table.rows() must be 5, got 4", [](F& f) {
    posenc::shaw_logits_backward(f.grad_q, f.grad_rows.topRows(4), f.logits, f.q, f.rows, ShawClip{2, 2}, f.span, 1.0,
                                 f.workspace);
  });
  bad.value("relative shift of another width", "relative_shift: x.cols() must be 7, got 6", [](F& f) {
    Matrix x(3, 6);
    posenc::relative_shift(x, f.span);
  });
  bad.value("relative table of another width", "add_relative_logits: r.cols() must be q.cols() 4, got 2", [](F& f) {
    posenc::add_relative_logits(f.logits, f.q, f.weights, RelativeRows{-4}, f.span, 1.0, f.workspace);
  });
  bad.range(
      "first row that overflows",
      "add_relative_logits: rows.first_relative must be in [-2199023255552, 2199023255552], got -9223372036854775807",
      [](F& f) {
        posenc::add_relative_logits(f.logits, f.q, f.rows, RelativeRows{-kMaxIndex}, f.span, 1.0, f.workspace);
      });
  bad.value("u of another width", "add_transformer_xl_logits: u.size() must be head_dim 4, got 12", [](F& f) {
    posenc::add_transformer_xl_logits(f.logits, f.q, f.k, f.rows, RelativeRows{-4}, f.q, f.one, f.span, 1.0,
                                      f.workspace);
  });
  bad.value("keys of another span", "add_transformer_xl_logits: k.rows() must be 5, got 3", [](F& f) {
    posenc::add_transformer_xl_logits(f.logits, f.q, f.q, f.rows, RelativeRows{-4}, f.one, f.one, f.span, 1.0,
                                      f.workspace);
  });
  bad.value("sinusoids of odd width", "make_relative_sinusoids: width must be even, > 0 and at most 16777216, got 5",
            [](F&) {
              posenc::make_relative_sinusoids<float>({-4, 0}, 5);
            });
  bad.value("no positions", "DebertaBuckets: max_position must be > 0 and at most 1048576, got 0",
            [](F&) { posenc::DebertaBuckets(0); });
  bad.value("odd position_buckets",
            "DebertaBuckets: position_buckets must be 0, or even, >= 4, at most 8192 and < 2 (max_position - 1) = "
            "1022, got 255",
            [](F&) { posenc::DebertaBuckets(512, 255); });
  bad.value("position_buckets without room",
            "DebertaBuckets: position_buckets must be 0, or even, >= 4, at most 8192 and < 2 (max_position - 1) = 254, "
            "got 254",
            [](F&) { posenc::DebertaBuckets(128, 254); });
  bad.value("DeBERTa table of other rows", "add_deberta_c2p: table.rows() must be 6, got 5", [](F& f) {
    posenc::add_deberta_c2p(f.logits, f.q, f.rows, posenc::DebertaBuckets(3), f.span, 1.0, f.workspace);
  });
  bad.value("CoPE without positions", "add_cope_logits: table.rows() must be > 0, got 0",
            [](F& f) { posenc::add_cope_logits(f.logits, f.q, f.rows.topRows(0), f.span, f.workspace); });
  bad.value("CoPE logits of another shape", "cope_backward: logits.cols() must be 5, got 4", [](F& f) {
    posenc::cope_backward(f.logits, f.grad_q, f.grad_rows, f.q, f.q, f.rows, f.span, f.workspace);
  });
  bad.value("too few forgetting sums", "add_forgetting_bias: sums.size() must be at least 5, got 4",
            [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(4), f.span); });
  bad.range("forgetting with a negative offset", "add_forgetting_bias: span.query_offset() must be >= 0, got -2",
            [](F& f) { posenc::add_forgetting_bias(f.logits, Eigen::ArrayXd::Zero(9), AttentionSpan::at(3, 5, -2)); });
  return bad.cases();
}
