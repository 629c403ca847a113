// SPDX-License-Identifier: MIT
/// How posenc reads where it is used: one snippet after the other, as users type them, in the words that all families
/// share. Each says something checkable of what it computed.
#include "posenc/posenc.hpp"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "support/catch2.hpp"
#include "support/json.hpp"

using namespace posenc;

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index head_dim = 64;
constexpr Eigen::Index num_heads = 4;
constexpr Eigen::Index width = num_heads * head_dim;
constexpr Eigen::Index prompt = 16;
constexpr Eigen::Index cached = 16;

/// Deterministic numbers in [-1, 1].
Matrix numbers(Eigen::Index rows, Eigen::Index columns) {
  return Matrix::NullaryExpr(rows, columns, [](Eigen::Index i, Eigen::Index j) {
    return static_cast<float>(std::sin(1.7 * static_cast<double>(i) + 0.31 * static_cast<double>(j)));
  });
}

}  // namespace

TEST_CASE("1. prefill, then decode", "[usage]") {
  Matrix q = numbers(prompt, width);
  Matrix k = numbers(prompt, head_dim);
  const Matrix before = q;

  const auto frequencies = geometric_frequencies(head_dim, 10000.0);
  const auto layout = RopeLayout::half_split(head_dim);
  const auto table = make_table<float>(frequencies, PositionRange(0, prompt));
  apply_rope(q, table, layout);  // row i is token i
  apply_rope(k, table, layout);  // fewer heads: fine
  CHECK(q.row(0) == before.row(0));
  CHECK(q.row(1) != before.row(1));
  CHECK(k.row(5) == q.row(5).head(head_dim));

  const auto long_table = make_table<float>(frequencies, PositionRange(0, 4096));
  Matrix q1 = numbers(1, width);
  Matrix by_row = q1, by_one_row = q1;
  CHECK_THROWS_AS(apply_rope(q1, long_table, layout), std::invalid_argument);
  apply_rope(q1, long_table, layout, starting_at(cached));
  Matrix cache(4096, head_dim);
  write_cache(cache, long_table, CosSinStorage::cos_sin);
  const auto wrapped = wrap_cache(cache.data(), 4096, head_dim, CosSinStorage::cos_sin, 1);
  apply_rope(by_row, wrapped, layout, from_row(cached));
  auto one_row = make_table<float>(frequencies, PositionRange(0, 1));
  fill_table(one_row, frequencies, starting_at(cached));
  apply_rope(by_one_row, one_row, layout);
  CHECK(by_row == q1);
  CHECK(by_one_row == q1);
}

TEST_CASE("2. a batch", "[usage]") {
  const Eigen::Index batch = 2, seq_len = 16;
  const auto frequencies = geometric_frequencies(head_dim, 10000.0);
  const auto layout = RopeLayout::half_split(head_dim);
  const auto table = make_table<float>(frequencies, PositionRange(0, seq_len));
  const auto long_table = make_table<float>(frequencies, PositionRange(0, 4096));

  Matrix q = numbers(batch * seq_len, width);
  Matrix first = q.topRows(seq_len), second = q.bottomRows(seq_len), by_ids = q;
  CHECK_THROWS_AS(apply_rope(q, table, layout), std::invalid_argument);
  apply_rope(q, table, layout, each_sequence(seq_len));
  apply_rope(first, table, layout);
  apply_rope(second, table, layout);
  CHECK(q.topRows(seq_len) == first);
  CHECK(q.bottomRows(seq_len) == second);

  std::vector<int> ids;
  for (int i = 0; i < 32; ++i) ids.push_back(i % 16);
  apply_rope(by_ids, table, layout, rows(ids));
  CHECK(by_ids == q);

  Matrix step = numbers(batch, width);
  Matrix expected = step;
  const std::vector<int> starts = {7, 4000};
  apply_rope(step, long_table, layout, each_sequence(1, starts));
  apply_rope(expected.row(0), long_table, layout, starting_at(7));
  apply_rope(expected.row(1), long_table, layout, starting_at(4000));
  CHECK(step == expected);

  const auto shape = HeadsShape().batch(batch).seq_len(seq_len).num_heads(num_heads).head_dim(head_dim);
  Matrix buffer = numbers(batch * seq_len, width);
  apply_rope(view_blhd(buffer.data(), shape), table, layout);
  CHECK(buffer == q);
  std::vector<float> heads_first(static_cast<std::size_t>(batch * seq_len * width), 1.0f);
  apply_rope(view_bhld(heads_first.data(), shape), table, layout);
  CHECK(heads_first[static_cast<std::size_t>(head_dim)] == table.cos()(1, 0) - table.sin()(1, 0));
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(batch * seq_len * width), 0x3c00);  // 1 in half
  apply_rope(view_blhd(as_half(bits.data()), shape), table, layout);
  CHECK(bits[0] == 0x3c00);

  Matrix slots = Matrix::Zero(3, num_heads * head_dim);
  const Matrix token = numbers(1, width);
  apply_rope(slots.row(2), view_packed(token.data(), HeadsShape().seq_len(1).num_heads(num_heads).head_dim(head_dim)),
             long_table, layout, starting_at(9));
  expected = token;
  apply_rope(expected, long_table, layout, starting_at(9));
  CHECK(slots.row(2) == expected);
}

