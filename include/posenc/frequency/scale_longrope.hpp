// SPDX-License-Identifier: MIT
/// @file
/// LongRoPE: a factor for each pair found by search, one list for short and one for long sequences.
#ifndef POSENC_FREQUENCY_SCALE_LONGROPE_HPP
#define POSENC_FREQUENCY_SCALE_LONGROPE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/frequency/scale_linear.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Keys of a LongRoPE ("su") config. Those without a default must be set.
struct LongRopeOptions {
  std::vector<double> short_factor = {};  ///< num_pairs divisors up to the trained length. Must be set.
  std::vector<double> long_factor = {};   ///< num_pairs divisors beyond it. Must be set.
  detail::WholeNumber original_max_position_embeddings = 0;  ///< Trained length [tokens], > 1. Must be set.
  std::optional<detail::WholeNumber> max_position_embeddings =
      {};                                       ///< Extended length [tokens]; needed without `factor`.
  std::optional<double> factor = {};            ///< Extended over trained length; wins over max_position_embeddings.
  std::optional<double> attention_factor = {};  ///< A itself; wins over the derived value.
  std::optional<double> short_mscale = {};  ///< A of the short list (Phi-3-small, vLLM); wins over all of the above.
  std::optional<double> long_mscale = {};   ///< A of the long list (Phi-3-small, vLLM).
};

/// LongRoPE: divides each pair by its factor of the list for short or for long sequences.
///
///     inv_freq'[i] = inv_freq[i] / long_factor[i]     seq_len > original_max_position_embeddings
///                    inv_freq[i] / short_factor[i]    else
///
/// magnitude: short_mscale or long_mscale, that of the list in use, if given; else attention_factor if given; else
/// sqrt(1 + ln(s) / ln(original_max_position_embeddings)) with s = factor or
/// max_position_embeddings / original_max_position_embeddings, 1 for s <= 1. It multiplies that of `frequencies`.
///
/// `seq_len` must be one number for the whole life of a sequence: keys cached with the short list do not fit queries
/// of the long one. Engines that look at the current length in each call break chunked prefill.
/// @param frequencies  What the model was trained with.
/// @param options      The lists and the trained length must be set, and factor or max_position_embeddings.
/// @param seq_len      The length that this sequence may reach [tokens], >= 0. The trained length itself is still short.
/// @throws std::invalid_argument  a list of another length than num_pairs or with a factor <= 0; trained length <= 1;
///                                neither factor nor max_position_embeddings; one of the other numbers <= 0; a
///                                negative seq_len; anything NaN or infinite.
/// Cost:     see Frequencies.
/// Accuracy: 1 ulp of double on top of `frequencies` [frequency][rules].
/// Source:   Ding et al. 2024, arXiv:2402.13753.
/// Matches:  Hugging Face "longrope" and "su" (Phi-3), vLLM Phi3LongRoPEScaled, mlx-lm SuScaledRoPE (always long).
inline Frequencies scale_longrope(const Frequencies& frequencies, const LongRopeOptions& options,
                                  detail::WholeNumber seq_len) {
  const char* const function = "scale_longrope";
  const double length = static_cast<double>(options.original_max_position_embeddings);
  const auto size = [](const std::vector<double>& list) { return static_cast<Eigen::Index>(list.size()); };
  const auto positive = [](const std::optional<double>& value) {
    return !value || (detail::is_finite(*value) && *value > 0);
  };
  detail::require(size(options.short_factor) == frequencies.num_pairs(), function, "short_factor.size()",
                  size(options.short_factor), "num_pairs ", frequencies.num_pairs());
  detail::require(size(options.long_factor) == frequencies.num_pairs(), function, "long_factor.size()",
                  size(options.long_factor), "num_pairs ", frequencies.num_pairs());
  const auto require_factors = [&](const char* name, const std::vector<double>& list) {
    for (Eigen::Index i = 0; i < size(list); ++i) {
      const double value = list[static_cast<std::size_t>(i)];
      if (detail::is_finite(value) && value > 0) continue;
      detail::refuse<std::invalid_argument>(function, detail::element(name, i), value, "finite and > 0");
    }
  };
  require_factors("short_factor", options.short_factor);
  require_factors("long_factor", options.long_factor);
  detail::require(options.original_max_position_embeddings > 1, function, "original_max_position_embeddings",
                  options.original_max_position_embeddings, "> 1");
  detail::require(positive(options.factor), function, "factor", options.factor.value_or(1), "finite and > 0");
  detail::require(options.factor || options.max_position_embeddings, function, "max_position_embeddings", "nothing",
                  "given where factor is not");
  detail::require(options.max_position_embeddings.value_or(1) > 0, function, "max_position_embeddings",
                  options.max_position_embeddings.value_or(1), "> 0");
  detail::require(positive(options.attention_factor), function, "attention_factor",
                  options.attention_factor.value_or(1), "finite and > 0");
  detail::require(positive(options.short_mscale), function, "short_mscale", options.short_mscale.value_or(1),
                  "finite and > 0");
  detail::require(positive(options.long_mscale), function, "long_mscale", options.long_mscale.value_or(1),
                  "finite and > 0");
  detail::require(seq_len >= 0, function, "seq_len", seq_len, ">= 0");

  const bool is_long = seq_len > options.original_max_position_embeddings;
  const std::vector<double>& factors = is_long ? options.long_factor : options.short_factor;
  const double extension =
      options.factor ? *options.factor : static_cast<double>(*options.max_position_embeddings) / length;
  const double derived = extension <= 1 ? 1.0 : std::sqrt(1 + std::log(extension) / std::log(length));
  const std::optional<double>& own = is_long ? options.long_mscale : options.short_mscale;
  const double magnitude = own.value_or(options.attention_factor.value_or(derived));
  Eigen::ArrayXd divisors(frequencies.num_pairs());
  for (Eigen::Index i = 0; i < divisors.size(); ++i) divisors[i] = factors[static_cast<std::size_t>(i)];
  return scale_linear(frequencies, divisors).with_magnitude(frequencies.magnitude() * magnitude);
}

template <typename... Given, std::enable_if_t<(sizeof...(Given) < 3), int> = 0>
Frequencies scale_longrope(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write scale_longrope(frequencies, options, seq_len): a LongRopeOptions, and the length that this "
      "sequence may reach, which decides between its two lists");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_LONGROPE_HPP
