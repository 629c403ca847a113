// SPDX-License-Identifier: MIT
/// Numbers that others computed: published formulas, the source articles, ONNX, and the test suites of six projects.
#include "support/golden.hpp"
#include "support/data.hpp"

#include "support/rotations.hpp"

#include <cctype>
#include <fstream>
#include <sstream>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::geometric_frequencies;
using posenc::HeadsShape;
using posenc::make_table;
using posenc::RopeLayout;
using posenc::RopePairs;
using posenc::wrap_cache;

namespace {

constexpr double kFloatUnit = 0x1p-24;

/// The worst |got - want| over bound(i, j).
template <typename Got, typename Want, typename Bound>
double worst_ratio(const Eigen::DenseBase<Got>& got, const Eigen::DenseBase<Want>& want, Bound&& bound) {
  REQUIRE(got.rows() == want.rows());
  REQUIRE(got.cols() == want.cols());
  double worst = 0;
  for (Index i = 0; i < got.rows(); ++i) {
    for (Index j = 0; j < got.cols(); ++j) {
      const double error =
          std::abs(static_cast<double>(got.derived()(i, j)) - static_cast<double>(want.derived()(i, j)));
      if (!(error <= bound(i, j)))
        worst = (std::max)(worst, error == error ? error / bound(i, j) : 1e300);
      else if (error > 0)
        worst = (std::max)(worst, error / bound(i, j));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("single tokens, to the printed digits", "[rope][golden][portable]") {
  // 12 significant digits of values below 10: half of the last one. The arithmetic adds less than 1e-14.
  constexpr double kPrinted = 0.5e-11 + 1e-14;
  const auto check = [&](const posenc::Frequencies& frequencies, std::int64_t position, const RopeLayout& layout,
                         std::vector<double> expected) {
    RowMatrix<double> x(1, static_cast<Index>(expected.size()));
    for (Index i = 0; i < x.cols(); ++i) x(0, i) = static_cast<double>(i + 1);
    apply_rope(x, make_table<double>(frequencies, posenc::PositionRange(position, 1)),
               layout.prefix(frequencies.rotary_dim()));
    for (Index i = 0; i < x.cols(); ++i) {
      INFO("channel " << i);
      CHECK(std::abs(x(0, i) - expected[static_cast<std::size_t>(i)]) <= kPrinted);
    }
  };
  const auto four = geometric_frequencies(4, 1e4);
  const auto eight = geometric_frequencies(8, 1e4);
  check(four, 3, RopeLayout::half_split(4), {-1.41335252078, 1.87911806669, -2.82885748174, 4.0581911354});
  check(four, 3, RopeLayout::interleaved(4), {-1.27223251272, -1.83886498514, 2.87866810044, 4.0881866356});
  check(eight, 5, RopeLayout::half_split(8),
        {5.07828355878, -1.12138810784, 2.64639659629, 3.95995016677, 0.459386652653, 6.22434644855, 7.14118933058,
         8.01989991688});
  check(eight, 5, RopeLayout::interleaved(8),
        {2.20151073479, -0.391599903737, 0.715045531254, 4.94860686337, 4.69387628635, 6.24239740872, 6.95991266685,
         8.03489985438});
  check(four, 5, RopeLayout::half_split(8), {3.16043500945, 1.79758384371, -0.107937718273, 4.09495938012, 5, 6, 7, 8});
  check(four, 5, RopeLayout::interleaved(8), {2.20151073479, -0.391599903737, 2.7963341041, 4.14493854939, 5, 6, 7, 8});
  check(posenc::scale_proportional(eight, 0.5), 5, RopeLayout::half_split(8),
        {5.07828355878, -1.12138810784, 3, 4, 0.459386652653, 6.22434644855, 7, 8});
}

namespace {

/// The articles ran in float32: angles p w with w rounded (p <= 9, so p w u (3 + (2i/d) ln B) <= 5 u for d = 8, where
/// the first pair is exact), then the 3 u of the table and of the rotation; the sum is relative to the pair's length.
constexpr double kArticleRoundings = 5 + 3;

/// The rows of [batch, ...] that `view_of` describes, rotated in double and compared with what the article printed.
template <typename ViewOf>
void check_article(const GoldenBlock& given, const GoldenBlock& expected, const ViewOf& view_of,
                   RowMatrix<double>& rotated_rows, const RopeLayout& layout) {
  rotated_rows = given.matrix();
  const posenc::HeadsView<double> view = view_of(rotated_rows.data());
  apply_rope(view, make_table<double>(geometric_frequencies(8, 10000), posenc::PositionRange(0, view.seq_len())),
             layout);
  const bool half_split = layout.pairs() == posenc::RopePairs::half_split;
  const auto pair_length = [&](Index row, Index column) {
    const Index partner = half_split ? (column + 4) % 8 : column ^ 1;
    return std::hypot(given.matrix()(row, column), given.matrix()(row, partner));
  };
  CHECK(worst_ratio(rotated_rows, expected.matrix(),
                    [&](Index i, Index j) { return kArticleRoundings * kFloatUnit * pair_length(i, j); }) <= 1);
}

}  // namespace

TEST_CASE("article 000: complex RoPE, several query heads for one key head", "[rope][golden]") {
  const Golden file = golden("articles/rope_000_interleaved.csv");
  RowMatrix<double> rows;
  for (const std::string name : {"q", "k"}) {
    const GoldenBlock& given = file.block(name);
    const auto shape = HeadsShape().batch(given.sizes[0]).seq_len(given.sizes[1]).num_heads(given.sizes[2]).head_dim(8);
    const auto view = [&](double* data) { return posenc::view_blhd(data, shape); };
    check_article(given, file.block(name + "_out"), view, rows, RopeLayout::interleaved(8));
  }
}

TEST_CASE("article 003: interleaved RoPE and the attention after it", "[rope][golden]") {
  const Golden file = golden("articles/rope_attention_003.csv");
  const Index batch = 2, heads = 3, length = 10, dim = 8;
  RowMatrix<double> q;
  RowMatrix<double> k;
  const auto shape = HeadsShape().batch(batch).seq_len(length).num_heads(heads).head_dim(dim);
  const auto view = [&](double* data) { return posenc::view_bhld(data, shape); };
  check_article(file.block("q"), file.block("q_out"), view, q, RopeLayout::interleaved(dim));
  check_article(file.block("k"), file.block("k_out"), view, k, RopeLayout::interleaved(dim));

  const auto v = file.block("v").matrix();
  for (Index head = 0; head < batch * heads; ++head) {
    const auto rows = [&](const auto& all) { return all.middleRows(head * length, length); };
    const RowMatrix<double> logits = rows(q) * rows(k).transpose() / std::sqrt(double(dim));
    RowMatrix<double> weights(length, length);
    for (Index i = 0; i < length; ++i) {
      const Eigen::RowVectorXd powers = (logits.row(i).array() - logits.row(i).maxCoeff()).exp();
      weights.row(i) = powers / powers.sum();
    }
    // Upstream's logits: both factors off by sqrt(2) kArticleRoundings u of their length, a dot product of 8 terms by
    // 8 u, all relative to |q||k| / sqrt(8). A logit error e moves softmax weights by a factor within exp(+-2 e), its
    // own exp, sum of 10 and quotient by 14 u.
    const double longest = rows(q).rowwise().norm().maxCoeff() * rows(k).rowwise().norm().maxCoeff() / std::sqrt(8.0);
    const double logit_error = (2 * std::sqrt(2.0) * kArticleRoundings + 8) * kFloatUnit * longest;
    const double weight_error = 2 * logit_error + 14 * kFloatUnit;
    const GoldenBlock& scores = file.block("scores");
    const auto golden_scores = scores.matrix().middleRows(head * length, length);
    CHECK(worst_ratio(weights, golden_scores, [&](Index i, Index j) { return weight_error * weights(i, j); }) <= 1);
    // 10 products and sums besides.
    const RowMatrix<double> output = weights * rows(v);
    const RowMatrix<double> size = weights * rows(v).cwiseAbs();
    const auto golden_output = file.block("output").matrix().middleRows(head * length, length);
    CHECK(worst_ratio(output, golden_output,
                      [&](Index i, Index j) { return (weight_error + 11 * kFloatUnit) * size(i, j); }) <= 1);
  }
}

namespace {

RowMatrix<float> read_floats(const std::string& path) { return read_csv(path).cast<float>(); }

bool exists(const std::string& path) { return static_cast<bool>(std::ifstream(path)); }

}  // namespace

TEST_CASE("the ONNX RotaryEmbedding node tests", "[rope][golden][data][portable]") {
  if (skip_without_data("ONNX RotaryEmbedding")) return;
  struct Node {
    const char* name;
    bool interleaved, three_axes;
    Index rotary_dim;
  };
  const Node nodes[] = {{"test_rotary_embedding", false, false, 8},
                        {"test_rotary_embedding_3d_input", false, true, 8},
                        {"test_rotary_embedding_interleaved", true, false, 8},
                        {"test_rotary_embedding_no_position_ids", false, false, 8},
                        {"test_rotary_embedding_no_position_ids_rotary_dim", false, false, 4},
                        {"test_rotary_embedding_with_rotary_dim", false, false, 4}};
  const Index batch = 2, heads = 4, length = 3, dim = 8;
  // Both sides round: the 9 digits printed are the floats themselves.
  constexpr double kBothSides = 2 * kRoundings * kFloatUnit;
  for (const Node& node : nodes) {
    INFO(node.name);
    const std::string folder = data_dir() + "/onnx/" + node.name;
    RowMatrix<float> x = read_floats(folder + "/input_0.csv");
    const RowMatrix<float> cos = read_floats(folder + "/input_1.csv");
    const RowMatrix<float> sin = read_floats(folder + "/input_2.csv");
    const RowMatrix<float> expected = read_floats(folder + "/output_0.csv");
    REQUIRE(x.size() == batch * heads * length * dim);
    REQUIRE(cos.cols() * 2 == node.rotary_dim);
    const RowMatrix<float> given = x;
    const auto table =
        wrap_cache(cos.data(), sin.data(), cos.rows(), node.rotary_dim, posenc::CosSinStorage::cos_sin, 1);
    const RopeLayout layout =
        RopeLayout(node.interleaved ? RopePairs::interleaved : RopePairs::half_split, dim).prefix(node.rotary_dim);
    const auto shape = HeadsShape().batch(batch).seq_len(length).num_heads(heads).head_dim(dim);
    const auto view = node.three_axes ? posenc::view_blhd(x.data(), shape) : posenc::view_bhld(x.data(), shape);
    if (exists(folder + "/input_3.csv")) {
      const Eigen::Matrix<std::int64_t, -1, -1, Eigen::RowMajor> ids =
          read_csv(folder + "/input_3.csv").cast<std::int64_t>();
      apply_rope(view, table, layout, posenc::rows(ids));
    } else {
      // Without ids the cache is [batch, length, pairs]: one row for each token of the batch.
      apply_rope(view, table, layout, each_sequence(length, posenc::rows(Eigen::Array2i(0, length))));
    }
    // |a cos| + |b sin| <= |a| + |b| for the random numbers below 1 that these caches hold.
    const auto at = [](const RowMatrix<float>& m, Index head_row, Index channel) {
      return static_cast<double>(m.data()[head_row * 8 + channel]);
    };
    const Index half = node.rotary_dim / 2;
    for (Index row = 0; row < x.size() / dim; ++row) {
      for (Index i = 0; i < dim; ++i) {
        INFO("row " << row << ", channel " << i);
        const bool turns = i < node.rotary_dim;
        const Index partner = !turns ? i : node.interleaved ? i ^ 1 : (i + half) % node.rotary_dim;
        const double reach = turns ? std::abs(at(given, row, i)) + std::abs(at(given, row, partner)) : 0.0;
        REQUIRE(std::abs(at(x, row, i) - at(expected, row, i)) <= kBothSides * reach);
      }
    }
  }
}

TEST_CASE("the RotaryEmbedding tests of ONNX Runtime", "[rope][golden][data]") {
  if (skip_without_data("ONNX Runtime RotaryEmbedding")) return;
  struct Node {
    const char* name;
    bool interleaved;
    Index rotary_dim, batch, length, heads, dim;
  };
  const Node nodes[] = {{"ort_CustomRotaryDim_SmallData_Phi", false, 4, 1, 2, 1, 6},
                        {"ort_Interleaved_LargeData_LlamaMSFT", true, 6, 2, 8, 4, 6},
                        {"ort_Interleaved_SmallData_LlamaMSFT", true, 4, 1, 3, 2, 4},
                        {"ort_NotInterleaved_LargeData_LlamaMSFT", false, 6, 2, 8, 4, 6},
                        {"ort_NotInterleaved_SmallData_LlamaMSFT", false, 6, 1, 2, 3, 6}};
  constexpr double kDigit = 0.5e-4;  // inputs, caches and results are printed with 4 decimals
  for (const Node& node : nodes) {
    INFO(node.name);
    const std::string folder = data_dir() + "/peers/" + node.name;
    RowMatrix<double> x = read_csv(folder + "/input.csv");
    const RowMatrix<double> given = x;
    const RowMatrix<double> expected = read_csv(folder + "/expected.csv");
    const RowMatrix<double> cos = read_csv(folder + "/cos_cache.csv");
    const RowMatrix<double> sin = read_csv(folder + "/sin_cache.csv");
    const Eigen::Matrix<std::int64_t, -1, -1, Eigen::RowMajor> ids =
        read_csv(folder + "/positions.csv").cast<std::int64_t>();
    REQUIRE(x.size() == node.batch * node.length * node.heads * node.dim);
    REQUIRE(cos.cols() * 2 == node.rotary_dim);
    const auto shape = HeadsShape().batch(node.batch).seq_len(node.length).num_heads(node.heads).head_dim(node.dim);
    apply_rope(
        posenc::view_blhd(x.data(), shape),
        wrap_cache(cos.data(), sin.data(), cos.rows(), node.rotary_dim, posenc::CosSinStorage::cos_sin, 1),
        RopeLayout(node.interleaved ? RopePairs::interleaved : RopePairs::half_split, node.dim).prefix(node.rotary_dim),
        posenc::rows(ids));
    const Index half = node.rotary_dim / 2;
    CHECK(worst_ratio(x, expected, [&](Index i, Index j) {
            if (j >= node.rotary_dim) return 1e-15;  // the same printed number on both sides
            const Index partner = node.interleaved ? j ^ 1 : (j + half) % node.rotary_dim;
            // The result's digit; x's digits through |cos| + |sin| <= sqrt 2; the cache's through |a| + |b|.
            return kDigit * (1 + std::sqrt(2.0) + std::abs(given(i, j)) + std::abs(given(i, partner)));
          }) <= 1);
  }
}

TEST_CASE("the rotary tests of Keras Hub, fairseq and Lingvo", "[rope][golden][data]") {
  if (skip_without_data("Keras Hub, fairseq, Lingvo")) return;
  struct Peer {
    const char* name;
    double base;
    double scale;  // linear
    Index tokens_each;
    std::vector<std::int64_t> positions;  // of the rows of the file
    double input_digit, result_digit;     // half of the last printed place; 0 where the float itself is printed
  };
  // Upstream works in float32 at positions up to 4: the angle is off by p w u (3 + ln B) at most, and then 3 u.
  const Peer peers[] = {{"keras_rope_linear_scale2", 1e4, 2, 1, {0, 0, 1, 1, 2, 2}, 0, 0},
                        {"keras_rope_ones_d6_pos3", 1e4, 1, 1, {3}, 0, 0.5e-4},
                        {"keras_rope_positions_1d", 1e4, 1, 1, {0, 0}, 0, 0},
                        {"keras_rope_positions_2d", 1e4, 1, 1, {0, 0, 0, 1}, 0, 0},
                        {"fairseq_rope_3x2", 1e4, 1, 1, {0, 1, 2}, 0.5e-7, 0.5e-4},
                        {"lingvo_rope_ones_5x4_max7", 7, 1, 1, {0, 1, 2, 3, 4}, 0, 0}};
  for (const Peer& peer : peers) {
    INFO(peer.name);
    const std::string folder = data_dir() + "/peers/" + peer.name;
    const RowMatrix<double> expected = read_csv(folder + "/expected.csv");
    RowMatrix<double> x = RowMatrix<double>::Ones(expected.rows(), expected.cols());
    if (exists(folder + "/input.csv")) x = read_csv(folder + "/input.csv");
    REQUIRE(x.rows() == static_cast<Index>(peer.positions.size()));
    const RowMatrix<double> given = x;
    const Index dim = x.cols();
    const auto frequencies = posenc::scale_linear(geometric_frequencies(dim, peer.base), peer.scale);
    const Eigen::Map<const Eigen::Array<std::int64_t, -1, 1>> positions(peer.positions.data(), x.rows());
    apply_rope(x, make_table<double>(frequencies, positions), RopeLayout::half_split(dim));
    CHECK(worst_ratio(x, expected, [&](Index i, Index j) {
            const double size = std::abs(given(i, j)) + std::abs(given(i, (j + dim / 2) % dim));
            const double angle = static_cast<double>(positions(i)) * frequencies.inv_freq()(j % (dim / 2));
            const double upstream = (angle * (3 + std::log(peer.base)) + 3) * kFloatUnit * size;
            // Some print 8 significant digits of the float: half of the last one is below 0.5e-7 of the value.
            return upstream + std::sqrt(2.0) * peer.input_digit + peer.result_digit + 0.5e-7 * std::abs(x(i, j)) +
                   1e-15;
          }) <= 1);
  }
}
