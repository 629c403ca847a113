// SPDX-License-Identifier: MIT
/// @file
/// Which types are JSON values.
#ifndef POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP
#define POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP

#include "posenc/detail/check.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether T has the member functions of nlohmann::json that to_config_value() calls.
template <typename T, typename = void>
inline constexpr bool is_json = false;
template <typename T>
inline constexpr bool is_json<
    T, std::void_t<decltype(std::declval<const T&>().is_null()), decltype(std::declval<const T&>().is_boolean()),
                   decltype(std::declval<const T&>().is_number()), decltype(std::declval<const T&>().is_string()),
                   decltype(std::declval<const T&>().is_array()), decltype(std::declval<const T&>().is_object()),
                   decltype(std::declval<const T&>().begin()), decltype(std::declval<const T&>().end()),
                   decltype(std::declval<const T&>().template get<std::string>())>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_JSON_TYPE_HPP
