// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using posenc::DistanceClip;
using posenc::PositionRange;
using posenc::SegmentPairs;
using posenc::T5Buckets;
using posenc_tests::BadInputs;
using Segments = std::vector<int>;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_bucket_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("buckets");

  // 3 queries, 5 keys, 2 heads.
  const PositionRange queries(2, 3), keys(0, 5);
  const T5Buckets buckets(32, 128, true);
  const DistanceClip clip(2, 1);
  bad.value(
      "add_bucket_bias: weights.rows() must be 4 buckets + 0 for pairs of segments, with a column for each head, got "
      "32",
      [=](F& f) { posenc::add_bucket_bias(f.both_heads, f.weights, clip, queries, keys); });
  bad.value(
      "weights of buckets transposed",
      "add_bucket_bias: weights.rows() must be 32 buckets + 0 for pairs of segments, with a column for each head, "
      "got 2",
      [=](F& f) { posenc::add_bucket_bias(f.both_heads, f.weights.transpose(), buckets, queries, keys); });
  bad.value("add_bucket_bias: logits.rows() must be 6, got 3",
            [=](F& f) { posenc::add_bucket_bias(f.logits, f.weights, buckets, queries, keys); });
  const PositionRange all(0, Eigen::Index(1) << (sizeof(Eigen::Index) == 8 ? 40 : 28));
  const std::string all_rows = sizeof(Eigen::Index) == 8 ? "2199023255552" : "536870912";  // of two heads
  bad.value("logits for positions without number, whose buckets would not fit into memory",
            "add_bucket_bias: logits.rows() must be " + all_rows + ", got 6",
            [=](F& f) { posenc::add_bucket_bias(f.both_heads, f.weights, buckets, all, all); });
  bad.value("gradient of logits for positions without number",
            "bucket_bias_backward: grad_logits.rows() must be " + all_rows + ", got 6",
            [=](F& f) { posenc::bucket_bias_backward(f.grad, f.both_heads, buckets, all, all); });
  bad.value("add_bucket_bias: logits.cols() must be 3, got 5",
            [=](F& f) { posenc::add_bucket_bias(f.both_heads, f.weights, buckets, queries, queries); });
  bad.value("logits of buckets that are their weights",
            "add_bucket_bias: logits must be disjoint from what is read, got overlapping memory", [=](F& f) {
              const auto rows = f.grad.topRows(6);
              posenc::add_bucket_bias(f.grad.topRows(6), rows.bottomRows(4), clip, queries, PositionRange(0, 2));
            });
  bad.range(
      "add_bucket_bias: key_positions[4] must be in [-2^57, 2^57] (where double holds angles), got 9223372036854775807",
      [=](F& f) {
        posenc::add_bucket_bias(f.both_heads, f.weights, buckets, queries,
                                std::vector<std::int64_t>{0, 1, 2, 3, INT64_MAX});
      });
  bad.range(
      "add_bucket_bias: query_positions[0] must be in [-2^57, 2^57] (where double holds angles), got "
      "18446744073709551615",
      [=](F& f) {
        posenc::add_bucket_bias(f.both_heads, f.weights, buckets, std::vector<std::uint64_t>{UINT64_MAX, 0, 1}, keys);
      });

  // Segments
  const Segments of_queries = {0, 1, 1}, of_keys = {0, 0, 1, 1, 2};
  bad.value(
      "buckets without the row of other segments",
      "add_bucket_bias: weights.rows() must be 32 buckets + 1 for pairs of segments, with a column for each head, "
      "got 32",
      [=](F& f) {
        posenc::add_bucket_bias(f.both_heads, f.weights, buckets, queries, keys, SegmentPairs(of_queries, of_keys));
      });
  bad.value("add_bucket_bias: query_segments.size() must be one for each query, 3, got 5", [=](F& f) {
    posenc::add_bucket_bias(f.both_heads, f.weights, buckets, queries, keys, SegmentPairs(of_keys, of_keys));
  });
  bad.value("add_bucket_bias: key_segments.size() must be one for each key, 5, got 3", [=](F& f) {
    posenc::add_bucket_bias(f.both_heads, f.weights, buckets, queries, keys, SegmentPairs(of_queries, of_queries));
  });
  bad.value("SegmentPairs: num_segments must be > 0 and at most 8192, got 0",
            [=](F&) { SegmentPairs(of_queries, of_keys, 0); });
  bad.value("SegmentPairs: num_segments must be > 0 and at most 8192, got 8193",
            [=](F&) { SegmentPairs(of_queries, of_keys, 8193); });
  bad.range("SegmentPairs: key_segments[4] must be in [0, 2), got 2",
            [=](F&) { SegmentPairs(of_queries, of_keys, 2); });
  bad.range("SegmentPairs: query_segments[1] must be in [0, 3), got -1", [=](F&) {
    SegmentPairs(Segments{0, -1}, of_keys, 3);
  });
  bad.range("SegmentPairs: query_segments[0] must be at most 2^63 - 1, got 18446744073709551615",
            [=](F&) { SegmentPairs(std::vector<std::uint64_t>{UINT64_MAX}, of_keys); });

  // Gradients
  bad.value(
      "bucket_bias_backward: grad_weights.rows() must be 4 buckets + 1 for pairs of segments, with a column for "
      "each head, got 32",
      [=](F& f) {
        posenc::bucket_bias_backward(f.grad, f.both_heads, clip, queries, keys, SegmentPairs(of_queries, of_keys));
      });
  bad.value("bucket_bias_backward: grad_logits.rows() must be 6, got 3",
            [=](F& f) { posenc::bucket_bias_backward(f.grad, f.logits, buckets, queries, keys); });
  bad.value("bucket_bias_backward: grad_weights must be disjoint from what is read, got overlapping memory", [=](F& f) {
    posenc::bucket_bias_backward(f.grad.topRows(4), f.grad.topRows(6), clip, queries, PositionRange(0, 2));
  });

  // Gates
  const posenc_tests::RowMajorMatrix gates = posenc_tests::RowMajorMatrix::Ones(6, 1);
  bad.value(
      "add_distance_bias: row_gates must be one number for each row of the logits, 6 in a row or a column, got 2 x 3",
      [](F& f) { posenc::add_distance_bias(f.both_heads, f.table, f.span, posenc_tests::RowMajorMatrix::Ones(2, 3)); });
  bad.value(
      "gates of one head for two",
      "add_distance_bias: row_gates must be one number for each row of the logits, 6 in a row or a column, got 3 x 1",
      [=](F& f) { posenc::add_distance_bias(f.both_heads, f.table, f.span, gates.topRows(3)); });
  bad.value("gates that are the logits",
            "add_distance_bias: logits must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::add_distance_bias(f.both_heads, f.table, f.span, f.both_heads.col(0)); });
  bad.value(
      "distance_bias_backward: grad_row_gates must be one number for each row of the logits, 6 in a row or a column, "
      "got 3 x 4",
      [=](F& f) {
        const posenc::DistanceTable<double> table(2, f.span.distances());
        posenc::distance_bias_backward(f.table, f.grad_q, f.both_heads, table, f.span, gates);
      });
  bad.value("distance_bias_backward: grad_table.num_heads() must be those of table, 1, got 2", [=](F& f) {
    const posenc::DistanceTable<double> table(1, f.span.distances());
    posenc::distance_bias_backward(f.table, f.grad_q, f.logits, table, f.span, gates.topRows(3));
  });
  return bad.cases();
}
