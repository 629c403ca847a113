// SPDX-License-Identifier: MIT
/// @file
/// Context extension by dividing frequencies: linear interpolation, a factor for each pair, and the live part alone.
#ifndef POSENC_FREQUENCY_SCALE_LINEAR_HPP
#define POSENC_FREQUENCY_SCALE_LINEAR_HPP

#include "posenc/frequency/frequencies.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Position interpolation: inv_freq[i] / factor, the angle of position p / factor.
///
/// @param factor  New length over trained length, >= 1.
/// @throws std::invalid_argument  factor < 1, NaN or infinite.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Source:   Chen et al. 2023, arXiv:2306.15595.
/// Matches:  Hugging Face "linear", vLLM LinearScaling, ggml freq_scale = 1 / factor, MLX scale = 1 / factor.
inline Frequencies scale_linear(const Frequencies& frequencies, double factor) {
  detail::require(detail::is_finite(factor) && factor >= 1, "scale_linear", "factor", factor, "finite and >= 1");
  return Frequencies(frequencies.inv_freq() / factor, frequencies.magnitude(), frequencies.softmax_multiplier());
}

/// A factor of its own for each pair: inv_freq[i] / factors[i].
///
/// @param factors  num_pairs values, finite and > 0 (not necessarily >= 1).
/// @throws std::invalid_argument  a wrong number of factors, or one that is not finite and > 0.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Matches:  the `freq_factors` tensor of ggml, which ships Llama 3 and LongRoPE.
template <typename Derived>
Frequencies scale_by_factors(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& factors) {
  const char* const function = "scale_by_factors";
  detail::require(factors.size() == frequencies.num_pairs(), function, "factors.size()", factors.size(), "num_pairs ",
                  frequencies.num_pairs());
  const Eigen::ArrayXd divisors = factors.derived().template cast<double>().reshaped().array();
  for (Eigen::Index i = 0; i < divisors.size(); ++i) {
    if (!(detail::is_finite(divisors[i]) && divisors[i] > 0)) {
      detail::refuse<std::invalid_argument>(function, detail::element("factors", i), divisors[i], "finite and > 0");
    }
  }
  return Frequencies(frequencies.inv_freq() / divisors, frequencies.magnitude(), frequencies.softmax_multiplier());
}

/// Keeps the first live pairs and stops the others: inv_freq[i] / factor for i < k, else 0.
///
/// k = int(partial_rotary_factor * head_dim / 2), with head_dim = frequencies.rotary_dim(). This is not the partial
/// rotation of a prefix: the exponent runs over head_dim, pairs are (i, i + head_dim/2) in the half-split layout, and
/// unrotated pairs lie in the middle of each half.
/// @param partial_rotary_factor  In (0, 1].
/// @param factor                 >= 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double on top of `frequencies`.
/// Matches:  Hugging Face "proportional" (Gemma 4, full-attention layers), mlx-lm ProportionalRoPE.
inline Frequencies scale_proportional(const Frequencies& frequencies, double partial_rotary_factor,
                                      double factor = 1.0) {
  const char* const function = "scale_proportional";
  detail::require(partial_rotary_factor > 0 && partial_rotary_factor <= 1, function, "partial_rotary_factor",
                  partial_rotary_factor, "in (0, 1]");
  detail::require(detail::is_finite(factor) && factor >= 1, function, "factor", factor, "finite and >= 1");
  const Eigen::Index live =
      static_cast<Eigen::Index>(partial_rotary_factor * static_cast<double>(frequencies.rotary_dim())) / 2;
  Eigen::ArrayXd inv_freq = frequencies.inv_freq() / factor;
  inv_freq.tail(frequencies.num_pairs() - live).setZero();
  return Frequencies(inv_freq, frequencies.magnitude(), frequencies.softmax_multiplier());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LINEAR_HPP
