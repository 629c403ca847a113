// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

namespace {

using Eigen::Index;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::KerpleA;
using posenc::KerpleP;
using posenc::T5Buckets;
using posenc_tests::BadInputs;
using posenc_tests::make_mlp;
using posenc_tests::Mlp;
using posenc_tests::RowMajorMatrix;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_distance_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("distances");

  // Spans and distances
  bad.value("negative length", "AttentionSpan::square: query_len must be >= 0 and at most 1099511627776, got -1",
            [](F&) { AttentionSpan::square(-1); });
  bad.value("negative keys", "AttentionSpan::at: key_len must be >= 0 and at most 1099511627776, got -3",
            [](F&) { AttentionSpan::at(posenc::PositionRange(0, 2), -3); });
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
            "AttentionSpan::at: queries.first() must be in [-1099511627776, 1099511627776], got 2199023255552",
            [](F&) { AttentionSpan::at(posenc::PositionRange(std::int64_t(1) << 41, 1), 1); });
  bad.range("offset too small",
            "AttentionSpan::at: queries.first() must be in [-1099511627776, 1099511627776], got -2199023255552",
            [](F&) { AttentionSpan::at(posenc::PositionRange(-(std::int64_t(1) << 41), 1), 1); });
  bad.value("negative heads", "DistanceTable: num_heads must be >= 0, got -1",
            [](F&) { DistanceTable<float>(-1, DistanceRange(0, 1)); });
  bad.value("distances backwards", "DistanceRange: last must be at least first - 1 = 2, got 1",
            [](F&) { DistanceRange(3, 1); });
  bad.value("distances of a negative length",
            "DistanceRange::symmetric: seq_len must be >= 0 and at most 1099511627776, got -2",
            [](F&) { DistanceRange::symmetric(-2); });
  bad.value("causal distances of a negative length",
            "DistanceRange::causal: seq_len must be >= 0 and at most 1099511627776, got -1",
            [](F&) { DistanceRange::causal(-1); });
  bad.range("distances that overflow",
            "DistanceRange: first must be in [-2199023255552, 2199023255552], got -9223372036854775808",
            [](F&) { DistanceRange(-kMaxIndex - 1, kMaxIndex); });
  bad.length(
      "table beyond memory",
      "DistanceTable: num_heads must be at most 230584300921369395 for rows of 10 values, got 2305843009213693951",
      [](F&) { DistanceTable<float>(kMaxIndex / 4, DistanceRange(0, 9)); });
  bad.value("logits of other queries", "add_distance_bias: logits.rows() must be 3, got 6",
            [](F& f) { posenc::add_distance_bias(f.both_heads, f.table.head(0), f.span); });
  bad.value("logits of other keys", "add_distance_bias: logits.cols() must be 5, got 4",
            [](F& f) { posenc::add_distance_bias(f.out, f.table.head(0), f.span); });
  bad.value("logits of one head for two", "add_distance_bias: logits.rows() must be 6, got 3",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table, f.span); });
  bad.range("head past the last", "TableHead: head must be in [0, 2), got 2",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table.head(2), f.span); });
  bad.range("negative head", "TableHead: head must be in [0, 2), got -1",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table.head(-1), f.span); });
  bad.range("a distance below the table",
            "add_distance_bias: table.distances() must be span.distances() or more, -5 to 1, got -4 to 2", [](F& f) {
              posenc::add_distance_bias(f.logits, f.table.head(0), AttentionSpan::at(posenc::PositionRange(3, 3), 5));
            });
  bad.range("a distance above the table",
            "add_distance_bias: table.distances() must be span.distances() or more, -3 to 3, got -4 to 2", [](F& f) {
              posenc::add_distance_bias(f.logits, f.table.head(0), AttentionSpan::at(posenc::PositionRange(1, 3), 5));
            });
  bad.range("causal distances under a square span",
            "add_distance_bias: table.distances() must be span.distances() or more, -15 to 15, got -15 to 0", [](F&) {
              RowMajorMatrix logits(16, 16);
              const DistanceTable<double> causal(1, DistanceRange::causal(16));
              posenc::add_distance_bias(logits, causal, AttentionSpan::square(16));
            });
  bad.value(
      "logits whose rows overlap",
      "add_distance_bias: logits.outerStride() must be at least 5 forwards or backwards (what is written to may not "
      "overlap itself), got 4",
      [](F& f) {
        Eigen::Map<RowMajorMatrix, 0, Eigen::OuterStride<>> rows(f.logits.data(), 3, 5, Eigen::OuterStride<>(4));
        posenc::add_distance_bias(rows, f.table.head(0), f.span);
      });
  bad.value("logits that name a row twice",
            "add_distance_bias: logits must be a view that names each row and column once, as it is written to, got "
            "row 1 more than once",
            [](F& f) {
              posenc::add_distance_bias(f.logits(std::vector<int>{0, 1, 1}, Eigen::all), f.table.head(0), f.span);
            });
  bad.value("logits in the table",
            "add_distance_bias: logits must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::add_distance_bias(f.table.values().leftCols(5), f.table.head(0), AttentionSpan::cached(2, 5));
            });
  bad.range("gradient of other distances",
            "distance_bias_backward: grad_table.distances() must be span.distances() or more, -6 to 0, got -4 to 2",
            [](F& f) {
              posenc::distance_bias_backward(f.table.head(0), f.logits,
                                             AttentionSpan::at(posenc::PositionRange(4, 3), 5));
            });
  bad.value("gradient of another shape", "distance_bias_backward: grad_logits.rows() must be 6, got 3",
            [](F& f) { posenc::distance_bias_backward(f.table, f.logits, f.span); });
  bad.range("matrix of a head that is not", "TableHead: head must be in [0, 2), got 7",
            [](F& f) { posenc::add_distance_bias(f.logits, f.table.head(7), f.span); });

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
  bad.value("T5 weights of other buckets",
            "make_t5_table: weights.rows() must be num_buckets 32, with a column for each head (T5X stores the "
            "transpose), got "
            "16",
            [](F& f) { posenc::make_t5_table(f.weights.topRows(16), T5Buckets(32, 128, true), f.table.distances()); });
  bad.value("T5 gradient of other heads", "t5_table_backward: grad_weights.cols() must be 2, got 1",
            [](F& f) { posenc::t5_table_backward(f.grad.leftCols(1), f.table, T5Buckets(32, 128, true)); });

  // ALiBi, KERPLE, Sandwich
  bad.value("no heads", "alibi_slopes: num_heads must be > 0 and at most 1048576, got 0",
            [](F&) { posenc::alibi_slopes(0); });
  bad.value("bias_max 0", "alibi_slopes: bias_max must be finite and > 0, got 0",
            [](F&) { posenc::alibi_slopes(8, 0); });
  bad.value("bias_max infinite", "alibi_slopes: bias_max must be finite and > 0, got inf",
            [](F&) { posenc::alibi_slopes(8, kInfinity); });
  bad.value("slope NaN", "make_alibi_table: slopes[1] must be finite, got nan", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, kNan), f.table.distances(), posenc::AlibiForm::causal);
  });
  bad.value("right slope infinite", "make_alibi_table: right[0] must be finite, got inf", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array2d(kInfinity, 1), f.table.distances());
  });
  bad.value("slopes of other heads", "make_alibi_table: right.size() must be left.size() 2, got 3", [](F& f) {
    posenc::make_alibi_table<float>(Eigen::Array2d(0.5, 1), Eigen::Array3d(1, 1, 1), f.table.distances());
  });
  bad.value("ALiBi gradient of other heads", "alibi_table_backward: grad_slopes.size() must be num_heads 2, got 12",
            [](F& f) { posenc::alibi_table_backward(f.grad_q, f.table, posenc::AlibiForm::causal); });
  static const auto kerple = [](F& f, const Eigen::Array2d& a, const Eigen::Array2d& p, posenc::KerpleKernel kernel) {
    posenc::make_kerple_table<float>(KerpleA(a), KerpleP(p), f.table.distances(), kernel);
  };
  bad.value("KERPLE a of 0", "make_kerple_table: a[1] must be finite and > 0, got 0", [](F& f) {
    kerple(f, {1, 0}, {1, 1}, posenc::KerpleKernel::power);
  });
  bad.value("KERPLE p above 2", "make_kerple_table: p[0] must be at most 2 (power kernel), got 2.5", [](F& f) {
    kerple(f, {1, 1}, {2.5, 1}, posenc::KerpleKernel::power);
  });
  bad.value("KERPLE p NaN", "make_kerple_table: p[0] must be finite and > 0, got nan", [](F& f) {
    kerple(f, {1, 1}, {kNan, 1}, posenc::KerpleKernel::logarithmic);
  });
  bad.value("KERPLE gradient of other heads", "kerple_table_backward: grad_a.size() must be num_heads 2, got 64",
            [](F& f) {
              const Eigen::Array2d ones(1, 1);
              posenc::kerple_table_backward(KerpleA(f.grad), KerpleP(f.grad_q), f.table, KerpleA(ones), KerpleP(ones),
                                            posenc::KerpleKernel::power);
            });
  bad.range("Sandwich of a base whose angles are no numbers",
            "make_sandwich_table: base must be such that every distance * base^(-2m / head_dim) is finite, got 1e-308",
            [](F&) { posenc::make_sandwich_table<double>(1, 2, posenc::DistanceRange(-2, 0), 1e-308); });
  bad.value("Sandwich of odd width", "make_sandwich_table: head_dim must be even, > 0 and at most 16777216, got 7",
            [](F& f) { posenc::make_sandwich_table<float>(2, 7, f.table.distances(), 10000.0); });

  // Networks
  bad.value("network without layers", "make_mlp_table: mlp.layers.size() must be > 0, got 0",
            [](F& f) { posenc::make_mlp_table(Mlp(), f.table.distances(), posenc::DistanceInput::linear); });
  bad.value("network of two inputs", "make_mlp_table: mlp.layers[0].weight.cols() must be 1, got 2", [](F& f) {
    posenc::make_mlp_table(make_mlp(2, 3, 2), f.table.distances(), posenc::DistanceInput::linear);
  });
  bad.value("layers that do not fit", "make_mlp_table: mlp.layers[1].weight.cols() must be 3, got 4", [](F& f) {
    f.mlp.layers[1].weight.resize(2, 4);
    posenc::make_mlp_table(f.mlp, f.table.distances(), posenc::DistanceInput::linear);
  });
  bad.value("layer bias of another size", "make_mlp_table: mlp.layers[0].bias.size() must be 0 or 3, got 2", [](F& f) {
    f.mlp.layers[0].bias.resize(2);
    posenc::make_mlp_table(f.mlp, f.table.distances(), posenc::DistanceInput::linear);
  });
  bad.value("network gradient of another width",
            "mlp_table_backward: grad_mlp.layers[0].weight.rows() must be 3, got 4", [](F& f) {
              Mlp grad = make_mlp(1, 4, 2);
              posenc::mlp_table_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value("network gradient without a bias", "mlp_table_backward: grad_mlp.layers[1].bias.rows() must be 2, got 0",
            [](F& f) {
              Mlp grad = f.mlp;
              grad.layers[1].bias.resize(0);
              posenc::mlp_table_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value("network gradient in the network itself",
            "mlp_table_backward: grad_mlp.layers[0].weight must be disjoint from what is read, got overlapping memory",
            [](F& f) {
              posenc::mlp_table_backward(f.grad_fire.mlp, f.table, f.grad_fire.mlp, posenc::DistanceInput::linear);
            });
  bad.value("norm of another width", "make_mlp_table: mlp.layers[0].norm->weight.size() must be 3, got 2", [](F& f) {
    f.mlp.layers[0].norm = posenc::LayerNorm<double>{Eigen::VectorXd::Ones(2), {}, 1e-5};
    posenc::make_mlp_table(f.mlp, f.table.distances(), posenc::DistanceInput::linear);
  });
  bad.value(
      "norm bias of another width", "make_mlp_table: mlp.layers[0].norm->bias.size() must be 0 or 3, got 2", [](F& f) {
        f.mlp.layers[0].norm = posenc::LayerNorm<double>{Eigen::VectorXd::Ones(3), Eigen::VectorXd::Ones(2), 1e-5};
        posenc::make_mlp_table(f.mlp, f.table.distances(), posenc::DistanceInput::linear);
      });
  bad.value("norm without its epsilon", "make_mlp_table: mlp.layers[0].norm->epsilon must be finite and > 0, got 0",
            [](F& f) {
              f.mlp.layers[0].norm.emplace().weight = Eigen::VectorXd::Ones(3);
              posenc::make_mlp_table(f.mlp, f.table.distances(), posenc::DistanceInput::linear);
            });
  bad.value("norm whose epsilon is 0 as a float",
            "make_mlp_table: mlp.layers[0].norm->epsilon must be finite and > 0 as a float, got 1e-60", [](F& f) {
              posenc::BiasMlp<float> mlp;
              mlp.layers.push_back({Eigen::MatrixXf::Ones(3, 1), Eigen::VectorXf::Ones(3),
                                    posenc::LayerNorm<float>{Eigen::VectorXf::Ones(3), {}, 1e-60}});
              posenc::make_mlp_table(mlp, f.table.distances(), posenc::DistanceInput::linear);
            });
  bad.value("network gradient without a norm", "mlp_table_backward: grad_mlp.layers[0].norm must be given, got none",
            [](F& f) {
              Mlp grad = f.mlp;
              f.mlp.layers[0].norm = posenc::LayerNorm<double>{Eigen::VectorXd::Ones(3), {}, 1e-5};
              posenc::mlp_table_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value("network gradient with a norm too many",
            "mlp_table_backward: grad_mlp.layers[0].norm must be empty, got a norm", [](F& f) {
              Mlp grad = f.mlp;
              grad.layers[0].norm = posenc::LayerNorm<double>{Eigen::VectorXd::Ones(3), {}, 1e-5};
              posenc::mlp_table_backward(grad, f.table, f.mlp, posenc::DistanceInput::linear);
            });
  bad.value(
      "FIRE gradient in its own parameters",
      "fire_bias_backward: grad_fire.mlp.layers[0].weight must be disjoint from what is read, got overlapping memory",
      [](F& f) { posenc::fire_bias_backward(f.grad_fire, f.both_heads, f.grad_fire, f.span); });
  bad.value(
      "FIRE gradient in the gradient that is read",
      "fire_bias_backward: grad_fire.mlp.layers[0].bias must be disjoint from what is read, got overlapping memory",
      [](F& f) {
        const Eigen::Map<RowMajorMatrix> grad_logits(f.grad_fire.mlp.layers[0].bias.data(), 2, 1);
        posenc::fire_bias_backward(f.grad_fire, grad_logits, f.fire, AttentionSpan::square(1));
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
  bad.range("FIRE with a negative offset", "add_fire_bias: span.query_offset() must be >= 0, got -1", [](F& f) {
    posenc::add_fire_bias(f.both_heads, f.fire, AttentionSpan::at(posenc::PositionRange(-1, 3), 5));
  });
  bad.value("FIRE for one head of two", "add_fire_bias: logits.rows() must be 6, got 3",
            [](F& f) { posenc::add_fire_bias(f.logits, f.fire, f.span); });
  bad.value("FIRE gradient of other layers",
            "fire_bias_backward: grad_fire.mlp.layers[0].weight.rows() must be 5, got 3", [](F& f) {
              f.fire.mlp = make_mlp(1, 5, 2);
              posenc::fire_bias_backward(f.grad_fire, f.both_heads, f.fire, f.span);
            });
  return bad.cases();
}
