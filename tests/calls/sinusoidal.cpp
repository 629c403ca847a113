// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <cstdint>

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: sinusoids", "[calls][sinusoidal]") {
  const SinusoidalEncoding encoding = presets::paper(8);
  const M zero = M::Zero(3, 8);
  const auto encode = CALL(encode_sinusoidal);
  const auto add = CALL(add_sinusoidal);
  const std::vector<double> list = {0.5, 9, 2};
  CHECK(differs_written(zero, encode, encoding, starting_at(1)) == "");
  CHECK(differs_written(zero, encode, encoding, PositionRange(1, 3)) == "");
  CHECK(differs_written(zero, encode, encoding, list) == "");
  CHECK(differs_written(zero, add, encoding, starting_at(1)) == "");
  CHECK(differs_written(zero, add, encoding, Eigen::VectorXf(Eigen::VectorXf::LinSpaced(3, 0, 1))) == "");
  CHECK(differs_written(M::Zero(4, 8), add, encoding, each_sequence(2, starting_at(3))) == "");
  CHECK(differs(CALL(make_sinusoidal<float>), encoding, PositionRange(1, 3)) == "");

  const auto table = make_table<float>(encoding.frequencies(), PositionRange(0, 16));
  CHECK(differs_written(zero, encode, table, encoding, starting_at(1)) == "");
  CHECK(differs_written(zero, add, table, encoding, starting_at(1)) == "");
  CHECK(differs_written(zero, add, variable(table.view()), encoding, from_row(1)) == "");

  const SinusoidalGridEncoding grid_encoding = presets::mae(8);
  const auto grid = grid_positions({1, 3});
  CHECK(differs_written(zero, encode, grid_encoding, grid) == "");
  CHECK(differs_written(zero, add, grid_encoding, grid) == "");

  CHECK(differs_written(zero, CALL(encode_digits), 2, starting_at(1)) == "");
  CHECK(differs_written(zero, CALL(encode_integers), 0.5, starting_at(1)) == "");
  CHECK(differs(CALL(pixel_centers<float>), 2, 3) == "");
  CHECK(differs(CALL(presets::detr_positions), Eigen::MatrixXi(Eigen::MatrixXi::Ones(2, 3)), true, 6.0) == "");

  const M coordinates = numbers(3, 2), weights = numbers(2, 4, 0.7);
  const FourierOptions options = presets::segment_anything_fourier();
  CHECK(differs_written(zero, CALL(encode_fourier), coordinates, weights, options) == "");
  const auto fourier_gradients = [](auto&&... a) {
    M grad_coordinates = M::Zero(3, 2), grad_weights = M::Zero(2, 4);
    CALL(fourier_backward)(grad_coordinates, grad_weights, std::forward<decltype(a)>(a)...);
    return std::make_pair(grad_coordinates, grad_weights);
  };
  CHECK(differs(fourier_gradients, numbers(3, 8), coordinates, weights, options) == "");
  const M phases = numbers(1, 4, 0.3);
  CHECK(differs_written(zero, CALL(encode_fourier), coordinates, weights, phases, options) == "");
  const auto gradients_with_phases = [](auto&&... a) {
    M grad_coordinates = M::Zero(3, 2), grad_weights = M::Zero(2, 4), grad_phases = M::Zero(1, 4);
    CALL(fourier_backward)(grad_coordinates, grad_weights, grad_phases, std::forward<decltype(a)>(a)...);
    return std::vector<M>{grad_coordinates, grad_weights, grad_phases};
  };
  CHECK(differs(gradients_with_phases, numbers(3, 8), coordinates, weights, phases, options) == "");
  CHECK(differs_written(zero, CALL(encode_one_blob), coordinates, BlobEdges::wrap) == "");
  CHECK(differs_written(M::Zero(3, 2), CALL(one_blob_backward), numbers(3, 8), coordinates, BlobEdges::cut) == "");
}

TEST_CASE("every form of argument: spherical harmonics", "[calls][sinusoidal]") {
  const M directions = numbers(4, 3), grad = numbers(4, 9, 0.7);
  CHECK(differs_written(M::Zero(4, 9), CALL(encode_spherical_harmonics), directions, HarmonicSign::positive) == "");
  CHECK(differs_written(M::Zero(4, 3), CALL(spherical_harmonics_backward), grad, directions, HarmonicSign::positive) ==
        "");
}

