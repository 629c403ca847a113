// SPDX-License-Identifier: MIT
/// @file
/// Context extension by dividing frequencies: all by one factor, each by a factor of its own, or the first pairs alone.
#ifndef POSENC_FREQUENCY_SCALE_LINEAR_HPP
#define POSENC_FREQUENCY_SCALE_LINEAR_HPP

#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_list.hpp"

#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline Frequencies divide_by_factor(const char* function, const Frequencies& frequencies, double factor) {
  require(is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
  if (factor == 1) return frequencies;  // with their base
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (double& frequency : inv_freq) frequency /= factor;
  return with_frequencies(frequencies, inv_freq);
}

}  // namespace detail

/// Position interpolation: every position p gets the angle that p / factor had.
///
///     inv_freq'[i] = inv_freq[i] / factor
///
/// @param frequencies  What the model was trained with.
/// @param factor       New length over trained length, >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Chen et al. 2023, arXiv:2306.15595.
/// Matches:  Hugging Face "linear", vLLM LinearScaling, ggml freq_scale = 1 / factor, MLX scale = 1 / factor.
template <typename Number, std::enable_if_t<std::is_convertible_v<const Number&, double>, int> = 0>
Frequencies scale_linear(const Frequencies& frequencies, const Number& factor) {
  return detail::divide_by_factor("scale_linear", frequencies, static_cast<double>(factor));
}
/// @overload
/// A factor for each pair: inv_freq'[i] = inv_freq[i] / factors[i].
/// @param factors  num_pairs values, finite and > 0 (not necessarily >= 1): an Eigen vector or a contiguous range.
/// @throws std::invalid_argument  another number of factors, or one that is not finite and > 0.
/// Matches:  the `freq_factors` tensor of ggml, in which Llama 3 and LongRoPE are stored.
template <typename List, std::enable_if_t<detail::is_list<List>, std::int64_t> = 0>
Frequencies scale_linear(const Frequencies& frequencies, const List& factors) {
  const char* const function = "scale_linear";
  const Eigen::ArrayXd divisors = detail::copied_list<double>(factors);
  detail::require(divisors.size() == frequencies.num_pairs(), function, "factors.size()", divisors.size(), "num_pairs ",
                  frequencies.num_pairs());
  for (Eigen::Index i = 0; i < divisors.size(); ++i) {
    if (!(detail::is_finite(divisors[i]) && divisors[i] > 0)) {
      detail::refuse<std::invalid_argument>(function, detail::element("factors", i), divisors[i], "finite and > 0");
    }
  }
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < divisors.size(); ++i) inv_freq[i] /= divisors[i];
  return detail::with_frequencies(frequencies, inv_freq);
}

/// @overload
/// Says what the arguments are.
template <typename... Given>
Frequencies scale_linear(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write scale_linear(frequencies, factor): Frequencies, which a table is made of afterwards, and a "
      "number or a list with one for each pair");
  std::abort();
}

/// p-RoPE: rotates the fastest pairs only, over the whole width of the head.
///
///     inv_freq'[i] = inv_freq[i] / factor     i < k = int(partial_rotary_factor * head_dim / 2)
///                    0                        else,  head_dim = frequencies.rotary_dim()
///
/// This is not the partial rotation of a prefix: the exponent runs over head_dim, pairs are (i, i + head_dim/2) in the
/// half-split layout, and the pairs that do not rotate are the last ones of each half.
/// @param frequencies            What the model was trained with.
/// @param partial_rotary_factor  In (0, 1].
/// @param factor                 >= 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Barbero et al. 2024, arXiv:2410.06205 (p-RoPE).
/// Matches:  Hugging Face "proportional" (Gemma 4, full-attention layers), mlx-lm ProportionalRoPE.
inline Frequencies scale_proportional(const Frequencies& frequencies, double partial_rotary_factor,
                                      double factor = 1.0) {
  const char* const function = "scale_proportional";
  detail::require(partial_rotary_factor > 0 && partial_rotary_factor <= 1, function, "partial_rotary_factor",
                  partial_rotary_factor, "in (0, 1]");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
  if (partial_rotary_factor == 1 && factor == 1) return frequencies;  // with their base
  const Eigen::Index live =
      static_cast<Eigen::Index>(partial_rotary_factor * static_cast<double>(frequencies.rotary_dim())) / 2;
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) inv_freq[i] = i < live ? inv_freq[i] / factor : 0;
  return detail::with_frequencies(frequencies, inv_freq);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LINEAR_HPP
