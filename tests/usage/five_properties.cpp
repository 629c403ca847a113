// SPDX-License-Identifier: MIT
/// What one asks of an encoding of positions, of every encoder in the library: no two positions alike; position p + k by
/// one linear map from position p, on longer texts too; the same numbers whenever they are made; several dimensions.
/// Where an encoding lacks one, that is checked as well.
#include "posenc/posenc.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch2.hpp"
#include "support/code_properties.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

#include <Eigen/SVD>

using namespace posenc;

namespace {

using Eigen::Index;
using posenc_tests::Ids;
using posenc_tests::MatrixD;
using posenc_tests::random_matrix;

constexpr Index kLength = 256;
constexpr Index kLonger = 4 * kLength;
/// Maps are fitted on every 64th position, so that the slowest pair rotates far enough to be seen.
constexpr Index kStride = 64;

/// Codes of a list of positions.
struct Code {
  std::string name;
  Index width;
  std::function<void(MatrixD& out, const Ids& positions)> encode;

  /// Of the positions first, first + 1, ..., each times `stride`.
  MatrixD at(Index first, Index count, Index stride = 1) const {
    MatrixD out(count, width);
    encode(out, stride * Ids::LinSpaced(count, first, first + count - 1));
    return out;
  }
  MatrixD operator()(Index first, Index count) const { return at(first, count); }
};

/// Of an encoding of one axis.
std::function<void(MatrixD&, const Ids&)> on_a_line(const SinusoidalGridEncoding& encoding) {
  return [=](MatrixD& out, const Ids& positions) {
    encode_sinusoidal(out, encoding, AxisPositionMatrix<std::int64_t>(positions));
  };
}

std::vector<Code> sinusoids() {
  const std::vector<std::pair<std::string, SinusoidalEncoding>> encodings = {
      {"paper", presets::paper(16)},
      {"numpy_tutorial", presets::numpy_tutorial(15)},
      {"tensorflow_tutorial", presets::tensorflow_tutorial(16)},  // of odd width, its last sine has no cosine
      {"tensor2tensor", presets::tensor2tensor(16)},
      {"fairseq", presets::fairseq(16)},
      {"ctranslate2", presets::ctranslate2(16)},
      {"marian", presets::marian(16)},
      {"whisper", presets::whisper(16)},
      {"diffusers_timestep", presets::diffusers_timestep(16, false, 1)},
      {"ggml_timestep", presets::ggml_timestep(16)},
      {"transformer_xl", presets::transformer_xl(16)},
      {"x_transformers", presets::x_transformers(16)},
      {"mlx", presets::mlx(16)},
      {"musicgen", presets::musicgen(16)},
      {"xglm", presets::xglm(16)},
      {"nemo", presets::nemo(16)},
      {"marian_transformers", presets::marian_transformers(16)},
      {"pi0", presets::pi0(16, 7, 7000)}};  // whole positions, where the model has times in [0, 1]
  std::vector<Code> codes;
  for (const auto& named : encodings) {
    const SinusoidalEncoding encoding = named.second;
    codes.push_back({named.first, encoding.width(),
                     [=](MatrixD& out, const Ids& positions) { encode_sinusoidal(out, encoding, positions); }});
  }
  codes.push_back({"opennn", 16, on_a_line(presets::opennn(16))});
  const SinusoidalEncoding paper = presets::paper(16);
  const auto table = make_table<double>(paper.frequencies(), PositionRange(0, kStride * (kLonger + 100)));
  codes.push_back(
      {"kept table", 16, [=](MatrixD& out, const Ids& positions) { encode_sinusoidal(out, table, paper, positions); }});
  return codes;
}

/// What rotations make of ones.
std::vector<Code> rotations() {
  const Frequencies plain = geometric_frequencies(16, 10000.0);
  YarnOptions yarn;
  yarn.factor = 4;
  yarn.original_max_position_embeddings = 512;
  Llama3Options llama3;
  llama3.factor = 4;
  llama3.original_max_position_embeddings = 512;
  LongRopeOptions longrope;
  longrope.short_factor.assign(8, 1.0);
  longrope.long_factor = {1, 1.1, 1.2, 1.5, 2, 3, 4, 4};
  longrope.original_max_position_embeddings = 512;
  longrope.max_position_embeddings = 2048;
  const std::vector<std::pair<std::string, Frequencies>> rules = {
      {"RoPE", plain},
      {"linear", scale_linear(plain, 4)},
      {"NTK-aware", scale_ntk_aware(plain, 4)},
      {"dynamic NTK", scale_dynamic_ntk(plain, {1, 512}, 2048)},
      {"NTK mixed", scale_ntk_mixed(plain, 4, 0.625)},
      {"YaRN", scale_yarn(plain, yarn)},
      {"Llama 3", scale_llama3(plain, llama3)},
      {"LongRoPE", scale_longrope(plain, longrope, 2048)},
      {"p-RoPE", scale_proportional(plain, 0.75)},
      {"spaced", spaced_frequencies(8, 10000.0, 7.0)},
      {"periodic", scale_periodic(plain, 0x1p20)},
      {"nanochat", presets::nanochat_frequencies(16, 10000)},
      {"modded-nanogpt", presets::modded_nanogpt_frequencies(16)}};
  std::vector<Code> codes;
  for (const auto& rule : rules) {
    for (const RopeLayout& layout : {RopeLayout::half_split(16), RopeLayout::interleaved(16)}) {
      const Frequencies frequencies = rule.second;
      codes.push_back({rule.first, 16, [=](MatrixD& out, const Ids& positions) {
                         out.setOnes();
                         apply_rope(out, make_table<double>(frequencies, positions), layout);
                       }});
    }
  }
  // Cosines and sines that are sums over frequencies can be told from one another where there are as many sums.
  const MatrixD cosines = random_matrix(8, 8, 20), sines = random_matrix(8, 8, 21);
  codes.push_back({"FoPE", 16, [=](MatrixD& out, const Ids& positions) {
                     out.setOnes();
                     apply_rope(out, make_fope_table<double>(plain, cosines, sines, positions, 16),
                                RopeLayout::half_split(16));
                   }});
  return codes;
}

/// The channels that do not hold one number, of which a map has nothing to learn.
std::vector<Index> varying_channels(const MatrixD& codes) {
  std::vector<Index> channels;
  for (Index j = 0; j < codes.cols(); ++j) {
    if ((codes.col(j).array() != codes(0, j)).any()) channels.push_back(j);
  }
  return channels;
}

MatrixD with_constant(const MatrixD& codes) {
  MatrixD x(codes.rows(), codes.cols() + 1);
  x << codes, Eigen::VectorXd::Ones(codes.rows());
  return x;
}

/// Fits to = M from + c, tries it on the codes far away, and holds both to what rounding leaves. A code of size g is off
/// by at most g (2^-50 + angle 2^-51), and its image under the map, of norm 1, too; least squares of n x m numbers add
/// n m eps of their size. So much is left within. The map itself is off by that, divided by the smallest singular value,
/// and far away it is multiplied with codes.
void check_map(const MatrixD& all_from, const MatrixD& all_to, const MatrixD& all_far_from, const MatrixD& all_far_to,
               double largest_angle) {
  const std::vector<Index> channels = varying_channels(all_from);
  const MatrixD from = with_constant(all_from(Eigen::all, channels));
  const MatrixD to = all_to(Eigen::all, channels);
  const MatrixD far_from = with_constant(all_far_from(Eigen::all, channels));
  const MatrixD far_to = all_far_to(Eigen::all, channels);
  const MatrixD r = Eigen::HouseholderQR<MatrixD>(from).matrixQR().topRows(from.cols()).triangularView<Eigen::Upper>();
  const double smallest_singular_value = Eigen::JacobiSVD<Eigen::MatrixXd>(r).singularValues().tail(1)[0];
  const MatrixD map = from.completeOrthogonalDecomposition().solve(to);

  const double promised = from.cwiseAbs().maxCoeff() * (0x1p-50 + largest_angle * 0x1p-51);
  const double terms = static_cast<double>(from.size());
  const double left = 2 * promised * std::sqrt(terms) + terms * posenc_tests::kEpsilon * from.norm();
  const double far_terms = static_cast<double>(far_from.size());
  const double left_far = 2 * promised * std::sqrt(far_terms) + left / smallest_singular_value * far_from.norm();
  const double variation = (to.rowwise() - to.colwise().mean()).norm();
  const double far_variation = (far_to.rowwise() - far_to.colwise().mean()).norm();
  CHECK(code_properties::unexplained(to, from * map) <= left / variation);
  CHECK(code_properties::unexplained(far_to, far_from * map) <= left_far / far_variation);
  CHECK(left_far / far_variation < 1e-3);  // what is no map leaves more than 0.3: see the digits
}

void check_linear(const Code& code) {
  INFO(code.name);
  for (const Index offset : {1, 10, 100}) {
    INFO("offset " << kStride * offset);
    check_map(code.at(0, kLength, kStride), code.at(offset, kLength, kStride),
              code.at(kLength, kLonger - kLength, kStride), code.at(kLength + offset, kLonger - kLength, kStride),
              static_cast<double>(kStride * (kLonger + 100)));
  }
}

/// No two positions alike, not even after float's rounding; and the same numbers at once and one by one.
void check_distinct_and_determined(const Code& code, Index length = kLength) {
  INFO(code.name);
  const MatrixD codes = code.at(0, length);
  CHECK(code_properties::smallest_distance(codes) > 0x1p-23 * codes.rowwise().norm().maxCoeff());
  CHECK(code_properties::nondeterminism(code, length) == 0);
}

}  // namespace

