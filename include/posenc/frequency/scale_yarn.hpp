// SPDX-License-Identifier: MIT
/// @file
/// YaRN: fast pairs keep their frequency, slow pairs are interpolated, with a ramp between them.
#ifndef POSENC_FREQUENCY_SCALE_YARN_HPP
#define POSENC_FREQUENCY_SCALE_YARN_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a YaRN config, with the field's defaults. The two without a default must be set.
struct YarnOptions {
  double factor = 0;                                         ///< New length over trained length, >= 1. Must be set.
  detail::WholeNumber original_max_position_embeddings = 0;  ///< Trained length [tokens], > 0. Must be set.
  double beta_fast = 32;                        ///< Pairs with more rotations over the trained length are kept.
  double beta_slow = 1;                         ///< Pairs with fewer rotations are interpolated; < beta_fast.
  detail::Switch truncate = true;               ///< Round the ends of the ramp to whole pairs (gpt-oss: false).
  std::optional<double> attention_factor = {};  ///< A itself; mscale and attn_factor then do not count.
  std::optional<double> mscale = {};            ///< DeepSeek pair. Counts only when both are given.
  std::optional<double> mscale_all_dim = {};    ///< DeepSeek pair. Alone it sets the softmax multiplier.
  double extrapolation_factor = 1;              ///< Weight of the unscaled part, in [0, 1] (vLLM, original code).
  double attn_factor = 1;                       ///< Factor on a derived A, > 0 (vLLM, original code).
};

