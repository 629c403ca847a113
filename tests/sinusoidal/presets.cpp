// SPDX-License-Identifier: MIT
/// Every preset against the formula of its project, written out here in long double.
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/reference.hpp"
#include "support/worst.hpp"

namespace {

using Wide = long double;
namespace presets = posenc::presets;

/// Row `position` of width d: what the project's code computes, as numbers.
using Formula = std::function<std::vector<Wide>(Wide position, int d)>;

std::vector<Wide> interleaved(Wide position, int d, const std::function<Wide(int)>& frequency) {
  std::vector<Wide> row;
  for (int m = 0; m < d / 2; ++m) {
    row.push_back(std::sin(position * frequency(m)));
    row.push_back(std::cos(position * frequency(m)));
  }
  return row;
}

std::vector<Wide> halves(Wide position, int d, bool cos_first, const std::function<Wide(int)>& frequency) {
  std::vector<Wide> sines;
  std::vector<Wide> cosines;
  for (int m = 0; m < d / 2; ++m) {
    sines.push_back(std::sin(position * frequency(m)));
    cosines.push_back(std::cos(position * frequency(m)));
  }
  std::vector<Wide> row = cos_first ? cosines : sines;
  const std::vector<Wide>& second = cos_first ? sines : cosines;
  row.insert(row.end(), second.begin(), second.end());
  return row;
}

std::vector<Wide> with_zero_if_odd(std::vector<Wide> row, int d) {
  if (d % 2 != 0) row.push_back(0);
  return row;
}

std::vector<Wide> times(std::vector<Wide> row, Wide factor) {
  for (Wide& value : row) value *= factor;
  return row;
}

/// base^(-2m/d)
std::function<Wide(int)> paper_frequency(int d, Wide base) {
  return [=](int m) { return std::pow(base, -2 * static_cast<Wide>(m) / static_cast<Wide>(d)); };
}

/// min exp(-m ln(max/min) / max(F - 1, 1))
std::function<Wide(int)> t2t_frequency(int d, Wide min, Wide max) {
  const int spaces = d / 2 - 1 > 1 ? d / 2 - 1 : 1;
  return [=](int m) { return min * std::exp(-static_cast<Wide>(m) * std::log(max / min) / static_cast<Wide>(spaces)); };
}

/// exp(-ln(max_period) m / (F - shift)); a single frequency is 1.
std::function<Wide(int)> timestep_frequency(int d, Wide max_period, Wide shift) {
  return [=](int m) {
    return m == 0 ? Wide(1)
                  : std::exp(-std::log(max_period) * static_cast<Wide>(m) / (static_cast<Wide>(d / 2) - shift));
  };
}

struct Preset {
  std::string name;
  std::function<posenc::SinusoidalEncoding(int d)> make;
  Formula formula;
  bool takes_odd;
};

std::vector<Preset> all_presets() {
  return {
      {"paper", [](int d) { return presets::paper(d); },
       [](Wide p, int d) { return interleaved(p, d, paper_frequency(d, 10000)); }, false},
      {"paper, base 100", [](int d) { return presets::paper(d, 100); },
       [](Wide p, int d) { return interleaved(p, d, paper_frequency(d, 100)); }, false},
      {"numpy_tutorial", [](int d) { return presets::numpy_tutorial(d, 100); },
       [](Wide p, int d) { return with_zero_if_odd(interleaved(p, d, paper_frequency(d, 100)), d); }, true},
      {"tensorflow_tutorial", [](int d) { return presets::tensorflow_tutorial(d); },
       [](Wide p, int d) {
         std::vector<Wide> row = interleaved(p, d, paper_frequency(d, 10000));
         if (d % 2 != 0)
           row.push_back(std::sin(p * std::pow(Wide(10000), -static_cast<Wide>(d - 1) / static_cast<Wide>(d))));
         return row;
       },
       true},
      {"tensor2tensor", [](int d) { return presets::tensor2tensor(d); },
       [](Wide p, int d) { return with_zero_if_odd(halves(p, d, false, t2t_frequency(d, 1, 10000)), d); }, true},
      {"tensor2tensor, other timescales", [](int d) { return presets::tensor2tensor(d, 2, 500); },
       [](Wide p, int d) { return with_zero_if_odd(halves(p, d, false, t2t_frequency(d, 2, 500)), d); }, true},
      {"fairseq", [](int d) { return presets::fairseq(d, 5); },
       [](Wide p, int d) {
         return times(with_zero_if_odd(halves(p, d, false, t2t_frequency(d, 1, 10000)), d), p == 5 ? 0 : 1);
       },
       true},
      {"ctranslate2", [](int d) { return presets::ctranslate2(d); },
       [](Wide p, int d) { return halves(p + 1, d, false, t2t_frequency(d, 1, 10000)); }, false},
      {"marian", [](int d) { return presets::marian(d); },
       [](Wide p, int d) { return halves(p, d, false, t2t_frequency(d, 1, 10000)); }, false},
      {"whisper", [](int d) { return presets::whisper(d); },
       [](Wide p, int d) { return halves(p, d, false, t2t_frequency(d, 1, 10000)); }, false},
      {"whisper, other timescale", [](int d) { return presets::whisper(d, 700); },
       [](Wide p, int d) { return halves(p, d, false, t2t_frequency(d, 1, 700)); }, false},
      {"diffusers_timestep", [](int d) { return presets::diffusers_timestep(d, false, 1); },
       [](Wide p, int d) { return with_zero_if_odd(halves(p, d, false, timestep_frequency(d, 10000, 1)), d); }, true},
      {"diffusers_timestep, Stable Diffusion", [](int d) { return presets::diffusers_timestep(d, true, 0); },
       [](Wide p, int d) { return with_zero_if_odd(halves(p, d, true, timestep_frequency(d, 10000, 0)), d); }, true},
      {"diffusers_timestep, scaled", [](int d) { return presets::diffusers_timestep(d, false, 0.5, 1000, 500); },
       [](Wide p, int d) { return with_zero_if_odd(halves(1000 * p, d, false, timestep_frequency(d, 500, 0.5)), d); },
       true},
      {"ggml_timestep", [](int d) { return presets::ggml_timestep(d); },
       [](Wide p, int d) { return with_zero_if_odd(halves(p, d, true, timestep_frequency(d, 10000, 0)), d); }, true},
      {"transformer_xl", [](int d) { return presets::transformer_xl(d); },
       [](Wide p, int d) { return halves(p, d, false, paper_frequency(d, 10000)); }, false},
      {"x_transformers", [](int d) { return presets::x_transformers(d); },
       [](Wide p, int d) {
         return times(halves(p, d, false, timestep_frequency(d, 10000, 0)), 1 / std::sqrt(static_cast<Wide>(d)));
       },
       false},
      {"mlx", [](int d) { return presets::mlx(d); },
       [](Wide p, int d) {
         return times(halves(p, d, false, t2t_frequency(d, 1, 10000)), std::sqrt(2 / static_cast<Wide>(d)));
       },
       false},
      {"mlx, other settings", [](int d) { return presets::mlx(d, 0.01, 3, true, true); },
       [](Wide p, int d) {
         const auto frequency = [=](int m) {
           const Wide from_one_to_zero = d == 2 ? 1 : 1 - static_cast<Wide>(m) / static_cast<Wide>(d / 2 - 1);
           const Wide log_min = std::log(static_cast<Wide>(0.01));
           const Wide log_max = std::log(Wide(3));
           return 2 * std::acos(Wide(-1)) * std::exp(from_one_to_zero * (log_max - log_min) + log_min);
         };
         return times(halves(p, d, true, frequency), std::sqrt(2 / static_cast<Wide>(d)));
       },
       false}};
}

}  // namespace