TEST_CASE("sinusoids have the five properties", "[usage][five_properties]") {
  for (const Code& code : sinusoids()) {
    check_distinct_and_determined(code);
    check_linear(code);
  }
}

TEST_CASE("rotations have the five properties", "[usage][five_properties]") {
  for (const Code& code : rotations()) {
    check_distinct_and_determined(code);
    check_linear(code);
  }
}

TEST_CASE("integers have the five properties, and any size", "[usage][five_properties]") {
  for (const double scale : {1.0, -3.0, 1.0 / kLength}) {
    const Code code{"integers", 1, [=](MatrixD& out, const Ids& p) { encode_integers(out, scale, p); }};
    check_distinct_and_determined(code);
    check_linear(code);
    CHECK(code.at(kLength, 1)(0, 0) == scale * kLength);
  }
}

TEST_CASE("digits are distinct and determined, and no map makes their carries", "[usage][five_properties]") {
  for (const int base : {2, 10}) {
    const Code code{"digits", base == 2 ? 11 : 4, [=](MatrixD& out, const Ids& p) { encode_digits(out, base, p); }};
    check_distinct_and_determined(code);
    const auto worst = code_properties::worst_relation(code, {1, 10, 100}, kLength, kLonger);
    CHECK(worst.within > 0.3);
    CHECK(worst.beyond > worst.within);
  }
}