TEST_CASE("every form of argument: presets", "[calls][sinusoidal]") {
  CHECK(differs(CALL(presets::paper), 8, 1e4) == "");
  CHECK(differs(CALL(presets::numpy_tutorial), 8, 1e4) == "");
  CHECK(differs(CALL(presets::tensorflow_tutorial), 8, 1e4) == "");
  CHECK(differs(CALL(presets::tensor2tensor), 8, 1.0, 1e4) == "");
  CHECK(differs(CALL(presets::fairseq), 8, std::int64_t(1)) == "");
  CHECK(differs(CALL(presets::ctranslate2), 8) == "");
  CHECK(differs(CALL(presets::marian), 8) == "");
  CHECK(differs(CALL(presets::whisper), 8, 1e4) == "");
  CHECK(differs(CALL(presets::diffusers_timestep), 8, true, 0.0, 1.0, 1e4) == "");
  CHECK(differs(CALL(presets::ggml_timestep), 8, 1e4) == "");
  CHECK(differs(CALL(presets::transformer_xl), 8, 1e4) == "");
  CHECK(differs(CALL(presets::x_transformers), 8, 1e4) == "");
  CHECK(differs(CALL(presets::mlx), 8, 1e-4, 1.0, true, false) == "");
  CHECK(differs(CALL(presets::per_channel), 8, 1e4) == "");
  CHECK(differs(CALL(presets::opennn), 8) == "");
  CHECK(differs(CALL(presets::mae), 8, 1e4) == "");
  CHECK(differs(CALL(presets::moco_v3), 8, 1e4) == "");
  CHECK(differs(CALL(presets::timm_interleaved), 8, 1e4) == "");
  CHECK(differs(CALL(presets::detr), 4, 1e4) == "");
  CHECK(differs(CALL(presets::diffusers_3d), 16) == "");
  CHECK(differs(CALL(presets::tatp22), 8, 2) == "");
  CHECK(differs(CALL(presets::tensor2tensor_nd), 8, 2, 1.0, 1e4) == "");
  CHECK(differs(CALL(presets::nerf), 2, 3, true, true) == "");
  CHECK(differs(CALL(presets::musicgen), 8) == "");
  CHECK(differs(CALL(presets::xglm), 8) == "");
  CHECK(differs(CALL(presets::nemo), 8) == "");
  CHECK(differs(CALL(presets::marian_transformers), 8) == "");
  CHECK(differs(CALL(presets::pi0), 8, 4e-3, 4.0) == "");
  CHECK(differs(CALL(presets::gligen), 8) == "");
  CHECK(differs(CALL(presets::dab_detr), 4, 20.0, 30.0) == "");
  CHECK(differs(CALL(presets::dab_detr_queries), 4, 2) == "");
  CHECK(differs(CALL(presets::perceiver), std::array{4, 6}, 3, true, false) == "");
  const auto amplitude = [](const FourierOptions& options) {
    return std::array<double, 4>{options.angle_scale, options.coordinate_scale, options.coordinate_offset,
                                 options.amplitude};
  };
  CHECK(differs([&](auto&&... a) { return amplitude(CALL(presets::learned_fourier)(std::forward<decltype(a)>(a)...)); },
                8) == "");
  CHECK(differs([&](auto&&... a) {
          return amplitude(CALL(presets::segment_anything_fourier)(std::forward<decltype(a)>(a)...));
        }) == "");
  CHECK(differs([&](auto&&... a) {
          return amplitude(CALL(presets::gaussian_fourier)(std::forward<decltype(a)>(a)...));
        }) == "");
  CHECK(differs([&](auto&&... a) { return amplitude(CALL(presets::random_fourier)(std::forward<decltype(a)>(a)...)); },
                8) == "");
  CHECK(differs([&](auto&&... a) { return amplitude(CALL(presets::time2vec)(std::forward<decltype(a)>(a)...)); }) ==
        "");
  CHECK(differs([&](auto&&... a) {
          return amplitude(CALL(presets::triangle_waves)(std::forward<decltype(a)>(a)...));
        }) == "");
}