TEST_CASE("presets are their projects' formulas", "[sinusoidal][presets]") {
  if (posenc_tests::skip_without_reference("presets against formulas in long double")) return;
  const Eigen::Matrix<std::int64_t, 7, 1> positions =
      (Eigen::Matrix<std::int64_t, 7, 1>() << 0, 1, 2, 5, 77, 1000, 5000).finished();
  for (const Preset& preset : all_presets()) {
    for (const int d : {2, 3, 4, 5, 6, 17, 64, 130}) {
      if (d % 2 != 0 && !preset.takes_odd) {
        CHECK_THROWS_AS(preset.make(d), std::invalid_argument);
        continue;
      }
      INFO(preset.name << ", width " << d);
      const posenc::SinusoidalEncoding encoding = preset.make(d);
      Eigen::MatrixXd ours(positions.size(), d);
      encode_sinusoidal(ours, encoding, positions);
      const double scale = encoding.options().amplitude;
      // No frequency is larger than position_scale; the formula adds first_position at most 1.
      posenc_tests::Worst worst;
      for (Eigen::Index row = 0; row < positions.size(); ++row) {
        const std::vector<Wide> expected = preset.formula(static_cast<Wide>(positions[row]), d);
        REQUIRE(expected.size() == static_cast<std::size_t>(d));
        const double largest = static_cast<double>(positions[row] + 1) * encoding.options().position_scale;
        for (Eigen::Index j = 0; j < d; ++j) {
          const Wide error = std::abs(static_cast<Wide>(ours(row, j)) - expected[static_cast<std::size_t>(j)]);
          worst.see(static_cast<double>(error), scale * (0x1p-50 + largest * 0x1p-51), positions[row], j);
        }
      }
      INFO(worst.where());
      CHECK(worst.share() <= 1);
    }
  }
}

