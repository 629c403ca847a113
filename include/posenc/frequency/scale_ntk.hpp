// SPDX-License-Identifier: MIT
/// @file
/// Context extension by a larger base: NTK-aware, dynamic NTK, and NTK-RoPE-fixed and -mixed of kexue.fm.
#ifndef POSENC_FREQUENCY_SCALE_NTK_HPP
#define POSENC_FREQUENCY_SCALE_NTK_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline void require_ntk(const char* function, const Frequencies& frequencies, double factor) {
  require(frequencies.rotary_dim() > 2, function, "rotary_dim", frequencies.rotary_dim(), "> 2");
  require(is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
}

/// inv_freq[i] * exp(-log_divisor(i)).
template <typename LogDivisor>
Frequencies divide_by_exp(const Frequencies& frequencies, LogDivisor&& log_divisor) {
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    inv_freq[i] = static_cast<double>(static_cast<Wide>(inv_freq[i]) * std::exp(-log_divisor(i)));
  }
  return with_frequencies(frequencies, inv_freq);
}

/// scale_ntk_aware(), whose message names `parameter` where the resulting base is not finite.
inline Frequencies ntk_aware(const char* function, const Frequencies& frequencies, double factor,
                             const char* parameter) {
  const Wide d = static_cast<Wide>(frequencies.rotary_dim());
  if (frequencies.base() > 0) {
    const double base = static_cast<double>(frequencies.base() * std::pow(static_cast<Wide>(factor), d / (d - 2)));
    require(is_finite(base) && base != 1, function, parameter, factor,
            "such that base * factor^(d / (d - 2)) is finite and not 1");
    const Frequencies scaled = geometric_frequencies(frequencies.rotary_dim(), base)
                                   .with_magnitude(frequencies.magnitude(), frequencies.softmax_multiplier());
    return frequencies.of_channels() ? scaled.for_channels() : scaled;
  }
  const Wide step = 2 * std::log(static_cast<Wide>(factor)) / (d - 2);
  return divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<Wide>(i) * step; });
}

}  // namespace detail

/// NTK-aware scaling: extends the context by a larger base.
///
///     base' = base * factor^(d / (d - 2))        d = rotary_dim
///
/// Equivalently inv_freq[i] * factor^(-2i / (d - 2)): the first pair keeps its frequency, the last is divided by
/// `factor`. So it works on any list of frequencies. Here i counts all pairs: where they are on several axes, scale the
/// frequencies of each axis alone.
/// @param frequencies  What the model was trained with.
/// @param factor       "alpha", >= 1.
/// @throws std::invalid_argument  factor < 1 or NaN; a base' that is infinite or 1; rotary_dim 2, where the exponent
///                                divides by zero.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   bloc97, "NTK-Aware Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.1.
/// Matches:  ExLlama and Hunyuan alpha (vLLM DynamicNTKAlpha), rotary-embedding-torch theta_rescale_factor,
///           x-transformers base_rescale_factor, Qwen-1 ntk_alpha.
inline Frequencies scale_ntk_aware(const Frequencies& frequencies, double factor) {
  detail::require_ntk("scale_ntk_aware", frequencies, factor);
  return detail::ntk_aware("scale_ntk_aware", frequencies, factor, "factor");
}

/// Keys of a dynamic NTK config: DynamicNtkOptions{factor, max_position_embeddings}. Both must be set.
struct DynamicNtkOptions {
  double factor = 0;                                ///< `factor` of the config, >= 1.
  detail::WholeNumber max_position_embeddings = 0;  ///< Trained length [tokens], > 0.
};