TEST_CASE("channels that make no pairs are distinct and determined, and no map joins them",
          "[usage][five_properties]") {
  std::vector<Code> codes = {{"per_channel", 16, on_a_line(presets::per_channel(16))}};
  const auto angles = [&](const std::string& name, const AxialFrequencies& axial, const RopeLayout& layout) {
    codes.push_back({name, layout.head_dim(), [=](MatrixD& out, const Ids& positions) {
                       AxisPositionMatrix<std::int64_t> at =
                           AxisPositionMatrix<std::int64_t>::Zero(positions.size(), 3);
                       at.col(0) = positions;
                       out.setOnes();
                       apply_channel_angles(out, make_table<double>(axial.frequencies, axial.axes, at), layout);
                     }});
  };
  angles("vjepa2", presets::vjepa2_frequencies(24), RopeLayout::interleaved(24));
  angles("ernie_image", presets::ernie_image_frequencies({16, 0, 0}, 256), RopeLayout::half_split(16));
  const MatrixD weights = random_matrix(1, 16, 22), phases = random_matrix(1, 16, 23);
  for (const FourierOptions& options : {presets::random_fourier(16), presets::time2vec()}) {
    codes.push_back({"waves without a second one", 16, [=](MatrixD& out, const Ids& positions) {
                       encode_fourier(out, positions.cast<double>(), weights, phases, options);
                     }});
  }
  MatrixD octaves(1, 8), quarters(1, 8);
  for (int l = 0; l < 8; ++l) {
    octaves(0, l) = std::ldexp(0.5, l) / static_cast<double>(kStride * (kLonger + 100));
    quarters(0, l) = l * 1.5707963267948966;
  }
  codes.push_back({"triangle waves", 8, [=](MatrixD& out, const Ids& positions) {
                     encode_fourier(out, positions.cast<double>(), octaves, quarters, presets::triangle_waves());
                   }});
  for (const Code& code : codes) {
    INFO(code.name);
    check_distinct_and_determined(code);
    const auto strided = [&](Index first, Index count) { return code.at(first, count, kStride); };
    const auto worst = code_properties::worst_relation(strided, {1, 10, 100}, kLength, kLonger);
    CHECK(worst.within > 0.3);
  }
}