TEST_CASE("Marian scales the embedding", "[sinusoidal][presets]") {
  Eigen::RowVectorXd x = Eigen::RowVectorXd::Constant(16, 0.5);
  const posenc::SinusoidalEncoding encoding = presets::marian(16);
  Eigen::RowVectorXd table(16);
  encode_sinusoidal(table, encoding, posenc::starting_at(9));
  add_sinusoidal(x, encoding, posenc::starting_at(9));
  CHECK((x.array() == 0.5 * 4 + table.array()).all());
}

/// Two tokens, padding, a token, padding: what one kind of matrix gets.
template <typename Matrix>
void check_fairseq_padding(Eigen::Index width, posenc::ChannelOrder order) {
  INFO("width " << width);
  posenc::SinusoidalOptions options = presets::fairseq(width, 1).options();
  options.order = order;
  options.embedding_scale = 2;
  const posenc::SinusoidalEncoding encoding(width, options);
  options.padding_position = {};
  options.first_position = 0;
  const posenc::SinusoidalEncoding unpadded(width, options);
  const Eigen::Matrix<int, 5, 1> positions(2, 3, 1, 4, 1);

  Matrix expected(5, width);
  encode_sinusoidal(expected, unpadded, positions);
  for (const int row : {2, 4}) {
    CHECK((expected.row(row).array() != 0).any());
    expected.row(row).setZero();
  }
  Matrix table = Matrix::Constant(5, width, 9);
  encode_sinusoidal(table, encoding, positions);
  CHECK(table == expected);
  Matrix x = Matrix::Constant(5, width, 3);
  add_sinusoidal(x, encoding, positions);
  CHECK(((x - expected).array() - 6).abs().maxCoeff() <= 0x1p-21f + 0x1p-25f);  // half an ulp of 7, twice, and of 1
  CHECK((x.row(2).array() == 6).all());
  CHECK((x.row(4).array() == 6).all());
}

TEST_CASE("padding rows of fairseq are zero, and padded embeddings are only scaled", "[sinusoidal][presets]") {
  // Pair by pair, and with two whole blocks of 16 pairs in front.
  for (const Eigen::Index width : {7, 64, 67}) {
    for (const auto order : {posenc::ChannelOrder::sin_cos, posenc::ChannelOrder::interleaved}) {
      check_fairseq_padding<Eigen::MatrixXf>(width, order);
      check_fairseq_padding<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(width, order);
    }
  }
  const posenc::SinusoidalEncoding encoding = presets::fairseq(7, 1);
  Eigen::MatrixXf table(1, 7);
  encode_sinusoidal(table, encoding, Eigen::Matrix<int, 1, 1>(2));
  CHECK(std::abs(table(0, 0) - std::sin(2.0)) <= 0x1p-24);
}

TEST_CASE("rows of fairseq count from padding_idx + 1, and none of them is padding", "[sinusoidal][presets]") {
  for (const std::int64_t padding_idx : {-1, 0, 1, 5}) {
    INFO("padding_idx " << padding_idx);
    const posenc::SinusoidalEncoding encoding = presets::fairseq(6, padding_idx);
    Eigen::MatrixXd counted(9, 6), incremental(1, 6), listed(9, 6), plain(9, 6);
    encode_sinusoidal(counted, encoding, posenc::starting_at(0));
    encode_sinusoidal(incremental, encoding, posenc::starting_at(8));
    const auto ids =
        Eigen::VectorXi::LinSpaced(9, static_cast<int>(padding_idx) + 1, static_cast<int>(padding_idx) + 9);
    encode_sinusoidal(listed, encoding, ids);
    encode_sinusoidal(plain, presets::tensor2tensor(6), posenc::starting_at(padding_idx + 1));
    CHECK((counted.array() == plain.array()).all());
    CHECK((incremental.array() == plain.row(8).array()).all());
    CHECK((listed.array() == plain.array()).all());
  }
}