TEST_CASE("3. backward, inverse, part of a head", "[usage]") {
  const auto frequencies = geometric_frequencies(head_dim, 10000.0).with_magnitude(1.25);
  const auto layout = RopeLayout::interleaved(head_dim);
  const auto table = make_table<float>(frequencies, PositionRange(0, prompt));
  const Matrix x = numbers(prompt, width);
  Matrix k = x;
  apply_rope(k, table, layout);
  const Matrix rotated = k;
  apply_rope(k, table.inverse(), layout);
  CHECK((k - x).cwiseAbs().maxCoeff() <= 8 * 0x1p-24f);  // three roundings of numbers up to 1.25 each way
  Matrix grad_q = rotated;
  apply_rope(grad_q, table.adjoint(), layout);  // A R(-t) A R(t) x = A^2 x
  CHECK((grad_q - 1.5625f * x).cwiseAbs().maxCoeff() <= 16 * 0x1p-24f);

  const auto partial = RopeLayout::half_split(128).prefix(64);
  const auto deepseek = RopeLayout::interleaved(192).suffix(64);
  CHECK(partial.rotary_dim() == table.rotary_dim());
  CHECK(deepseek.offset() == 128);
  CHECK(RopeLayout(RopePairs::half_split, 128).head_dim() == 128);
}

TEST_CASE("4. context extension and several axes", "[usage]") {
  const auto frequencies = geometric_frequencies(128, 10000.0);
  YarnOptions yarn;
  yarn.factor = 4;
  yarn.original_max_position_embeddings = 4096;
  const auto longer = scale_yarn(frequencies, yarn);
  CHECK(longer.inv_freq()[0] == 1);
  CHECK(longer.inv_freq()[63] == frequencies.inv_freq()[63] / 4);

  const std::vector<MropeSegment> prompt_segments = {MropeSegment::text(3), MropeSegment::image(2, 4),
                                                     MropeSegment::text(2)};
  const auto pictures = make_table<float>(frequencies, contiguous_axes({16, 24, 24}), mrope_positions(prompt_segments));
  CHECK(pictures.rows() == 13);
  CHECK(!pictures.first_position());
}

TEST_CASE("5. a published model", "[usage]") {
  const auto config = posenc_tests::Json::parse(
      R"({"model_type": "llama", "hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2,
          "rope_theta": 500000.0})");
  const auto model = read_hugging_face_config(config, 4096);
  std::vector<FrequencyTable<float>> tables;
  for (const RopeSet& set : model.rope_sets) tables.push_back(make_table<float>(set, PositionRange(0, prompt)));
  Matrix q = numbers(prompt, width);
  Matrix expected = q;
  for (const int s : model.layers[1].rope_sets) {
    const auto i = static_cast<std::size_t>(s);
    apply_rope(q, tables[i], model.rope_sets[i].layout);
  }
  apply_rope(expected, make_table<float>(geometric_frequencies(64, 5e5), PositionRange(0, prompt)),
             RopeLayout::half_split(64));
  CHECK(q == expected);
}

TEST_CASE("6. sinusoids", "[usage]") {
  Matrix x = Matrix::Zero(4, 512);
  const auto encoding = presets::paper(512);
  add_sinusoidal(x, encoding, starting_at(0));
  CHECK(x(0, 1) == 1);
  CHECK(x(1, 0) == static_cast<float>(std::sin(1.0)));
  Matrix whisper(1500, 384);
  encode_sinusoidal(whisper, presets::whisper(384), PositionRange(0, 1500));
  CHECK(whisper(0, 383) == 1);
  const auto kept = make_table<float>(encoding.frequencies(), PositionRange(0, 2048));
  Matrix again = Matrix::Zero(4, 512);
  add_sinusoidal(again, kept, encoding, starting_at(0));
  CHECK(again == x);
  const auto other = make_table<float>(geometric_frequencies(512, 500.0), PositionRange(0, 2048));
  CHECK_THROWS_AS(add_sinusoidal(again, other, encoding, starting_at(0)), std::invalid_argument);
}