/// Dynamic NTK: NTK-aware scaling by as much as the length needs.
///
/// Up to `max_position_embeddings` nothing changes; beyond it this is scale_ntk_aware() with the factor
///
///     factor * seq_len / max_position_embeddings - (factor - 1)
///
/// The angles of *every* position change with seq_len, so cached keys must be rotated anew when it grows; choosing
/// the length once for each sequence avoids that.
/// @param frequencies  What the model was trained with.
/// @param options      factor and max_position_embeddings must be set.
/// @param seq_len      The length to serve [tokens], >= 0.
/// @throws std::invalid_argument  one of these does not hold; a base that becomes infinite; rotary_dim 2.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   emozilla, "Dynamically Scaled RoPE", 2023; Peng et al. 2023, arXiv:2309.00071, section 3.3.
/// Matches:  Hugging Face "dynamic". vLLM (from 2026-06) passes seq_len = factor * max_position_embeddings once.
inline Frequencies scale_dynamic_ntk(const Frequencies& frequencies, const DynamicNtkOptions& options,
                                     detail::WholeNumber seq_len) {
  const char* const function = "scale_dynamic_ntk";
  const double factor = options.factor;
  const std::int64_t max_position_embeddings = options.max_position_embeddings;
  detail::require_ntk(function, frequencies, factor);
  detail::require(max_position_embeddings > 0, function, "max_position_embeddings", max_position_embeddings, "> 0");
  detail::require(seq_len >= 0, function, "seq_len", seq_len, ">= 0");
  if (seq_len <= max_position_embeddings) return frequencies;
  const double needed =
      factor * static_cast<double>(seq_len) / static_cast<double>(max_position_embeddings) - (factor - 1);
  detail::require(detail::is_finite(needed), function, "seq_len", seq_len, "such that factor * seq_len is finite");
  return detail::ntk_aware(function, frequencies, needed, "factor * seq_len / max_position_embeddings - (factor - 1)");
}

namespace detail {

template <typename... Given>
constexpr bool explain_dynamic_ntk() {
  static_assert(kMisuse<Given...>,
                "posenc: write scale_dynamic_ntk(frequencies, {factor, max_position_embeddings}, seq_len): the trained "
                "length in the braces, the length to serve behind them");
  return true;
}

}  // namespace detail

/// @overload
/// Says where the numbers are.
template <typename... Numbers, std::enable_if_t<(std::is_arithmetic_v<Numbers> && ...), int> = 0>
Frequencies scale_dynamic_ntk(const Frequencies& frequencies, const Numbers&...) {
  static_assert(detail::explain_dynamic_ntk<Numbers...>());
  return frequencies;
}

/// @overload
/// Says that seq_len is missing.
template <typename Length = void>
Frequencies scale_dynamic_ntk(const Frequencies& frequencies, const DynamicNtkOptions&) {
  static_assert(detail::explain_dynamic_ntk<Length>());
  return frequencies;
}

/// NTK-RoPE-mixed and NTK-RoPE-fixed: slows every pair, the last by the whole factor.
///
///     inv_freq'[i] = inv_freq[i] exp(-a (i + 1)^b)        a = ln(factor) / (d/2)^b,  d = rotary_dim
///
/// @param frequencies  What the model was trained with.
/// @param factor       >= 1.
/// @param b            Shape, finite and >= 0: 0.625 is the author's choice for "mixed", 1 is "fixed", where a pair is
///                     multiplied by factor^(-2(i + 1) / d), and 0 is scale_linear().
/// @throws std::invalid_argument  one of these does not hold; rotary_dim 2.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Su Jianlin, kexue.fm/archives/9706, 2023.
/// Matches:  vLLM NTKScaling: with mixed_b for b, and for b = 1 without it.
inline Frequencies scale_ntk_mixed(const Frequencies& frequencies, double factor, double b) {
  detail::require_ntk("scale_ntk_mixed", frequencies, factor);
  detail::require(detail::is_finite(b) && b >= 0, "scale_ntk_mixed", "b", b, "finite and >= 0");
  if (b == 1) {  // the same number with one rounding less
    const detail::Wide step = std::log(static_cast<detail::Wide>(factor)) / frequencies.num_pairs();
    return detail::divide_by_exp(frequencies, [&](Eigen::Index i) { return static_cast<detail::Wide>(i + 1) * step; });
  }
  const detail::Wide last = static_cast<detail::Wide>(frequencies.num_pairs());
  return detail::divide_by_exp(frequencies, [&](Eigen::Index i) {
    return std::log(static_cast<detail::Wide>(factor)) *
           std::pow(static_cast<detail::Wide>(i + 1) / last, static_cast<detail::Wide>(b));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_NTK_HPP
