// SPDX-License-Identifier: MIT
/// @file
/// Llama 3 scaling: long wavelengths are interpolated, short ones kept, with a blend between them.
#ifndef POSENC_FREQUENCY_SCALE_LLAMA3_HPP
#define POSENC_FREQUENCY_SCALE_LLAMA3_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/frequencies.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a "llama3" config, with Meta's defaults. The two without a default must be set.
struct Llama3Options {
  double factor = 0;                                         ///< Divisor of the slow pairs, >= 1. Must be set.
  detail::WholeNumber original_max_position_embeddings = 0;  ///< Trained length L [tokens], > 0. Must be set.
  double low_freq_factor = 1;   ///< Wavelengths beyond L / low_freq_factor are divided; > 0.
  double high_freq_factor = 4;  ///< Wavelengths below L / high_freq_factor are kept; >= low_freq_factor.
};

/// Llama 3 scaling: divides the slow pairs by a factor, keeps the fast ones, and blends between them.
///
/// With the wavelength w = 2 pi / inv_freq[i] and s = (L / w - low_freq_factor) / (high_freq_factor - low_freq_factor):
///
///     inv_freq'[i] = inv_freq[i] / factor                       w > L / low_freq_factor
///                    inv_freq[i]                                w < L / high_freq_factor
///                    inv_freq[i] ((1 - s) / factor + s)         between
///
/// Llama 4 Scout has both factors at 1: no pair is between them, and each is kept or divided.
/// @param frequencies  What the model was trained with.
/// @param options      factor and original_max_position_embeddings must be set.
/// @throws std::invalid_argument  factor < 1; L <= 0; low_freq_factor <= 0 or > high_freq_factor; NaN, infinite.
/// Cost:     see Frequencies.
/// Accuracy: 4 ulp of double [frequency][golden].
/// Source:   Dubey et al. 2024, arXiv:2407.21783; the rule is in Meta's model code.
/// Matches:  Hugging Face "llama3", vLLM Llama3, MLX Llama3RoPE, CTranslate2 Llama3; ggml ships it as freq_factors.
inline Frequencies scale_llama3(const Frequencies& frequencies, const Llama3Options& options) {
  using detail::Wide;
  const char* const function = "scale_llama3";
  const double length = static_cast<double>(options.original_max_position_embeddings);
  detail::require(detail::is_finite(options.factor) && options.factor >= 1, function, "factor", options.factor,
                  "finite and >= 1");
  detail::require(options.original_max_position_embeddings > 0, function, "original_max_position_embeddings",
                  options.original_max_position_embeddings, "> 0");
  detail::require(detail::is_finite(options.low_freq_factor) && options.low_freq_factor > 0, function,
                  "low_freq_factor", options.low_freq_factor, "finite and > 0");
  detail::require(detail::is_finite(options.high_freq_factor) && options.high_freq_factor >= options.low_freq_factor,
                  function, "high_freq_factor", options.high_freq_factor, "finite and >= low_freq_factor ",
                  options.low_freq_factor);

  constexpr Wide two_pi = 6.283185307179586476925286766559005768L;
  const Wide low = static_cast<Wide>(options.low_freq_factor);
  const Wide high = static_cast<Wide>(options.high_freq_factor);
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index i = 0; i < inv_freq.size(); ++i) {
    // A negative frequency rotates the other way at the same wavelength.
    const Wide cycles = static_cast<Wide>(length) * static_cast<Wide>(std::abs(inv_freq[i])) / two_pi;  // L / w
    if (cycles > high) continue;
    const Wide s = cycles <= low ? Wide(0) : (cycles - low) / (high - low);
    inv_freq[i] =
        static_cast<double>(static_cast<Wide>(inv_freq[i]) * ((1 - s) / static_cast<Wide>(options.factor) + s));
  }
  return detail::with_frequencies(frequencies, inv_freq);
}

template <typename... Given>
Frequencies scale_llama3(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write scale_llama3(frequencies, options): a Llama3Options, whose factor and "
                "original_max_position_embeddings must be set");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LLAMA3_HPP