namespace detail {

/// g(s, m) = 0.1 m ln(s) + 1 for s > 1, else 1: the magnitude that YaRN derives from a factor s. `yarn_get_mscale` of
/// DeepSeek, `get_mscale` of Hugging Face.
inline double yarn_mscale(double factor, double mscale = 1.0) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace detail

/// YaRN: keeps the fast pairs, divides the slow ones by the factor, and derives the magnitude.
///
/// With d = rotary_dim, B = base and L = original_max_position_embeddings, the pair that rotates n times over L is
///
///     pair(n) = d ln(L / (2 pi n)) / (2 ln B)
///     low  = max(floor(pair(beta_fast)), 0)          floor and ceil only with `truncate`
///     high = min(ceil(pair(beta_slow)), d - 1)       + 0.001 when low == high
///     e[i] = extrapolation_factor (1 - clamp((i - low) / (high - low), 0, 1))
///     inv_freq'[i] = inv_freq[i] (e[i] + (1 - e[i]) / factor)
///
/// The two factors, with g(s, m) = 0.1 m ln(s) + 1 for s > 1, else 1:
///
/// magnitude: attention_factor if given; else attn_factor times g(factor, mscale) / g(factor, mscale_all_dim) where
/// both mscale and mscale_all_dim are given, and times g(factor, 1) where not.
///
/// softmax_multiplier: g(factor, mscale_all_dim)^2 where mscale_all_dim is given, else 1. DeepSeek V2 and V3 need it on
/// the softmax scale; ports of the rule often leave it out. Both multiply those of `frequencies`.
///
/// @param frequencies  From geometric_frequencies(), base > 1: the ramp needs the base.
/// @param options      factor and original_max_position_embeddings must be set.
/// @throws std::invalid_argument  not such frequencies; factor < 1; trained length <= 0; beta_slow <= 0 or not
///                                < beta_fast; attention_factor, attn_factor or an mscale <= 0;
///                                extrapolation_factor outside [0, 1]; anything NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 4 ulp of double [frequency][golden].
/// Source:   Peng et al. 2023, arXiv:2309.00071; DeepSeek-AI 2024, arXiv:2405.04434.
/// Matches:  Hugging Face "yarn", vLLM YaRN, and vLLM DeepseekScaling where both mscale keys or neither are given: a
///           missing one is 1 and 0 there. ggml always truncates and applies 1 + 0.1 ln(factor) inside the operator.
inline Frequencies scale_yarn(const Frequencies& frequencies, const YarnOptions& options) {
  using detail::Wide;
  const char* const function = "scale_yarn";
  const double factor = options.factor;
  const double length = static_cast<double>(options.original_max_position_embeddings);
  detail::require(frequencies.base() > 1, function, "frequencies.base()", frequencies.base(),
                  "> 1 (use geometric_frequencies)");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
  detail::require(options.original_max_position_embeddings > 0, function, "original_max_position_embeddings",
                  options.original_max_position_embeddings, "> 0");
  detail::require(detail::is_finite(options.beta_slow) && options.beta_slow > 0, function, "beta_slow",
                  options.beta_slow, "finite and > 0");
  detail::require(detail::is_finite(options.beta_fast) && options.beta_fast > options.beta_slow, function, "beta_fast",
                  options.beta_fast, "finite and > beta_slow ", options.beta_slow);
  detail::require(
      !options.attention_factor || (detail::is_finite(*options.attention_factor) && *options.attention_factor > 0),
      function, "attention_factor", options.attention_factor.value_or(1), "finite and > 0");
  const auto require_mscale = [&](const char* name, const std::optional<double>& mscale) {
    detail::require(!mscale || (detail::is_finite(*mscale) && *mscale > 0), function, name, mscale.value_or(1),
                    "finite and > 0 (or left out where a config has 0)");
  };
  require_mscale("mscale", options.mscale);
  require_mscale("mscale_all_dim", options.mscale_all_dim);
  detail::require(options.extrapolation_factor >= 0 && options.extrapolation_factor <= 1, function,
                  "extrapolation_factor", options.extrapolation_factor, "in [0, 1]");
  detail::require(detail::is_finite(options.attn_factor) && options.attn_factor > 0, function, "attn_factor",
                  options.attn_factor, "finite and > 0");

  const Wide d = static_cast<Wide>(frequencies.rotary_dim());
  const Wide log_base = std::log(static_cast<Wide>(frequencies.base()));
  constexpr Wide two_pi = 6.283185307179586476925286766559005768L;
  const auto pair_of = [&](double rotations) {
    return d * std::log(static_cast<Wide>(length) / (static_cast<Wide>(rotations) * two_pi)) / (2 * log_base);
  };
  Wide low = pair_of(options.beta_fast);
  Wide high = pair_of(options.beta_slow);
  if (options.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = (std::max)(low, Wide(0));
  high = (std::min)(high, d - 1);
  if (low == high) high += static_cast<Wide>(0.001);

  Eigen::ArrayXd inv_freq(frequencies.num_pairs());
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    const Wide pair = static_cast<Wide>(i);
    // 1 - ramp, without the cancellation: the small weights near `high` carry the accuracy.
    const Wide kept = (std::min)((std::max)((high - pair) / (high - low), Wide(0)), Wide(1));
    const Wide extrapolated = static_cast<Wide>(options.extrapolation_factor) * kept;
    const Wide unscaled = std::exp(-2 * pair / d * log_base);
    inv_freq[i] = static_cast<double>(unscaled * (extrapolated + (1 - extrapolated) / static_cast<Wide>(factor)));
  }

  const double derived =
      options.mscale && options.mscale_all_dim
          ? detail::yarn_mscale(factor, *options.mscale) / detail::yarn_mscale(factor, *options.mscale_all_dim)
          : detail::yarn_mscale(factor);
  const double magnitude = options.attention_factor.value_or(derived * options.attn_factor);
  const double softmax =
      options.mscale_all_dim ? std::pow(detail::yarn_mscale(factor, *options.mscale_all_dim), 2) : 1.0;
  return detail::with_frequencies(frequencies, inv_freq)
      .with_magnitude(frequencies.magnitude() * magnitude, frequencies.softmax_multiplier() * softmax);
}

template <typename... Given>
Frequencies scale_yarn(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write scale_yarn(frequencies, options): a YarnOptions, whose factor and "
                "original_max_position_embeddings must be set");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_YARN_HPP
