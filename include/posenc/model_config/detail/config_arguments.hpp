// SPDX-License-Identifier: MIT
/// @file
/// The kinds of arguments of the readers of configs, so that others meet a compile-time message.
#ifndef POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/json_type.hpp"
#include "posenc/model_config/model_hints.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <optional>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A config: plain data, or any JSON type.
template <typename T>
inline constexpr bool is_config = std::is_same_v<T, ConfigValue> || is_json<T>;

/// The config as plain data: itself, or a converted copy.
template <typename Config>
decltype(auto) as_config_value(const Config& config) {
  if constexpr (std::is_same_v<Config, ConfigValue>) {
    return static_cast<const ConfigValue&>(config);
  } else {
    return to_config_value(config);
  }
}

template <typename T>
inline constexpr bool is_optional_list = false;
template <typename List>
inline constexpr bool is_optional_list<std::optional<List>> = is_list<List>;

/// Divisors of frequencies: a list, std::nullopt, or an optional list.
template <typename T>
inline constexpr bool are_factors = is_list<T> || std::is_same_v<T, std::nullopt_t> || is_optional_list<T>;

/// The divisors as an optional array.
template <typename Factors>
std::optional<Eigen::ArrayXd> as_factors(const Factors& factors) {
  if constexpr (is_list<Factors>) {
    return Eigen::ArrayXd(as_list(factors).template cast<double>().reshaped().array());
  } else if constexpr (is_optional_list<Factors>) {
    return factors ? as_factors(*factors) : std::nullopt;
  } else {
    return std::nullopt;
  }
}

// Whether the arguments of a reader begin with a config, go on with a length or with factors, and end there or with a
// pair layout.

template <typename... Given>
inline constexpr bool begins_with_config = false;
template <typename Config, typename... More>
inline constexpr bool begins_with_config<Config, More...> = is_config<Config>;

template <typename... Given>
inline constexpr bool has_length = false;
template <typename Config, typename Length, typename... More>
inline constexpr bool has_length<Config, Length, More...> = is_integer<Length>;

template <typename... Given>
inline constexpr bool has_factors = false;
template <typename Config, typename Factors, typename... More>
inline constexpr bool has_factors<Config, Factors, More...> = are_factors<Factors>;

template <typename... Given>
inline constexpr bool ends_with_pairs = false;
template <typename Config, typename Second>
inline constexpr bool ends_with_pairs<Config, Second> = true;
template <typename Config, typename Second, typename Pairs>
inline constexpr bool ends_with_pairs<Config, Second, Pairs> =
    std::is_convertible_v<const Pairs&, std::optional<RopePairs>>;

/// As above, or ending with hints.
template <typename... Given>
inline constexpr bool ends_with_hints = ends_with_pairs<Given...>;
template <typename Config, typename Second>
inline constexpr bool ends_with_hints<Config, Second, ModelHints> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_CONFIG_ARGUMENTS_HPP
