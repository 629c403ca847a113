// SPDX-License-Identifier: MIT
/// What every encoder must do, done by sinusoids: from positions and from a kept table.
#include <vector>

#include "posenc/positions.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/encoder_properties.hpp"
#include "support/matrices.hpp"

namespace {

using posenc::each_sequence;
using posenc::SinusoidalEncoding;
using posenc::starting_at;
using posenc_tests::check_encoder;
using posenc_tests::check_written_encoding;
using posenc_tests::Ids;
using posenc_tests::Index;
using posenc_tests::random_matrix;
using posenc_tests::RowMatrix;
using posenc_tests::same_bits;
namespace presets = posenc::presets;

std::vector<SinusoidalEncoding> encodings() {
  return {presets::paper(64),         presets::tensorflow_tutorial(31), presets::tensor2tensor(37),
          presets::fairseq(130),      presets::ggml_timestep(5),        presets::marian(32),
          presets::x_transformers(8), presets::ctranslate2(34)};
}

}  // namespace

TEMPLATE_TEST_CASE("sinusoids from positions are encoders", "[sinusoidal][property]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const Ids ids = Ids::LinSpaced(33, -5, 27);
  const Eigen::VectorXd real = Eigen::VectorXd::LinSpaced(33, -5.5, 90);
  for (const SinusoidalEncoding& encoding : encodings()) {
    INFO("width " << encoding.width());
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) { posenc::encode_sinusoidal(out, encoding, starting_at(5 + first)); },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, encoding, starting_at(5 + first)); });
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) { posenc::encode_sinusoidal(out, encoding, ids.segment(first, out.rows())); },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, encoding, ids.segment(first, x.rows())); });
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) { posenc::encode_sinusoidal(out, encoding, real.segment(first, out.rows())); },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, encoding, real.segment(first, x.rows())); });
  }
}

TEMPLATE_TEST_CASE("sinusoids from a kept table are encoders", "[sinusoidal][property][kept]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  const Ids ids = Ids::LinSpaced(33, 0, 32).reverse();
  for (const SinusoidalEncoding& encoding : encodings()) {
    INFO("width " << encoding.width());
    const auto table = posenc::make_table<TestType>(encoding.frequencies(), posenc::PositionRange(-5, 60));
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) { posenc::encode_sinusoidal(out, table, encoding, starting_at(5 + first)); },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, table, encoding, starting_at(5 + first)); });
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) {
          posenc::encode_sinusoidal(out, table, encoding, ids.segment(first, out.rows()));
        },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, table, encoding, ids.segment(first, x.rows())); });
  }
}

TEMPLATE_TEST_CASE("sinusoids on several axes are encoders", "[sinusoidal][property][grid]", float, double,
                   Eigen::half) {
  const auto positions = posenc::grid_positions({3, 11});
  for (const auto& encoding : {presets::mae(32), presets::tatp22(7, 2), presets::tensor2tensor_nd(10, 2),
                               presets::detr(10), presets::nerf(2, 5), presets::moco_v3(20)}) {
    check_encoder<TestType>(
        33, encoding.width(),
        [&](auto&& out, Index first) {
          posenc::encode_sinusoidal(out, encoding, positions.middleRows(first, out.rows()));
        },
        [&](auto&& x, Index first) { posenc::add_sinusoidal(x, encoding, positions.middleRows(first, x.rows())); });
  }
}

TEMPLATE_TEST_CASE("Fourier features and spherical harmonics are encodings", "[sinusoidal][property][fourier]", float,
                   double, Eigen::half) {
  const RowMatrix<double> x = random_matrix<double>(33, 3, 5);
  const RowMatrix<double> weights = random_matrix<double>(3, 8, 6);
  for (const auto order :
       {posenc::ChannelOrder::interleaved, posenc::ChannelOrder::sin_cos, posenc::ChannelOrder::cos_sin}) {
    const posenc::FourierOptions options(order);
    check_written_encoding<TestType>(33, 16, [&](auto&& out, Index first) {
      posenc::encode_fourier(out, x.middleRows(first, out.rows()), weights, options);
    });
  }
  for (const auto sign : {posenc::HarmonicSign::positive, posenc::HarmonicSign::condon_shortley}) {
    check_written_encoding<TestType>(33, 25, [&](auto&& out, Index first) {
      posenc::encode_spherical_harmonics(out, x.middleRows(first, out.rows()), sign);
    });
  }
}

TEMPLATE_TEST_CASE("waves with phases, and one-blob codes, are encodings", "[sinusoidal][property][fourier]", float,
                   double, Eigen::half) {
  const RowMatrix<double> x = random_matrix<double>(33, 3, 5);
  const RowMatrix<double> weights = random_matrix<double>(3, 19, 6);
  const RowMatrix<double> phases = random_matrix<double>(1, 19, 7);
  const RowMatrix<float> floats = x.cast<float>();
  for (const posenc::FourierOptions& options : {presets::random_fourier(19), presets::triangle_waves()}) {
    check_written_encoding<TestType>(33, 19, [&](auto&& out, Index first) {
      posenc::encode_fourier(out, x.middleRows(first, out.rows()), weights, phases, options);
    });
    check_written_encoding<TestType>(33, 19, [&](auto&& out, Index first) {
      posenc::encode_fourier(out, floats.middleRows(first, out.rows()), weights, phases, options);
    });
  }
  const RowMatrix<double> times = random_matrix<double>(33, 1, 8) * 100;
  check_written_encoding<TestType>(33, 19, [&](auto&& out, Index first) {
    posenc::encode_fourier(out, times.middleRows(first, out.rows()), weights.topRows(1), phases, presets::time2vec());
  });
  for (const posenc::BlobEdges edges : {posenc::BlobEdges::cut, posenc::BlobEdges::wrap}) {
    check_written_encoding<TestType>(33, 3 * 7, [&](auto&& out, Index first) {
      posenc::encode_one_blob(out, x.middleRows(first, out.rows()).cwiseAbs(), edges);
    });
  }
}

TEST_CASE("stacked sequences of sinusoids are the sequences one by one", "[sinusoidal][property]") {
  const SinusoidalEncoding encoding = presets::ctranslate2(34);
  const std::vector<int> starts = {3, -2, 1000};
  const std::vector<double> real_starts = {3, 0.5, 1e6};
  RowMatrix<float> stacked(15, 34);
  RowMatrix<float> one(5, 34);
  posenc::encode_sinusoidal(stacked, encoding, each_sequence(5, starts));
  for (Index b = 0; b < 3; ++b) {
    posenc::encode_sinusoidal(one, encoding, starting_at(starts[static_cast<std::size_t>(b)]));
    CHECK(same_bits(stacked.middleRows(5 * b, 5), one));
  }
  posenc::encode_sinusoidal(stacked, encoding, each_sequence(5, starting_at(7)));
  posenc::encode_sinusoidal(one, encoding, starting_at(7));
  for (Index b = 0; b < 3; ++b) CHECK(same_bits(stacked.middleRows(5 * b, 5), one));
  posenc::encode_sinusoidal(stacked, encoding, each_sequence(5, real_starts));
  posenc::encode_sinusoidal(one, encoding, Eigen::VectorXd::LinSpaced(5, 0.5, 4.5));
  CHECK(same_bits(stacked.middleRows(5, 5), one));
}
