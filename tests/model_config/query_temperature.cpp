// SPDX-License-Identifier: MIT
#include <cmath>

#include "posenc/model_config.hpp"

#include "support/catch2.hpp"

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