TEST_CASE("one-blob codes are distinct and determined", "[usage][five_properties]") {
  for (const BlobEdges edges : {BlobEdges::cut, BlobEdges::wrap}) {
    check_distinct_and_determined({"one blob", 16, [=](MatrixD& out, const Ids& positions) {
                                     encode_one_blob(out, positions.cast<double>() / kLength, edges);
                                   }});
  }
}

TEST_CASE("learned positions are distinct and determined, and are no more than their rows",
          "[usage][five_properties]") {
  LearnedTable<double> table(512, 16);
  fill(table.values(), Normal(0.02), Seed(7));
  const Code code{"learned", 16, [&](MatrixD& out, const Ids& p) { encode_learned(out, table, p); }};
  check_distinct_and_determined(code, 512);
  // Rows that are drawn do not know one another: a map of 17 numbers explains no more than 17 of 256 rows.
  CHECK(code_properties::linear_relation(code, 1, 256, 500).within > 0.9);
  CHECK_THROWS_AS(code.at(0, 513), std::out_of_range);
  LearnedTable<double> clamped(512, 16, LookupOptions{Overflow::clamp});
  MatrixD beyond(2, 16);
  encode_learned(beyond, clamped, starting_at(600));
  CHECK(beyond.row(0) == beyond.row(1));
}

// ---------------------------------------------------------------------------------------------------------------------
// Several dimensions

namespace {

constexpr Index kSide = 16;
constexpr double kFastest = 8;  // the largest frequency of these encodings: NeRF's fourth

/// Codes of places, tokens x axes.
struct GridCode {
  std::string name;
  Index width;
  std::function<void(MatrixD& out, const AxisPositionMatrix<std::int64_t>& places)> encode;

