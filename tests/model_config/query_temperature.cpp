// SPDX-License-Identifier: MIT
#include <cmath>

#include "posenc/model_config.hpp"
#include "posenc/relative_bias.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

TEST_CASE("query temperatures of Llama 4 and Ministral 3", "[model_config][query_temperature]") {
  const posenc::QueryTemperature llama4{0.1, 8192, 1, posenc::TemperatureGrowth::logarithm};
  // 1 + 0.1 ln(1 + floor((p + 1) / 8192)): a logarithm, a product and a sum, each right to an ulp of 1 or less.
  constexpr double kError = 4 * 0x1p-52;
  CHECK(posenc::query_temperature(llama4, 0) == 1);
  CHECK(posenc::query_temperature(llama4, 8190) == 1);
  CHECK(std::abs(posenc::query_temperature(llama4, 8191) - 1.0693147180559945309) <= kError);  // ln 2
  CHECK(std::abs(posenc::query_temperature(llama4, 1048575) - 1.4859812404361671) <= kError);  // ln 129
  const posenc::QueryTemperature ministral{0.1, 16384, 0, posenc::TemperatureGrowth::logarithm};
  CHECK(posenc::query_temperature(ministral, 16383) == 1);
  CHECK(std::abs(posenc::query_temperature(ministral, 16384) - 1.0693147180559945309) <= kError);
  CHECK(std::abs(posenc::query_temperature(ministral, 131072) - 1.2197224577336219383) <= kError);  // ln 9
  CHECK(posenc::query_temperature({0, 1, 0, posenc::TemperatureGrowth::logarithm}, 1e9) == 1);
  const posenc::QueryTemperature beam{0.1, 2048, 1, posenc::TemperatureGrowth::power};
  CHECK(std::abs(posenc::query_temperature(beam, 2047) - 1.0717734625362931642) <= kError);    // 2^0.1
  CHECK(std::abs(posenc::query_temperature(beam, 131071) - 1.5180683844287584109) <= kError);  // 65^0.1
}

TEST_CASE("query temperature of Inkling", "[model_config][query_temperature]") {
  const posenc::QueryTemperature inkling{0.1, 1024, 1, posenc::TemperatureGrowth::clamped_logarithm};
  constexpr double kError = 4 * 0x1p-52;
  CHECK(posenc::query_temperature(inkling, 0) == 1);
  CHECK(posenc::query_temperature(inkling, 1023) == 1);
  CHECK(std::abs(posenc::query_temperature(inkling, 1535) - 1.0405465108108164382) <= kError);    // ln 1.5
  CHECK(std::abs(posenc::query_temperature(inkling, 2047) - 1.0693147180559945309) <= kError);    // ln 2
  CHECK(std::abs(posenc::query_temperature(inkling, 131071) - 1.4852030263919617165) <= kError);  // ln 128
}

TEST_CASE("queries and relative logits of Inkling are scaled as in transformers", "[model_config][query_temperature]") {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto file = posenc_tests::golden("relative/tempered.csv");
  for (const char* n : {"0", "1", "2"}) {
    const auto block = [&](const std::string& name) { return Matrix(file.block(name + "-" + n).matrix()); };
    const Matrix sizes = block("sizes");
    const auto heads = static_cast<Eigen::Index>(sizes(0, 0)), tokens = static_cast<Eigen::Index>(sizes(0, 1));
    const posenc::QueryTemperature inkling{block("alpha")(0, 0), sizes(0, 2), 1,
                                           posenc::TemperatureGrowth::clamped_logarithm};
    Matrix q = block("q"), r = block("r"), bias = Matrix::Zero(heads * tokens, tokens);
    for (Eigen::Index row = 0; row < heads * tokens; ++row) {
      const double factor = posenc::query_temperature(inkling, static_cast<double>(row % tokens));
      q.row(row) *= factor;
      r.row(row) *= factor;
    }
    posenc::Workspace<double> workspace;
    posenc::add_banded_logits(bias, r, block("projection"), posenc::AttentionSpan::square(tokens), workspace);
    // transformers forms the factor, below 2, and its products in float: some five roundings, and nine digits printed.
    const double bound = 5 * 2 * 0x1p-24 + 1e-8;
    CHECK((q - block("tempered")).cwiseAbs().maxCoeff() <= bound * q.cwiseAbs().maxCoeff());
    CHECK((bias - block("bias")).cwiseAbs().maxCoeff() <= bound * bias.cwiseAbs().maxCoeff());
  }
}
