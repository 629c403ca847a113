// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/frequency.hpp"

namespace {

using Eigen::Index;
using posenc::Frequencies;
using posenc::geometric_frequencies;
using posenc::Llama3Options;
using posenc::LongRopeOptions;
using posenc::YarnOptions;
using posenc_tests::BadInputs;

/// `options` with one field changed.
template <typename Options, typename Value, typename Field>
Options with(Options options, Field field, Value value) {
  options.*field = value;
  return options;
}

/// A geometric spectrum of four pairs, and good options for each rule.
struct Fixture : posenc_tests::NothingWritten {
  Frequencies eight = geometric_frequencies(8, 10000);

  Llama3Options llama3() const { return {8, 8192, 1, 4}; }
  YarnOptions yarn() const { return {4, 4096}; }
  LongRopeOptions longrope() const { return {std::vector<double>(4, 1.0), std::vector<double>(4, 2.0), 4096, 8192}; }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_frequencies() {
  using F = Fixture;
  BadInputs<F> bad("frequencies");

  // Frequencies
  bad.value("odd rotary_dim", "geometric_frequencies: rotary_dim must be even, > 0 and at most 16777216, got 7",
            [](F&) { geometric_frequencies(7, 1e4); });
  bad.value("zero rotary_dim", "geometric_frequencies: rotary_dim must be even, > 0 and at most 16777216, got 0",
            [](F&) { geometric_frequencies(0, 1e4); });
  bad.value("negative rotary_dim", "geometric_frequencies: rotary_dim must be even, > 0 and at most 16777216, got -8",
            [](F&) { geometric_frequencies(-8, 1e4); });
  if (posenc_tests::kWideIndex)
    bad.value("huge rotary_dim",
              "geometric_frequencies: rotary_dim must be even, > 0 and at most 16777216, got 1099511627776",
              [](F&) { geometric_frequencies(posenc_tests::two_to(40), 1e4); });
  bad.value("base 0", "geometric_frequencies: base must be finite, > 0 and not 1, got 0",
            [](F&) { geometric_frequencies(8, 0); });
  bad.value("negative base", "geometric_frequencies: base must be finite, > 0 and not 1, got -10000",
            [](F&) { geometric_frequencies(8, -1e4); });
  bad.value("base NaN", "geometric_frequencies: base must be finite, > 0 and not 1, got nan",
            [](F&) { geometric_frequencies(8, kNan); });
  bad.value("base infinite", "geometric_frequencies: base must be finite, > 0 and not 1, got inf",
            [](F&) { geometric_frequencies(8, kInfinity); });
  bad.value("base 1", "geometric_frequencies: base must be finite, > 0 and not 1, got 1",
            [](F&) { geometric_frequencies(8, 1); });
  bad.value(
      "rotary_dim and base swapped, both integers",
      "geometric_frequencies: rotary_dim must be below 4096 for a base of 64 (rotary_dim is the first argument, base "
      "the second), got 10000",
      [](F&) { geometric_frequencies(10000, 64); });
  bad.value("no pairs", "spaced_frequencies: num_pairs must be > 0 and at most 8388608, got 0",
            [](F&) { posenc::spaced_frequencies(0, 1e4, 4); });
  bad.value("spacing with divisor 0", "spaced_frequencies: divisor must be finite and > 0, got 0",
            [](F&) { posenc::spaced_frequencies(4, 1e4, 0); });
  bad.value("spacing with base 1", "spaced_frequencies: base must be finite, > 0 and not 1, got 1",
            [](F&) { posenc::spaced_frequencies(4, 1, 4); });
  bad.value("empty list of frequencies", "Frequencies: inv_freq.size() must be > 0, got 0",
            [](F&) { Frequencies(Eigen::ArrayXd::Zero(0)); });
  bad.value("NaN frequency", "Frequencies: inv_freq[1] must be finite, got nan",
            [](F&) { Frequencies(Eigen::Array3d(1, kNan, 0.1)); });
  bad.value("magnitude 0", "Frequencies: magnitude must be finite and > 0, got 0",
            [](F&) { Frequencies(Eigen::Array2d(1, 0.1), 0); });
  bad.value("infinite magnitude", "Frequencies: magnitude must be finite and > 0, got inf",
            [](F& f) { f.eight.with_magnitude(kInfinity); });
  bad.value("negative softmax multiplier", "Frequencies: softmax_multiplier must be finite and > 0, got -2",
            [](F& f) { f.eight.with_magnitude(1, -2); });

  // Scaling rules
  bad.value("linear, factor < 1", "scale_linear: factor must be finite and >= 1, got 0.5",
            [](F& f) { posenc::scale_linear(f.eight, 0.5); });
  bad.value("linear, factor NaN", "scale_linear: factor must be finite and >= 1, got nan",
            [](F& f) { posenc::scale_linear(f.eight, kNan); });
  bad.value("linear, factor infinite", "scale_linear: factor must be finite and >= 1, got inf",
            [](F& f) { posenc::scale_linear(f.eight, kInfinity); });
  bad.value("too few factors", "scale_linear: factors.size() must be num_pairs 4, got 3",
            [](F& f) { posenc::scale_linear(f.eight, Eigen::Array3d::Ones()); });
  bad.value("a factor of 0", "scale_linear: factors[2] must be finite and > 0, got 0",
            [](F& f) { posenc::scale_linear(f.eight, Eigen::Array4d(1, 1, 0, 1)); });
  bad.value("proportional, part 0", "scale_proportional: partial_rotary_factor must be in (0, 1], got 0",
            [](F& f) { posenc::scale_proportional(f.eight, 0); });
  bad.value("proportional, part 1.5", "scale_proportional: partial_rotary_factor must be in (0, 1], got 1.5",
            [](F& f) { posenc::scale_proportional(f.eight, 1.5); });
  bad.value("proportional, factor NaN", "scale_proportional: factor must be finite and >= 1, got nan",
            [](F& f) { posenc::scale_proportional(f.eight, 0.5, kNan); });
  bad.value("NTK-aware, d = 2", "scale_ntk_aware: rotary_dim must be > 2, got 2",
            [](F&) { posenc::scale_ntk_aware(geometric_frequencies(2, 1e4), 4); });
  bad.value("NTK-aware, factor < 1", "scale_ntk_aware: factor must be finite and >= 1, got 0",
            [](F& f) { posenc::scale_ntk_aware(f.eight, 0); });
  bad.value("dynamic NTK, d = 2", "scale_dynamic_ntk: rotary_dim must be > 2, got 2", [](F&) {
    posenc::scale_dynamic_ntk(geometric_frequencies(2, 1e4), {4, 4096}, 9000);
  });
  bad.value("dynamic NTK, factor NaN", "scale_dynamic_ntk: factor must be finite and >= 1, got nan", [](F& f) {
    posenc::scale_dynamic_ntk(f.eight, {kNan, 4096}, 9000);
  });
  bad.value("dynamic NTK, no trained length", "scale_dynamic_ntk: max_position_embeddings must be > 0, got 0",
            [](F& f) {
              posenc::scale_dynamic_ntk(f.eight, {4, 0}, 9000);
            });
  bad.value("dynamic NTK, negative length", "scale_dynamic_ntk: seq_len must be >= 0, got -1", [](F& f) {
    posenc::scale_dynamic_ntk(f.eight, {4, 4096}, -1);
  });
  bad.value("dynamic NTK, a length whose base is infinite",
            "scale_dynamic_ntk: factor * seq_len / max_position_embeddings - (factor - 1) must be such that base * "
            "factor^(d / (d - 2)) is finite and not 1, got 1e+303",
            [](F& f) {
              posenc::scale_dynamic_ntk(f.eight, {1e300, 1}, 1001);
            });
  bad.value("fixed NTK, d = 2", "scale_ntk_mixed: rotary_dim must be > 2, got 2",
            [](F&) { posenc::scale_ntk_mixed(geometric_frequencies(2, 1e4), 4, 1); });
  bad.value("fixed NTK, factor < 1", "scale_ntk_mixed: factor must be finite and >= 1, got -3",
            [](F& f) { posenc::scale_ntk_mixed(f.eight, -3, 1); });
  bad.value("mixed NTK, factor NaN", "scale_ntk_mixed: factor must be finite and >= 1, got nan",
            [](F& f) { posenc::scale_ntk_mixed(f.eight, kNan, 0.625); });
  bad.value("mixed NTK, negative shape", "scale_ntk_mixed: b must be finite and >= 0, got -0.5",
            [](F& f) { posenc::scale_ntk_mixed(f.eight, 4, -0.5); });
  bad.value("YaRN, betas swapped", "scale_yarn: beta_fast must be finite and > beta_slow 32, got 1", [](F& f) {
    posenc::scale_yarn(f.eight, with(with(f.yarn(), &YarnOptions::beta_fast, 1.0), &YarnOptions::beta_slow, 32.0));
  });
  bad.value("YaRN, betas equal", "scale_yarn: beta_fast must be finite and > beta_slow 1, got 1",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::beta_fast, 1.0)); });
  bad.value("YaRN, beta_slow 0", "scale_yarn: beta_slow must be finite and > 0, got 0",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::beta_slow, 0.0)); });
  bad.value("YaRN, no factor", "scale_yarn: factor must be finite and >= 1, got 0",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::factor, 0.0)); });
  bad.value("YaRN, no trained length", "scale_yarn: original_max_position_embeddings must be > 0, got 0",
            [](F& f) { posenc::scale_yarn(f.eight, YarnOptions{4}); });
  bad.value("YaRN on a list of frequencies",
            "scale_yarn: frequencies.base() must be > 1 (use geometric_frequencies), got 0",
            [](F& f) { posenc::scale_yarn(Frequencies(f.eight.inv_freq()), f.yarn()); });
  bad.value("YaRN after another rule", "scale_yarn: frequencies.base() must be > 1 (use geometric_frequencies), got 0",
            [](F& f) { posenc::scale_yarn(posenc::scale_linear(f.eight, 2), f.yarn()); });
  bad.value("YaRN, attention factor 0", "scale_yarn: attention_factor must be finite and > 0, got 0",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::attention_factor, 0.0)); });
  bad.value("YaRN, mscale NaN", "scale_yarn: mscale must be finite and > 0 (or left out where a config has 0), got nan",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::mscale, kNan)); });
  bad.value("YaRN, mscale_all_dim negative",
            "scale_yarn: mscale_all_dim must be finite and > 0 (or left out where a config has 0), got -1",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::mscale_all_dim, -1.0)); });
  bad.value("YaRN, extrapolation factor 2", "scale_yarn: extrapolation_factor must be in [0, 1], got 2",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::extrapolation_factor, 2.0)); });
  bad.value("YaRN, attn_factor 0", "scale_yarn: attn_factor must be finite and > 0, got 0",
            [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::attn_factor, 0.0)); });
  bad.value("Llama 3, no band between the factors",
            "scale_llama3: high_freq_factor must be finite and >= low_freq_factor 1, got 0.99",
            [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::high_freq_factor, 0.99)); });
  bad.value("Llama 3, band factors swapped",
            "scale_llama3: high_freq_factor must be finite and >= low_freq_factor 4, got 1", [](F& f) {
              posenc::scale_llama3(f.eight, Llama3Options{8, 8192, 4, 1});
            });
  bad.value("Llama 3, low band 0", "scale_llama3: low_freq_factor must be finite and > 0, got 0",
            [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::low_freq_factor, 0.0)); });
  bad.value("Llama 3, no factor", "scale_llama3: factor must be finite and >= 1, got 0",
            [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::factor, 0.0)); });
  bad.value("Llama 3, no trained length", "scale_llama3: original_max_position_embeddings must be > 0, got 0",
            [](F& f) { posenc::scale_llama3(f.eight, Llama3Options{8}); });
  bad.value("LongRoPE, short list too short", "scale_longrope: short_factor.size() must be num_pairs 4, got 3",
            [](F& f) {
              posenc::scale_longrope(
                  f.eight, with(f.longrope(), &LongRopeOptions::short_factor, std::vector<double>(3, 1.0)), 100);
            });
  bad.value("LongRoPE, long list too long", "scale_longrope: long_factor.size() must be num_pairs 4, got 5", [](F& f) {
    posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::long_factor, std::vector<double>(5, 1.0)),
                           100);
  });
  bad.value(
      "LongRoPE, trained length 1", "scale_longrope: original_max_position_embeddings must be > 1, got 1", [](F& f) {
        posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::original_max_position_embeddings, 1), 9);
      });
  bad.value("LongRoPE, neither length nor factor",
            "scale_longrope: max_position_embeddings must be given where factor is not, got nothing", [](F& f) {
              posenc::scale_longrope(f.eight,
                                     with(f.longrope(), &LongRopeOptions::max_position_embeddings, std::nullopt), 9);
            });
  bad.value("LongRoPE, extended length 0 beside a factor", "scale_longrope: max_position_embeddings must be > 0, got 0",
            [](F& f) {
              posenc::LongRopeOptions options = with(f.longrope(), &LongRopeOptions::max_position_embeddings, 0);
              options.factor = 2;
              posenc::scale_longrope(f.eight, options, 9);
            });
  bad.value("LongRoPE, factor 0", "scale_longrope: factor must be finite and > 0, got 0",
            [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::factor, 0.0), 9); });
  bad.value(
      "LongRoPE, attention factor NaN", "scale_longrope: attention_factor must be finite and > 0, got nan",
      [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::attention_factor, kNan), 9); });
  bad.value("LongRoPE, short_mscale 0", "scale_longrope: short_mscale must be finite and > 0, got 0",
            [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::short_mscale, 0.0), 9); });
  bad.value("LongRoPE, long_mscale infinite", "scale_longrope: long_mscale must be finite and > 0, got inf", [](F& f) {
    posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::long_mscale, kInfinity), 9);
  });
  bad.value("LongRoPE, negative length", "scale_longrope: seq_len must be >= 0, got -1",
            [](F& f) { posenc::scale_longrope(f.eight, f.longrope(), -1); });
  bad.value("LongRoPE, a factor of -1", "scale_longrope: short_factor[0] must be finite and > 0, got -1", [](F& f) {
    posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::short_factor, std::vector<double>(4, -1.)), 9);
  });
  bad.value("LongRoPE, a factor in the list that is not used",
            "scale_longrope: long_factor[2] must be finite and > 0, got nan", [](F& f) {
              posenc::scale_longrope(
                  f.eight, with(f.longrope(), &LongRopeOptions::long_factor, std::vector<double>{1, 2, kNan, 4}), 9);
            });
  bad.value("NTK to an infinite base",
            "scale_ntk_aware: factor must be such that base * factor^(d / (d - 2)) is finite and not 1, got 1e+300",
            [](F& f) { posenc::scale_ntk_aware(f.eight, 1e300); });
  bad.value("dynamic NTK to an infinite base",
            "scale_dynamic_ntk: factor * seq_len / max_position_embeddings - (factor - 1) must be such that base * "
            "factor^(d / (d - 2)) is finite and not 1, got 1e+300",
            [](F& f) {
              posenc::scale_dynamic_ntk(f.eight, {1e300, 2048}, 4096);
            });
  bad.value("dynamic NTK for an infinite length",
            "scale_dynamic_ntk: seq_len must be such that factor * seq_len is finite, got 4096", [](F& f) {
              posenc::scale_dynamic_ntk(f.eight, {1e305, 2048}, 4096);
            });

  // Spectra and positions of grids
  bad.value("axial base 1", "axial_frequencies: base must be finite, > 0 and not 1, got 1", [](F&) {
    posenc::axial_frequencies({4, 4}, 1);
  });
  bad.value("axial scale infinite", "axial_frequencies: position_scale must be finite, got inf", [](F&) {
    posenc::axial_frequencies({4, 4}, 100, kInfinity);
  });
  bad.value("alternating axes of different lengths",
            "axial_frequencies: pairs_of_axis[1] must be 4 as on axis 0 for alternating axes, got 2", [](F&) {
              posenc::axial_frequencies({4, 2}, 1e4, posenc::AxialSeries::alternating);
            });
  bad.value("an axis of negative length", "axial_frequencies: pairs_of_axis[1] must be >= 0, got -2", [](F&) {
    posenc::axial_frequencies({4, -2}, 1e4);
  });
  bad.value("alternating axes of no pair",
            "axial_frequencies: sum of pairs_of_axis must be > 0 and at most 8388608, got 0", [](F&) {
              posenc::axial_frequencies({0, 0}, 1e4, posenc::AxialSeries::alternating);
            });
  bad.value("ERNIE-Image by an axis of negative length",
            "presets::ernie_image_frequencies: channels_of_axis[0] must be >= 0, got -4", [](F&) {
              posenc::presets::ernie_image_frequencies({-4, 4}, 256);
            });
  bad.value("axes in turn of different lengths",
            "axial_frequencies: pairs_of_axis[1] must be 4 as on axis 0 for axes in turn, got 2", [](F&) {
              posenc::axial_frequencies({4, 2}, 1e4, posenc::AxialSeries::in_turn);
            });
  bad.value("an order of axes without a name", "axial_frequencies: series must be one of its enumerators, got 3",
            [](F&) {
              posenc::axial_frequencies({4, 4}, 1e4, static_cast<posenc::AxialSeries>(3));
            });
  bad.value("geometric pixel bands to 0", "pixel_frequencies: max_frequency must be > 0 for geometric bands, got 0",
            [](F&) { posenc::pixel_frequencies(2, 4, 0, posenc::PixelBands::geometric); });
  bad.value("pixel bands without a name", "pixel_frequencies: bands must be one of its enumerators, got 2",
            [](F&) { posenc::pixel_frequencies(2, 4, 224, static_cast<posenc::PixelBands>(2)); });
  bad.value("ERNIE-Image with an odd number of channels",
            "presets::ernie_image_frequencies: channels_of_axis[1] must be even, got 3", [](F&) {
              posenc::presets::ernie_image_frequencies({4, 3}, 256);
            });
  bad.value("ERNIE-Image by base 1", "presets::ernie_image_frequencies: base must be finite, > 0 and not 1, got 1",
            [](F&) {
              posenc::presets::ernie_image_frequencies({4, 4}, 1);
            });
  bad.value("pixel bands of no axis", "pixel_frequencies: num_axes must be in [1, 1024], got 0",
            [](F&) { posenc::pixel_frequencies(0, 4, 224, posenc::PixelBands::linear); });
  bad.value("pixel bands of more pairs than a head has",
            "pixel_frequencies: pairs_of_axis must be at most 8388608 on all axes together, got 8388608",
            [](F&) { posenc::pixel_frequencies(1024, 1 << 23, 100, posenc::PixelBands::linear); });
  bad.allowed("spacings that only look as if base and divisor had changed places", [](F&) {
    posenc::spaced_frequencies(1, 10.0, 5000.0);
    posenc::initial_mixed_frequencies(16384, 10.0, 0.0);
  });
  bad.value("pixel bands to NaN", "pixel_frequencies: max_frequency must be finite, got nan",
            [](F&) { posenc::pixel_frequencies(2, 4, kNan, posenc::PixelBands::linear); });
  bad.value("pixel bands whose highest is beyond all doubles",
            "pixel_frequencies: max_frequency must be so small that max_frequency pi / 2 is finite, got 1.2e+308",
            [](F&) { posenc::pixel_frequencies(2, 4, 1.2e308, posenc::PixelBands::linear); });
  return bad.cases();
}
