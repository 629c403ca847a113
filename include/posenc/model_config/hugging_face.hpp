// SPDX-License-Identifier: MIT
/// @file
/// read_hugging_face_config(): what the config.json of a published model says about positions.
#ifndef POSENC_MODEL_CONFIG_HUGGING_FACE_HPP
#define POSENC_MODEL_CONFIG_HUGGING_FACE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/build_rope.hpp"
#include "posenc/model_config/detail/check_recipe.hpp"
#include "posenc/model_config/detail/config_arguments.hpp"
#include "posenc/model_config/detail/hugging_face_reader.hpp"
#include "posenc/model_config/model_hints.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Reads what the config.json of a model says about positions: the frequencies, the channels that rotate and how they
/// pair up, the axis of each pair, and which layer uses which rotation.
///
///     const auto model = read_hugging_face_config(nlohmann::json::parse(std::ifstream("config.json")), 32768);
///
/// These keys are read: rope_parameters, flat or with a dictionary for each layer type; rope_scaling with `type` or
/// `rope_type`; rope_theta at either place, or a list of it; partial_rotary_factor and its older names;
/// qk_rope_head_dim; per_layer_config; layer_types, and the periods, letters and lists that replace it; the switches
/// that stop the rotation; and the factors on queries of Llama 4 and Ministral 3. What a config leaves out comes from
/// the config class of its model_type: see known_model_types(). The pair layout comes from rope_interleave where a
/// config has it, else from model_type, because no other key says it. Of a config that holds several models, the
/// language model is read: text_config, or what has its place.
/// @param config          A dictionary: a parsed JSON value of any type that to_config_value() takes, or a ConfigValue.
/// @param serving_length  The number of tokens that a sequence may reach, > 0. The frequencies of "longrope" and
///                        "dynamic" depend on it. It must stay the same while a sequence grows: the keys in a cache
///                        were rotated with the frequencies of the first value.
/// @param pairs           The pair layout, instead of the one that the config or its model_type has: for weights in
///                        another order, or for a model_type that is not known, for which there are no other defaults
///                        either.
/// @throws std::invalid_argument  serving_length <= 0; a value of the wrong kind; an unknown model_type, rope_type or
///                                layer type; no rope_theta where there is no default; keys that contradict one
///                                another; lists of the wrong length; sections that do not cover the pairs; what a
///                                scaling rule refuses.
/// Accuracy: frequencies 4 ulp of double and magnitude 2 ulp, as the scaling rules have them
///           [model_config][published].
/// Source:   the configuration files and classes of Hugging Face transformers, versions 4 and 5.
/// Matches:  ROPE_INIT_FUNCTIONS and the rotary classes of the models of known_model_types(). DeepSeek is interleaved
///           here, whose scores equal those of the permuted output of Hugging Face.
template <typename Config, typename Length,
          std::enable_if_t<detail::is_config<Config> && detail::is_integer<Length>, int> = 0>
ModelRope read_hugging_face_config(const Config& config, Length serving_length, std::optional<RopePairs> pairs = {}) {
  ModelHints hints;
  hints.pairs = pairs;
  return read_hugging_face_config(config, serving_length, hints);
}

/// @overload
/// With hints instead of the pair layout: what to use where the config says nothing, and which of several towers to
/// read.
/// @param hints  See ModelHints. ModelRope::assumed names what was taken from the hints.
/// @throws std::invalid_argument  in addition to those above: a hint that is out of range; a tower that is not there;
///                                sections of HunYuan-VL without hints.sections.
template <typename Config, typename Length,
          std::enable_if_t<detail::is_config<Config> && detail::is_integer<Length>, int> = 0>
ModelRope read_hugging_face_config(const Config& config, Length serving_length, const ModelHints& hints) {
  detail::require(detail::fits_into<std::int64_t>(serving_length), "read_hugging_face_config", "serving_length",
                  serving_length, "at most 2^63 - 1");
  const auto length = static_cast<std::int64_t>(serving_length);
  detail::RopeRecipe recipe = detail::HuggingFaceReader(detail::as_config_value(config), length, hints).read();
  detail::check_recipe(recipe);
  return detail::build_rope(std::move(recipe));
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<!(detail::begins_with_config<Given...> && detail::has_length<Given...> &&
                                                detail::ends_with_hints<Given...>),
                                              int> = 0>
ModelRope read_hugging_face_config(const Given&...) {
  if constexpr (!detail::begins_with_config<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: config must be a parsed JSON value, for instance "
                  "nlohmann::json::parse(std::ifstream(\"config.json\"))");
  } else if constexpr (sizeof...(Given) == 1) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: serving_length is missing, the number of tokens that a sequence may reach: write "
                  "read_hugging_face_config(config, 32768)");
  } else if constexpr (!detail::has_length<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: serving_length must be an integer, the number of tokens that a sequence may reach: write "
                  "read_hugging_face_config(config, 32768)");
  } else {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: pairs must be RopePairs::half_split or RopePairs::interleaved: write "
                  "read_hugging_face_config(config, 32768, RopePairs::half_split)");
  }
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_HUGGING_FACE_HPP