  /// Of the places of a square of `side` x `side` tokens, `stride` apart, from (first, first) + offset on.
  MatrixD square(Index side, Index first, const Eigen::RowVector2i& offset, Index stride) const {
    AxisPositionMatrix<std::int64_t> places(side * side, 2);
    for (Index t = 0; t < places.rows(); ++t) {
      places.row(t) << stride * (first + t / side + offset[0]), stride * (first + t % side + offset[1]);
    }
    MatrixD out(places.rows(), width);
    encode(out, places);
    return out;
  }
};

std::vector<GridCode> grid_codes() {
  std::vector<GridCode> codes;
  const std::vector<std::pair<std::string, SinusoidalGridEncoding>> encodings = {
      {"mae", presets::mae(16)},
      {"moco_v3", presets::moco_v3(16)},
      {"timm_interleaved", presets::timm_interleaved(16)},
      {"detr", presets::detr(8)},
      {"tatp22", presets::tatp22(16, 2)},
      {"tensor2tensor_nd", presets::tensor2tensor_nd(16, 2)},
      {"nerf", presets::nerf(2, 4)}};
  for (const auto& named : encodings) {
    const SinusoidalGridEncoding encoding = named.second;
    codes.push_back({named.first, encoding.width(),
                     [=](MatrixD& out, const auto& places) { encode_sinusoidal(out, encoding, places); }});
  }
  // Those of more axes, or of places in [0, 1] or [-1, 1]: two of the axes, times a scale.
  const auto scaled = [&](const std::string& name, const SinusoidalGridEncoding& encoding, double scale, Index row,
                          Index column) {
    codes.push_back({name, encoding.width(), [=](MatrixD& out, const auto& places) {
                       AxisPositionMatrix<double> at =
                           AxisPositionMatrix<double>::Zero(places.rows(), encoding.num_axes());
                       at.col(row) = scale * places.col(0).template cast<double>();
                       at.col(column) = scale * places.col(1).template cast<double>();
                       encode_sinusoidal(out, encoding, at);
                     }});
  };
  scaled("diffusers_3d, rows", presets::diffusers_3d(16), 1, 1, 2);
  scaled("diffusers_3d, frames", presets::diffusers_3d(16), 1, 0, 2);
  scaled("gligen, upper left", presets::gligen(4), 0.01, 1, 0);
  scaled("gligen, lower right", presets::gligen(4), 0.01, 3, 2);
  scaled("dab_detr", presets::dab_detr(8, 20, 30), 1, 0, 1);
  scaled("dab_detr_queries", presets::dab_detr_queries(8, 4), 0.1, 1, 0);
  scaled("perceiver", presets::perceiver(std::vector<int>{16, 16}, 4), 0.01, 0, 1);
  const MatrixD directions = random_matrix(2, 8, 3);
  for (const FourierOptions& options :
       {presets::gaussian_fourier(), presets::segment_anything_fourier(), presets::learned_fourier(16)}) {
    codes.push_back({"Fourier features", 16, [=](MatrixD& out, const auto& places) {
                       encode_fourier(out, 0.1 * places.template cast<double>(), directions, options);
                     }});
  }
  for (const AxialFrequencies& axial :
       {axial_frequencies({4, 4}, 10000.0), axial_frequencies({4, 4}, std::vector<double>{10000.0, 256.0}),
        axial_frequencies({4, 4}, 10000.0, AxialSeries::alternating)}) {
    codes.push_back({"RoPE on two axes", 16, [=](MatrixD& out, const auto& places) {
                       out.setOnes();
                       apply_rope(out, make_table<double>(axial.frequencies, axial.axes, places),
                                  RopeLayout::interleaved(16));
                     }});
  }
  for (const PixelBands bands : {PixelBands::linear, PixelBands::geometric}) {
    codes.push_back({"RoPE on the pixels of a picture", 16, [=](MatrixD& out, const auto& places) {
                       const AxialFrequencies axial = pixel_frequencies(2, 4, 7.0, bands);
                       const AxisPositionMatrix<double> at = 0.01 * places.template cast<double>();
                       out.setOnes();
                       apply_rope(out, make_table<double>(axial.frequencies, axial.axes, at),
                                  RopeLayout::interleaved(16));
                     }});
  }
  codes.push_back({"RoPE, mixed frequencies", 16, [=](MatrixD& out, const auto& places) {
                     out.setOnes();
                     apply_rope(out, make_mixed_table<double>(directions, places), RopeLayout::half_split(16));
                   }});
  codes.push_back({"RoPE, mixed frequencies as they begin", 16, [=](MatrixD& out, const auto& places) {
                     out.setOnes();
                     apply_rope(out, make_mixed_table<double>(initial_mixed_frequencies(16, 100.0, 0.3), places),
                                RopeLayout::half_split(16));
                   }});
  codes.push_back({"RoPE, mixed frequencies of each head", 16, [=](MatrixD& out, const auto& places) {
                     TableOptions each;
                     each.num_heads = 2;
                     out.setOnes();
                     apply_rope(out, make_mixed_table<double>(directions, places, each), RopeLayout::half_split(8));
                   }});
  codes.push_back({"RoPE, mixed frequencies and phases", 16, [=](MatrixD& out, const auto& places) {
                     out.setOnes();
                     const auto table = make_mixed_table<double>(directions, directions.row(0).eval(), places);
                     apply_rope(out, table, RopeLayout::half_split(16));
                   }});
  codes.push_back({"integers", 2, [](MatrixD& out, const auto& places) {
                     for (Index axis : {0, 1}) encode_integers(out.col(axis), 1, places.col(axis));
                   }});
  return codes;
}

}  // namespace

TEST_CASE("on grids the five properties hold too", "[usage][five_properties]") {
  for (const GridCode& code : grid_codes()) {
    INFO(code.name);
    const MatrixD codes = code.square(kSide, 0, {0, 0}, 1);
    CHECK(code_properties::smallest_distance(codes) > 0x1p-23 * codes.rowwise().norm().maxCoeff());
    CHECK(posenc_tests::same_bits(codes, code.square(kSide, 0, {0, 0}, 1)));
    const Eigen::RowVector2i offset(1, 2);  // one map for all places, whatever their row and column
    check_map(code.square(kSide, 0, {0, 0}, kStride), code.square(kSide, 0, offset, kStride),
              code.square(kSide, kSide, {0, 0}, kStride), code.square(kSide, kSide, offset, kStride),
              kFastest * static_cast<double>(kStride * 2 * (2 * kSide + 2)));
  }
}

