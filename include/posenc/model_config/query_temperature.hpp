// SPDX-License-Identifier: MIT
/// @file
/// QueryTemperature: a factor on the queries of a layer that grows with the position.
#ifndef POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP
#define POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// How a factor on queries grows with the position. No value is 0, so that a growth that was not set is refused.
enum class TemperatureGrowth {
  logarithm = 1,         ///< 1 + scale ln(1 + floor((position + shift) / length)): Llama 4, Ministral 3.
  power = 2,             ///< (1 + (position + shift) / length)^scale: Beam.
  clamped_logarithm = 3  ///< 1 + scale ln(max((position + shift) / length, 1)): Inkling.
};

/// The parameters of a factor on queries. See query_temperature().
struct QueryTemperature {
  /// Weight of the logarithm, or the exponent, >= 0: `attn_scale` of Llama 4, `llama_4_scaling_beta` of Ministral 3,
  /// `log_scaling_alpha` of Inkling.
  double scale;
  double length;  ///< Positions per step of the factor, > 0: `floor_scale`, `log_scaling_n_floor`, the trained length.
  double shift;   ///< Added to the position, >= 0: 1 in Llama 4 and Inkling, 0 in Ministral 3.
  TemperatureGrowth growth;  ///< The formula.
};

/// The factor by which a model multiplies the query at a position, before or after it is rotated:
///
///     1 + scale ln(1 + floor((position + shift) / length))    TemperatureGrowth::logarithm
///     (1 + (position + shift) / length)^scale                 TemperatureGrowth::power
///     1 + scale ln(max((position + shift) / length, 1))       TemperatureGrowth::clamped_logarithm
///
/// @param temperature  Of the layer: LayerRope::query_temperature.
/// @param position     The position of the query's token, >= 0 and finite.
/// @throws std::out_of_range      position < 0, NaN or infinite.
/// @throws std::invalid_argument  a scale or shift that is negative or not finite, a length that is not > 0, or a
///                                growth that TemperatureGrowth does not name.
/// Accuracy: 4 ulp of double, for factors in [1, 2) [model_config][query_temperature].
/// Matches:  attn_temperature_tuning of Llama 4 (0.1, 8192, 1), llama_4_scaling_beta of Ministral 3 (beta, L, 0),
///           Beam (0.1, 2048, 1, power), Inkling (log_scaling_alpha, log_scaling_n_floor, 1, clamped_logarithm), which
///           multiplies its relative logits by the same factor, on layers without a sliding window.
inline double query_temperature(const QueryTemperature& temperature, double position) {
  const char* const function = "query_temperature";
  detail::require(detail::is_finite(temperature.scale) && temperature.scale >= 0, function, "temperature.scale",
                  temperature.scale, "finite and >= 0");
  detail::require(temperature.length > 0, function, "temperature.length", temperature.length, "> 0");
  detail::require(detail::is_finite(temperature.shift) && temperature.shift >= 0, function, "temperature.shift",
                  temperature.shift, "finite and >= 0");
  detail::require_in_range(detail::is_finite(position) && position >= 0, function, "position", position,
                           "finite and >= 0");
  const double steps = (position + temperature.shift) / temperature.length;
  switch (temperature.growth) {
    case TemperatureGrowth::logarithm: return 1 + temperature.scale * std::log1p(std::floor(steps));
    case TemperatureGrowth::power: return std::pow(1 + steps, temperature.scale);
    case TemperatureGrowth::clamped_logarithm: return 1 + temperature.scale * std::log((std::max)(steps, 1.0));
  }
  detail::refuse<std::invalid_argument>(
      function, "temperature.growth", static_cast<int>(temperature.growth),
      "TemperatureGrowth::logarithm, TemperatureGrowth::power or TemperatureGrowth::clamped_logarithm");
}

/// @overload
/// Says what bare numbers are.
template <typename Number, typename... Numbers,
          std::enable_if_t<std::is_arithmetic_v<Number> && (std::is_arithmetic_v<Numbers> && ...), int> = 0>
double query_temperature(const Number&, const Numbers&...) {
  static_assert(detail::kMisuse<Number>,
                "posenc: write query_temperature(*layer.query_temperature, position), or, with numbers of your own, "
                "query_temperature(QueryTemperature{scale, length, shift, growth}, position)");
  return 1;
}

/// @overload
/// Says that a layer may have none.
template <typename Temperature, typename Position>
double query_temperature(const std::optional<Temperature>&, const Position&) {
  static_assert(detail::kMisuse<Temperature>,
                "posenc: a layer may have no temperature: write if (layer.query_temperature) "
                "query_temperature(*layer.query_temperature, position)");
  return 1;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_QUERY_TEMPERATURE_HPP