TEST_CASE("7. learned positions", "[usage]") {
  const Seed seed(7);
  LearnedTable<float> wpe(512, width);
  fill(wpe.values(), Normal(0.02), seed);
  Matrix x = Matrix::Zero(8, width);
  add_learned(x, wpe, starting_at(0));
  CHECK(x == wpe.values().topRows(8));
  CHECK_THROWS_AS(add_learned(x, wpe, starting_at(505)), std::out_of_range);
  Matrix grad_wpe = Matrix::Zero(512, width);
  const Matrix grad_x = numbers(8, width);
  learned_backward(grad_wpe, grad_x, wpe, starting_at(0));
  CHECK(grad_wpe.topRows(8) == grad_x);

  Matrix longer_table(1024, width);
  resize(longer_table, wpe.values(), Resize::half_pixel);
  CHECK(longer_table.row(0) == wpe.values().row(0));
  Matrix grad_table = Matrix::Zero(512, width);
  resize_backward(grad_table, longer_table, Resize::half_pixel);
  CHECK(grad_table.cwiseAbs().sum() > 0);
  Matrix pictures(1 + 8 * 8, width);
  resize(pictures, wpe.values().topRows(1 + 4 * 4), GridResize({4, 4}, {8, 8}, GridFilter::bicubic).keep(1));
  CHECK(pictures.row(0) == wpe.values().row(0));
}

TEST_CASE("8. biases by distance", "[usage]") {
  const Eigen::Index query_len = 3, key_len = 10;
  const bool bidirectional = false;
  const Matrix weights = numbers(32, num_heads);
  const auto span = AttentionSpan::cached(query_len, key_len);
  const auto buckets = T5Buckets(32, 128, bidirectional);
  const auto t5 = make_t5_table(weights, buckets, span.distances());
  Matrix logits = Matrix::Zero(num_heads * query_len, key_len);
  add_distance_bias(logits, t5, span);
  CHECK(logits(query_len + 2, 9) == weights(0, 1));  // head 1, the query at its own key
  CHECK(logits(0, 0) == weights(7, 0));              // seven keys back
  Matrix one = Matrix::Zero(query_len, key_len);
  add_distance_bias(one, t5.head(1), span);
  CHECK(one == logits.middleRows(query_len, query_len));

  DistanceTable<float> grad_t5(num_heads, span.distances());
  distance_bias_backward(grad_t5, Matrix::Ones(num_heads * query_len, key_len), span);
  Matrix grad_weights = Matrix::Zero(32, num_heads);
  t5_table_backward(grad_weights, grad_t5, buckets);
  CHECK(grad_weights.sum() == static_cast<float>(num_heads * query_len * key_len));
}

TEST_CASE("9. biases by content", "[usage]") {
  const Eigen::Index query_len = 3, key_len = 10;
  const Matrix q = numbers(num_heads * query_len, head_dim), k = numbers(num_heads * key_len, head_dim);
  const double scale = 0.125;
  const auto span = AttentionSpan::cached(query_len, key_len);
  const auto attention = ContentAttention(q, k, scale, span);
  Workspace<float> workspace;
  Matrix logits = Matrix::Zero(num_heads * query_len, key_len);

  const auto clip = DistanceClip(4, 4);
  const Matrix table = numbers(9, head_dim);
  add_shaw_logits(logits, ShawKeys(table, clip), attention, workspace);
  const float expected = static_cast<float>(scale * q.row(0).cast<double>().dot(table.row(4).cast<double>()));
  CHECK(std::abs(logits(0, 7) - expected) <= 64 * 0x1p-24f);  // 64 products of numbers up to 1, times 1/8
  Matrix grad_q = Matrix::Zero(q.rows(), q.cols());
  Matrix grad_table = Matrix::Zero(9, head_dim);
  const Matrix grad_logits = Matrix::Ones(logits.rows(), logits.cols());
  shaw_logits_backward(RelativeGradients(grad_q, grad_table), grad_logits, ShawKeys(table, clip), attention, workspace);
  CHECK(grad_table.cwiseAbs().sum() > 0);

  const auto frequencies = geometric_frequencies(head_dim, 10000.0);
  const Matrix r = make_relative_sinusoids<float>(span.distances(), frequencies, ChannelOrder::sin_cos);
  const Eigen::VectorXf u = Eigen::VectorXf::Zero(head_dim), v = Eigen::VectorXf::Ones(head_dim);
  Matrix transformer_xl = Matrix::Zero(logits.rows(), logits.cols());
  add_transformer_xl_logits(transformer_xl, TransformerXl(r, span.distances(), u, v), attention, workspace);
  CHECK(transformer_xl.cwiseAbs().sum() > 0);

  const auto deberta_buckets = DebertaBuckets(16);
  const Matrix to_content = numbers(num_heads * 32, head_dim), to_position = numbers(num_heads * 32, head_dim);
  Matrix deberta = Matrix::Zero(logits.rows(), logits.cols());
  add_deberta_logits(deberta, Deberta(deberta_buckets, ContentToPosition(to_content), PositionToContent(to_position)),
                     attention, workspace);
  CHECK(deberta.cwiseAbs().sum() > 0);
}
