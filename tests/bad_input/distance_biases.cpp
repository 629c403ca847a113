// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

namespace {

using Eigen::Index;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::T5Buckets;
using posenc_tests::BadInputs;
using posenc_tests::make_mlp;
using posenc_tests::Mlp;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_distance_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("distances");

  // Spans and distances
  bad.value("negative length", "AttentionSpan::square: query_len must be >= 0 and at most 1099511627776, got -1",
            [](F&) { AttentionSpan::square(-1); });
  bad.value("negative keys", "AttentionSpan::at: key_len must be >= 0 and at most 1099511627776, got -3",
            [](F&) { AttentionSpan::at(2, -3, 0); });
  bad.value("negative cached keys", "AttentionSpan::cached: key_len must be >= 0 and at most 1099511627776, got -5",
            [](F&) { AttentionSpan::cached(1, -5); });
  bad.value("negative cached queries",
            "AttentionSpan::cached: key_len must be >= 0 and at most 1099511627776, got 9223372036854775807",
            [](F&) { AttentionSpan::cached(-1, kMaxIndex); });
  bad.value("negative cached queries, good keys",
            "AttentionSpan::cached: query_len must be >= 0 and at most 1099511627776, got -2",
            [](F&) { AttentionSpan::cached(-2, 4); });
  bad.value("huge length",
            "AttentionSpan::square: query_len must be >= 0 and at most 1099511627776, got 9223372036854775807",
            [](F&) { AttentionSpan::square(kMaxIndex); });
  bad.range("more queries than cached keys", "AttentionSpan::cached: query_len must be at most key_len 5, got 6",
            [](F&) { AttentionSpan::cached(6, 5); });
  bad.range("offset too large",
            "AttentionSpan::at: query_offset must be in [-1099511627776, 1099511627776], got 9223372036854775807",
            [](F&) { AttentionSpan::at(1, 1, kMaxIndex); });
  bad.range("offset too small",
            "AttentionSpan::at: query_offset must be in [-1099511627776, 1099511627776], got -9223372036854775808",
            [](F&) { AttentionSpan::at(1, 1, -kMaxIndex - 1); });
  bad.value("negative heads", "DistanceTable: num_heads must be >= 0, got -1", [](F&) {
    DistanceTable<float>(-1, {0, 1});
  });
  bad.value("distances backwards", "DistanceTable: range.max must be at least range.min - 1 = 2, got 1", [](F&) {
    DistanceTable<float>(1, {3, 1});
  });
  bad.value("distances of a negative length", "DistanceTable: range.max must be at least range.min - 1 = 2, got -3",
            [](F&) { DistanceTable<float>(1, DistanceRange::symmetric(-2)); });
  bad.range("distances that overflow",
            "DistanceTable: range.min must be in [-2199023255552, 2199023255552], got -9223372036854775808", [](F&) {
              DistanceTable<float>(1, {-kMaxIndex - 1, kMaxIndex});
            });
  bad.length(
      "table beyond memory",
      "DistanceTable: num_heads must be at most 230584300921369395 for rows of 10 values, got 2305843009213693951",
      [](F&) {
        DistanceTable<float>(kMaxIndex / 4, {0, 9});
      });
  bad.value("logits of other queries", "add_distance_bias: logits.rows() must be 3, got 6",
            [](F& f) { posenc::add_distance_bias(f.both_heads, f.table, f.span, 0); });
  bad.value("logits of other keys", "add_distance_bias: logits.cols() must be 5, got 4",
            [](F& f) { posenc::add_distance_bias(f.out, f.table, f.span, 0); });
  bad.value("logits of one head for two", "add_distance_bias: logits.rows() must be 6, got 3",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span); });
  bad.range("head past the last", "add_distance_bias: head must be in [0, 2), got 2",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span, 2); });
  bad.range("negative head", "add_distance_bias: head must be in [0, 2), got -1",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span, -1); });
  bad.range("a distance below the table",
            "add_distance_bias: table.range().min must be at most -5, the smallest key - query of the span, got -4",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, AttentionSpan::at(3, 5, 3), 0); });
  bad.range("a distance above the table",
            "add_distance_bias: table.range().max must be at least 3, the largest key - query of the span, got 2",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, AttentionSpan::at(3, 5, 1), 0); });
  bad.value("table whose values were assigned another shape",
            "add_distance_bias: table.values().cols() must be table.range().size() 7, got 3", [](F& f) {
              DistanceTable<double> table(2, {-4, 2});
              table.values() = Eigen::ArrayXXd::Ones(2, 3);
              posenc::add_distance_bias(f.both_heads, table, f.span);
            });
  bad.range(
      "gradient of other distances",
      "distance_bias_backward: table.range().min must be at most -6, the smallest key - query of the span, got -4",
      [](F& f) { posenc::distance_bias_backward(f.table, f.logits, AttentionSpan::at(3, 5, 4), 0); });
  bad.value("gradient of another shape", "distance_bias_backward: grad_logits.rows() must be 6, got 3",
            [](F& f) { posenc::distance_bias_backward(f.table, f.logits, f.span); });
  bad.range("matrix of a head that is not", "add_distance_bias: head must be in [0, 2), got 7",
            [](F& f) { posenc::make_distance_bias(f.table, f.span, 7); });

  // T5
  bad.value("too few causal buckets", "T5Buckets: num_buckets must be at least 2 (causal) and at most 8192, got 1",
            [](F&) { T5Buckets(1, 128, false); });
  bad.value("too few buckets in both directions",
            "T5Buckets: num_buckets must be at least 4 (bidirectional) and at most 8192, got 3",
            [](F&) { T5Buckets(3, 128, true); });
  bad.value("too many buckets",
            "T5Buckets: num_buckets must be at least 4 (bidirectional) and at most 8192, got 1048576",
            [](F&) { T5Buckets(1 << 20, Index(1) << 30, true); });
  bad.value("max_distance within the exact range", "T5Buckets: max_distance must be > max_exact 8 and < 2^31, got 8",
            [](F&) { T5Buckets(32, 8, true); });
  bad.value("max_distance negative", "T5Buckets: max_distance must be > max_exact 16 and < 2^31, got -128",
            [](F&) { T5Buckets(32, -128, false); });
  if (posenc_tests::kWideIndex)
    bad.value("max_distance huge", "T5Buckets: max_distance must be > max_exact 16 and < 2^31, got 2147483648",
              [](F&) { T5Buckets(32, posenc_tests::two_to(31), false); });
  bad.value("T5 weights of other buckets", "make_t5_table: weights.rows() must be num_buckets 32, got 16",
            [](F& f) { posenc::make_t5_table(f.weights.topRows(16), T5Buckets(32, 128, true), f.table.range()); });
  bad.value("T5 gradient of other heads", "t5_backward: grad_weights.cols() must be 2, got 1",
            [](F& f) { posenc::t5_backward(f.grad.leftCols(1), f.table, T5Buckets(32, 128, true)); });

  // ALiBi, KERPLE, Sandwich
  bad.value("no heads", "alibi_slopes: num_heads must be > 0 and at most 1048576, got 0",
            [](F&) { posenc::alibi_slopes(0); });
  bad.value("bias_max 0", "alibi_slopes: bias_max must be finite and > 0, got 0",
            [](F&) { posenc::alibi_slopes(8, 0); });
  bad.value("bias_max infinite", "alibi_slopes: bias_max must be finite and > 0, got inf",
            [](F&) { posenc::alibi_slopes(8, kInfinity); });
  bad.value("slope NaN", "make_alibi_table: slopes[1] must be finite, got nan", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, kNan), f.table.range(), posenc::AlibiForm::causal);
  });
  bad.value("right slope infinite", "make_alibi_table: right[0] must be finite, got inf", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array2d(kInfinity, 1), f.table.range());
  });
  bad.value("slopes of other heads", "make_alibi_table: right.size() must be left.size() 2, got 3", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array3d(1, 1, 1), f.table.range());
  });
  bad.value("ALiBi gradient of other heads", "alibi_backward: grad_slopes.size() must be num_heads 2, got 12",
            [](F& f) { posenc::alibi_backward(f.grad_q, f.table, posenc::AlibiForm::causal); });
  bad.value("KERPLE a of 0", "make_kerple_table: a[1] must be finite and > 0, got 0", [](F& f) {
    posenc::make_kerple_table<float>(Eigen::Array2d(1, 0), Eigen::Array2d(1, 1), f.table.range(),
                                     posenc::KerpleKernel::power);
  });
  bad.value("KERPLE p above 2", "make_kerple_table: p[0] must be at most 2 (power kernel), got 2.5", [](F& f) {
    posenc::make_kerple_table<float>(Eigen::Array2d(1, 1), Eigen::Array2d(2.5, 1), f.table.range(),
                                     posenc::KerpleKernel::power);
  });
  bad.value("KERPLE p NaN", "make_kerple_table: p[0] must be finite and > 0, got nan", [](F& f) {
    posenc::make_kerple_table<float>(Eigen::Array2d(1, 1), Eigen::Array2d(kNan, 1), f.table.range(),
                                     posenc::KerpleKernel::logarithmic);
  });
  bad.value("KERPLE gradient of other heads", "kerple_backward: grad_a.size() must be num_heads 2, got 64", [](F& f) {
    posenc::kerple_backward(f.grad, f.grad_q, f.table, Eigen::Array2d(1, 1), Eigen::Array2d(1, 1),
                            posenc::KerpleKernel::power);
  });
  bad.value("Sandwich of odd width", "make_sandwich_table: dim must be even, > 0 and at most 16777216, got 7",
            [](F& f) { posenc::make_sandwich_table<float>(2, 7, f.table.range()); });

  // Networks
  bad.value("network without layers", "make_mlp_table: mlp.layers.size() must be > 0, got 0",
            [](F& f) { posenc::make_mlp_table(Mlp(), f.table.range(), posenc::DistanceInput::linear); });
  bad.value("network of two inputs", "make_mlp_table: mlp.layers[0].weight.cols() must be 1, got 2",
            [](F& f) { posenc::make_mlp_table(make_mlp(2, 3, 2), f.table.range(), posenc::DistanceInput::linear); });
  bad.value("layers that do not fit", "make_mlp_table: mlp.layers[1].weight.cols() must be 3, got 4", [](F& f) {
    f.mlp.layers[1].weight.resize(2, 4);
    posenc::make_mlp_table(f.mlp, f.table.range(), posenc::DistanceInput::linear);
  });
  bad.value("layer bias of another size", "make_mlp_table: mlp.layers[0].bias.size() must be 0 or 3, got 2", [](F& f) {
    f.mlp.layers[0].bias.resize(2);
    posenc::make_mlp_table(f.mlp, f.table.range(), posenc::DistanceInput::linear);
  });
  bad.value("network gradient of another width", "mlp_backward: grad_mlp.layers[0].weight.rows() must be 3, got 4",
            [](F& f) {
              Mlp grad = make_mlp(1, 4, 2);
              posenc::mlp_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value("network gradient without a bias", "mlp_backward: grad_mlp.layers[1].bias.rows() must be 2, got 0",
            [](F& f) {
              Mlp grad = f.mlp;
              grad.layers[1].bias.resize(0);
              posenc::mlp_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value("FIRE with c = 0", "add_fire_bias: fire.c must be finite and not 0, got 0", [](F& f) {
    f.fire.c = 0;
    posenc::add_fire_bias(f.both_heads, f.fire, f.span);
  });
  bad.value("FIRE with threshold 0", "add_fire_bias: fire.threshold() must be finite and > 0, got 0", [](F& f) {
    f.fire.length_multiplier = 0;
    posenc::add_fire_bias(f.both_heads, f.fire, f.span);
  });
  bad.value("FIRE with eps NaN", "add_fire_bias: fire.eps must be finite and >= 0, got nan", [](F& f) {
    f.fire.eps = kNan;
    posenc::add_fire_bias(f.both_heads, f.fire, f.span);
  });
  bad.range("FIRE with a negative offset", "add_fire_bias: span.query_offset() must be >= 0, got -1",
            [](F& f) { posenc::add_fire_bias(f.both_heads, f.fire, AttentionSpan::at(3, 5, -1)); });
  bad.value("FIRE for one head of two", "add_fire_bias: logits.rows() must be 6, got 3",
            [](F& f) { posenc::add_fire_bias(f.logits, f.fire, f.span); });
  bad.value("FIRE gradient of other layers", "fire_backward: grad_fire.mlp.layers[0].weight.rows() must be 5, got 3",
            [](F& f) {
              f.fire.mlp = make_mlp(1, 5, 2);
              posenc::fire_backward(f.grad_fire, f.both_heads, f.fire, f.span);
            });
  return bad.cases();
}