TEST_CASE("spherical harmonics are distinct and determined, and rotate by one linear map", "[usage][five_properties]") {
  const MatrixD directions = random_matrix(256, 3, 17);
  const Eigen::Matrix3d rotation = random_matrix(3, 3, 18).householderQr().householderQ();
  for (const HarmonicSign sign : {HarmonicSign::positive, HarmonicSign::condon_shortley}) {
    const auto encode = [&](const MatrixD& some) {
      MatrixD out(some.rows(), 16);
      encode_spherical_harmonics(out, some, sign);
      return out;
    };
    const MatrixD codes = encode(directions);
    CHECK(code_properties::smallest_distance(codes) > 0x1p-23 * codes.rowwise().norm().maxCoeff());
    for (Index i = 0; i < directions.rows(); ++i) {
      CHECK(posenc_tests::same_bits(encode(directions.row(i)), codes.row(i).eval()));
    }
    const MatrixD rotated = encode(directions * rotation);
    check_map(codes.topRows(64), rotated.topRows(64), codes.bottomRows(192), rotated.bottomRows(192), 3.2);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Biases and scores: what all queries alike and all keys alike leave is positions

namespace {

struct Score {
  std::string name;
  Index told_apart;  ///< of the 24 distances 0 ... -23
  std::function<void(MatrixD& logits, const AttentionSpan& span)> add;
};

constexpr Index kNear = 24;

MatrixD alike(Index rows, std::uint64_t seed) { return random_matrix(1, 16, seed).replicate(rows, 1); }

BiasMlp<double> small_mlp() {
  return {{{random_matrix(8, 1, 60), random_matrix(8, 1, 61)}, {random_matrix(1, 8, 62), random_matrix(1, 1, 63)}}};
}

std::vector<Score> scores() {
  std::vector<Score> all;
  const auto of_table = [&](const std::string& name, Index told_apart, auto make) {
    all.push_back({name, told_apart, [=](MatrixD& logits, const AttentionSpan& span) {
                     add_distance_bias(logits, make(span.distances()), span);
                   }});
  };
  const Eigen::ArrayXd one = Eigen::ArrayXd::Constant(1, 0.5);
  of_table("ALiBi", kNear, [=](const DistanceRange& d) { return make_alibi_table<double>(one, d, AlibiForm::causal); });
  of_table("KERPLE", kNear, [=](const DistanceRange& d) {
    return make_kerple_table<double>(KerpleA(one), KerpleP(one), d, KerpleKernel::logarithmic);
  });
  of_table("KERPLE, power", kNear, [=](const DistanceRange& d) {
    return make_kerple_table<double>(KerpleA(one), KerpleP(one), d, KerpleKernel::power);
  });
  of_table("Sandwich", kNear, [](const DistanceRange& d) { return make_sandwich_table<double>(1, 16, d, 10000.0); });
  of_table("dynamic position bias", kNear,
           [](const DistanceRange& d) { return make_mlp_table(small_mlp(), d, DistanceInput::logarithmic); });
  // Buckets of one distance up to 15, then of 16 to 18, 19 to 20 and 21 to 23: 16 floor(ln(n / 16) / ln 8) + 16.
  of_table("T5", 19,
           [](const DistanceRange& d) { return make_t5_table(random_matrix(32, 1, 5), T5Buckets(32, 128, false), d); });
  all.push_back({"T5, for positions of any kind", 19, [](MatrixD& logits, const AttentionSpan& span) {
                   add_bucket_bias(logits, random_matrix(32, 1, 5), T5Buckets(32, 128, false),
                                   PositionRange(span.query_offset(), span.query_len()),
                                   PositionRange(0, span.key_len()));
                 }});
  all.push_back({"gated", kNear, [=](MatrixD& logits, const AttentionSpan& span) {
                   add_distance_bias(logits, make_alibi_table<double>(one, span.distances(), AlibiForm::causal), span,
                                     Eigen::VectorXd::Constant(span.query_len(), 1.5));
                 }});
  all.push_back({"banded", 9, [](MatrixD& logits, const AttentionSpan& span) {  // a band of 8, and what is beyond it
                   Workspace<double> workspace;
                   add_banded_logits(logits, alike(span.query_len(), 14), random_matrix(16, 8, 15), span, workspace);
                 }});
  const auto of_content = [&](const std::string& name, Index told_apart, auto add) {
    all.push_back({name, told_apart, [=](MatrixD& logits, const AttentionSpan& span) {
                     const MatrixD q = alike(span.query_len(), 1), k = alike(span.key_len(), 2);
                     Workspace<double> workspace;
                     add(logits, ContentAttention(q, k, 1.0, span), span, workspace);
                   }});
  };
  of_content("Shaw", 9, [](MatrixD& logits, const auto& attention, const AttentionSpan&, auto& workspace) {
    const MatrixD table = random_matrix(17, 16, 6);  // clipped at 8
    add_shaw_logits(logits, ShawKeys(table, DistanceClip::symmetric(8)), attention, workspace);
  });
  of_content("relative keys", kNear, [](MatrixD& logits, const auto& attention, const AttentionSpan& span, auto& w) {
    const MatrixD table = random_matrix(2048, 16, 7).bottomRows(span.distances().size());  // by distance, from 23 down
    add_relative_logits(logits, RelativeKeys(table, span.distances()), attention, w);
  });
  of_content("Transformer-XL", kNear, [](MatrixD& logits, const auto& attention, const AttentionSpan& span, auto& w) {
    const MatrixD r =
        make_relative_sinusoids<double>(span.distances(), geometric_frequencies(16, 10000.0), ChannelOrder::sin_cos);
    const MatrixD u = alike(1, 8), v = alike(1, 9);
    add_transformer_xl_logits(logits, TransformerXl(r, span.distances(), u, v), attention, w);
  });
  of_content("DeBERTa", kNear, [](MatrixD& logits, const auto& attention, const AttentionSpan&, auto& workspace) {
    const DebertaBuckets buckets(64);
    const MatrixD keys = random_matrix(buckets.rows(), 16, 10), queries = random_matrix(buckets.rows(), 16, 11);
    add_deberta_logits(logits, Deberta(buckets, ContentToPosition(keys), PositionToContent(queries)), attention,
                       workspace);
  });
  of_content("CoPE", kNear, [](MatrixD& logits, const auto& attention, const AttentionSpan&, auto& workspace) {
    const MatrixD table = random_matrix(16, 16, 12);  // half a position for each key of score 0
    add_cope_logits(logits, Cope(table, 16), attention, workspace);
  });
  all.push_back({"forgetting", kNear, [](MatrixD& logits, const AttentionSpan& span) {
                   const MatrixD gates = MatrixD::Constant(span.key_len(), 1, 2.0);
                   add_forgetting_bias(logits, forgetting_sums(gates), span);
                 }});
  const auto rotated = [](MatrixD& logits, const AttentionSpan& span, const auto& queries, const auto& keys) {
    MatrixD q = alike(span.query_len(), 1), k = alike(span.key_len(), 2);
    apply_rope(q, queries, RopeLayout::half_split(16), from_row(span.query_offset()));
    apply_rope(k, keys, RopeLayout::half_split(16));
    logits += q * k.transpose();
  };
  all.push_back({"RoPE", kNear, [=](MatrixD& logits, const AttentionSpan& span) {
                   const auto table =
                       make_table<double>(geometric_frequencies(16, 10000.0), PositionRange(0, span.key_len()));
                   rotated(logits, span, table, table);
                 }});
  all.push_back({"xPos", kNear, [=](MatrixD& logits, const AttentionSpan& span) {
                   const auto tables = make_xpos_tables<double>(geometric_frequencies(16, 10000.0),
                                                                PositionRange(0, span.key_len()), 0.0);
                   rotated(logits, span, tables.queries, tables.keys);
                 }});
  return all;
}

/// The part of the logits that causal attention sees.
MatrixD causal(MatrixD logits) { return logits.triangularView<Eigen::Lower>(); }

}  // namespace

TEST_CASE("a score is one number for each distance, at any position", "[usage][five_properties]") {
  // A score is a sum of at most 32 products of numbers of size 12 at most (xPos at 1,024), each off by
  // 2^-50 + 1,024 2^-51 of its size: 32 12^2 2 2^-40.9.
  constexpr double kScoreError = 0x1p-27;
  for (const Score& score : scores()) {
    INFO(score.name);
    MatrixD here = MatrixD::Zero(kNear, kNear), far = MatrixD::Zero(kNear, 1024);
    score.add(here, AttentionSpan::square(kNear));
    MatrixD again = MatrixD::Zero(kNear, kNear);
    score.add(again, AttentionSpan::square(kNear));
    CHECK(posenc_tests::same_bits(again, here));
    score.add(far, AttentionSpan::cached(kNear, 1024));
    CHECK(posenc_tests::distance(causal(far.rightCols(kNear)), causal(here)) <= kScoreError);
    for (Index back = 0; back + 1 < kNear; ++back) {
      const Eigen::VectorXd diagonal = here.diagonal(-back);
      CHECK((diagonal.array() - diagonal[0]).abs().maxCoeff() <= kScoreError);
    }
    Index told_apart = 0;
    for (Index a = 0; a < kNear; ++a) {
      bool seen = false;
      for (Index b = 0; b < a; ++b) seen |= std::abs(here(kNear - 1, a) - here(kNear - 1, b)) <= 2 * kScoreError;
      told_apart += !seen;
    }
    CHECK(told_apart == score.told_apart);
  }
}

TEST_CASE("FIRE measures distances by the query's position, so its scores move", "[usage][five_properties]") {
  Fire<double> fire;
  fire.mlp = small_mlp();
  fire.initial_length = 8;
  MatrixD here = MatrixD::Zero(kNear, kNear), far = MatrixD::Zero(kNear, 1024);
  add_fire_bias(here, fire, AttentionSpan::square(kNear));
  add_fire_bias(far, fire, AttentionSpan::cached(kNear, 1024));
  CHECK(posenc_tests::distance(causal(far.rightCols(kNear)), causal(here)) > 0.01);
}

TEST_CASE("Shaw's values are one vector for each distance, at any position", "[usage][five_properties]") {
  const MatrixD table = random_matrix(17, 16, 19);
  const auto span = AttentionSpan::cached(kNear, 1024);
  Workspace<double> workspace;
  for (Index back = 0; back < kNear; ++back) {
    MatrixD weights = MatrixD::Zero(kNear, 1024), out = MatrixD::Zero(kNear, 16);
    weights.diagonal(span.query_offset() - back).setOnes();  // every query attends to the key so many places back
    add_shaw_values(out, ShawValues(table, DistanceClip::symmetric(8)), weights, span, workspace);
    CHECK(posenc_tests::same_bits(out, table.row(8 - std::min<Index>(back, 8)).replicate(kNear, 1).eval()));
  }
}

TEST_CASE("a bias in a window is one number for each displacement", "[usage][five_properties]") {
  const GridShape window{5, 6};
  const auto swin = make_window_table(random_matrix(9 * 11, 1, 13), window);
  const Eigen::ArrayXd slope = Eigen::ArrayXd::Constant(1, 0.5);
  std::vector<MatrixD> biases;
  const BiasMlp<double> mlp{{{random_matrix(8, 2, 64), random_matrix(8, 1, 65)}, {random_matrix(1, 8, 66), {}}}};
  for (const auto& table : {swin, make_alibi_table<double>(slope, window, GridDistance::euclidean),
                            make_alibi_table<double>(slope, window, GridDistance::manhattan),
                            make_swin_v2_table(mlp, window, std::nullopt)}) {
    biases.emplace_back(MatrixD::Zero(30, 30));
    add_window_bias(biases.back(), table);
  }
  const MatrixD rel_h = random_matrix(9, 16, 67), rel_w = random_matrix(11, 16, 68);
  biases.emplace_back(MatrixD::Zero(30, 30));
  add_decomposed_logits(biases.back(), Decomposed(RelPosH(rel_h), RelPosW(rel_w), window, window), alike(30, 69));
  // The last are products of 16 channels: (2 16 + 1)^2 ulp of 1 each.
  constexpr double product_error = 2 * 33 * 33 * posenc_tests::kEpsilon;
  for (const MatrixD& logits : biases) {
    const double error = &logits == &biases.back() ? product_error : 0;
    for (Index t = 0; t < 30; ++t) {
      for (Index u = 0; u < 30; ++u) {
        const Index rows = u / 6 - t / 6, columns = u % 6 - t % 6;
        const Index from = (rows < 0 ? -rows : 0) * 6 + (columns < 0 ? -columns : 0);  // the first with room for it
        CHECK(std::abs(logits(t, u) - logits(from, from + 6 * rows + columns)) <= error);
      }
    }
  }
}
