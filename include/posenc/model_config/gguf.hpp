// SPDX-License-Identifier: MIT
/// @file
/// read_gguf_metadata(): what the metadata of a GGUF file says about positions.
#ifndef POSENC_MODEL_CONFIG_GGUF_HPP
#define POSENC_MODEL_CONFIG_GGUF_HPP

#include "posenc/model_config/config_value.hpp"
#include "posenc/model_config/detail/build_rope.hpp"
#include "posenc/model_config/detail/check_recipe.hpp"
#include "posenc/model_config/detail/config_arguments.hpp"
#include "posenc/model_config/detail/gguf_reader.hpp"
#include "posenc/model_config/model_hints.hpp"
#include "posenc/model_config/model_rope.hpp"

#include <optional>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Reads what the metadata of a GGUF file says about positions: the frequencies, the channels that rotate and how they
/// pair up, the axis of each pair, and which layer uses which rotation.
///
///     auto metadata = ConfigValue::dictionary({{"general.architecture", "llama"}, {"llama.block_count", 32}});
///     const auto model = read_gguf_metadata(metadata, std::nullopt);  // the file has no tensor of factors
///
/// These keys are read: general.architecture and, under its name, block_count, context_length, embedding_length,
/// full_attention_interval, attention.{head_count, head_count_kv, key_length, key_length_mla, key_length_swa,
/// sliding_window, sliding_window_pattern, max_alibi_bias, temperature_scale, temperature_length}, rope.{freq_base,
/// freq_base_swa, dimension_count, dimension_count_swa, dimension_sections, scale_linear} and rope.scaling.{type,
/// factor, finetuned, original_context_length, attn_factor, yarn_beta_fast, yarn_beta_slow, yarn_ext_factor,
/// yarn_log_multiplier}. A freq_base that is absent is 10000, as in llama.cpp.
///
/// The pair layout is that of the weights in the file. For the llama architecture it is interleaved, also where the
/// checkpoint from which the file was converted is half-split.
/// @param metadata      A flat dictionary of numbers, texts, flags and lists: a ConfigValue, or a parsed JSON value.
/// @param freq_factors  num_pairs divisors of the frequencies, as a list or an optional list: the tensor rope_freqs
///                      (Llama 3, Gemma 4), or one of rope_factors_long and rope_factors_short (Phi-3: the long ones
///                      where a sequence may grow beyond original_context_length). std::nullopt where the file has no
///                      such tensor. They apply to layers of full attention alone.
/// @param pairs         The pair layout, instead of the one that the architecture has; needed for an architecture that
///                      is not known.
/// @throws std::invalid_argument  a value of the wrong kind; an unknown architecture or scaling type; a wrong number
///                                of factors or layers; sections that do not cover the pairs; what a rule refuses.
/// Accuracy: frequencies 4 ulp of double and magnitude 2 ulp, as the scaling rules have them; with freq_factors 2 ulp
///           more, since they are quotients that were rounded [model_config][gguf].
/// Source:   the GGUF format and the model loader of llama.cpp.
/// Matches:  llama_model_rope_type and the hyperparameters of llama.cpp, with two differences. Pairs 61 and 62 of
///           Qwen3-VL rotate by time, as in the model, where ggml's IMROPE gives them a fourth position. The ramp of
///           gpt-oss is not rounded, as the model was trained, where ggml rounds every ramp.
template <typename Metadata, typename Factors,
          std::enable_if_t<detail::is_config<Metadata> && detail::are_factors<Factors>, int> = 0>
ModelRope read_gguf_metadata(const Metadata& metadata, const Factors& freq_factors,
                             std::optional<RopePairs> pairs = {}) {
  ModelHints hints;
  hints.pairs = pairs;
  return read_gguf_metadata(metadata, freq_factors, hints);
}

/// @overload
/// With hints instead of the pair layout: what to use where the file says nothing, above all for an architecture that
/// is not known.
/// @param hints  See ModelHints; tower and sections must be empty, because a file holds one model and its sections
///               count pairs. ModelRope::assumed names what was taken from the hints.
/// @throws std::invalid_argument  in addition to those above: a hint that is out of range; a tower or sections.
template <typename Metadata, typename Factors,
          std::enable_if_t<detail::is_config<Metadata> && detail::are_factors<Factors>, int> = 0>
ModelRope read_gguf_metadata(const Metadata& metadata, const Factors& freq_factors, const ModelHints& hints) {
  detail::RopeRecipe recipe =
      detail::GgufReader(detail::as_config_value(metadata), detail::as_factors(freq_factors), hints).read();
  detail::check_recipe(recipe);
  return detail::build_rope(std::move(recipe));
}

/// Says what to write instead of a call that does not fit.
template <typename... Given, std::enable_if_t<!(detail::begins_with_config<Given...> && detail::has_factors<Given...> &&
                                                detail::ends_with_hints<Given...>),
                                              int> = 0>
ModelRope read_gguf_metadata(const Given&...) {
  if constexpr (!detail::begins_with_config<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: metadata must be the key-value pairs of the file: a ConfigValue::dictionary(), or a parsed "
                  "JSON value");
  } else if constexpr (sizeof...(Given) == 1) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: freq_factors are missing: the tensor rope_freqs, rope_factors_long or rope_factors_short of "
                  "the file, or std::nullopt where it has none");
  } else if constexpr (!detail::has_factors<Given...>) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: freq_factors must be a list of numbers, the tensor rope_freqs, rope_factors_long or "
                  "rope_factors_short of the file, or std::nullopt where it has none");
  } else {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: pairs must be RopePairs::half_split or RopePairs::interleaved: write "
                  "read_gguf_metadata(metadata, freq_factors, RopePairs::interleaved)");
  }
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_GGUF_HPP
