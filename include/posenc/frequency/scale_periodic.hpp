// SPDX-License-Identifier: MIT
/// @file
/// Periodic frequencies: after a period every pair has its first angle again, so that pictures tile without a seam.
#ifndef POSENC_FREQUENCY_SCALE_PERIODIC_HPP
#define POSENC_FREQUENCY_SCALE_PERIODIC_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/frequency/axis_map.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_list.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The nearest frequency with a whole number of rotations in `period`; the frequency itself for an infinite period.
inline double periodic_frequency(double frequency, double period) {
  if (!is_finite(period)) return frequency;
  constexpr Wide circle = 6.28318530717958647692528676655900577L;
  return static_cast<double>(circle * std::round(static_cast<Wide>(frequency) * static_cast<Wide>(period) / circle) /
                             static_cast<Wide>(period));
}

inline bool is_period(double period) {
  return period > 0 && (is_finite(period) || period == std::numeric_limits<double>::infinity());
}

}  // namespace detail

/// Rounds each frequency to a whole number of rotations in `period` positions. Position p + period then has the angles
/// of position p, and a picture of that width continues across its edge.
///
///     inv_freq'[i] = 2 pi round(inv_freq[i] period / (2 pi)) / period
///
/// Pairs that make less than half a rotation in a period no longer rotate.
/// @param frequencies  What the model was trained with.
/// @param period       [positions] > 0; infinity leaves the frequencies unchanged.
/// @throws std::invalid_argument  period <= 0 or NaN.
/// Cost:     see Frequencies.
/// Accuracy: 2 ulp of double [frequency][periodic].
/// Matches:  wrap_dims of embed_nd in stable-diffusion.cpp (--circular): the height and the width of the picture in
///           patches.
template <typename Number, std::enable_if_t<std::is_convertible_v<const Number&, double>, int> = 0>
Frequencies scale_periodic(const Frequencies& frequencies, const Number& period) {
  const double length = static_cast<double>(period);
  detail::require(detail::is_period(length), "scale_periodic", "period", length, "> 0");
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (double& frequency : inv_freq) frequency = detail::periodic_frequency(frequency, length);
  return detail::with_frequencies(frequencies, inv_freq);
}

/// @overload
/// On several axes, each with a period of its own: rows and columns of a picture.
/// @param axes     The axis of each pair.
/// @param periods  axes.num_axes() numbers > 0; infinity leaves an axis unchanged, for instance that of time.
/// @throws std::invalid_argument  another number of pairs or of periods; a period that is <= 0 or NaN.
template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
Frequencies scale_periodic(const Frequencies& frequencies, const AxisMap& axes, const List& periods) {
  const char* const function = "scale_periodic";
  const Eigen::ArrayXd lengths = detail::copied_list<double>(periods);
  detail::require(axes.num_pairs() == frequencies.num_pairs(), function, "axes.num_pairs()", axes.num_pairs(),
                  "frequencies.num_pairs() ", frequencies.num_pairs());
  detail::require(lengths.size() == axes.num_axes(), function, "periods.size()", lengths.size(), "axes.num_axes() ",
                  axes.num_axes());
  for (Eigen::Index i = 0; i < lengths.size(); ++i) {
    if (!detail::is_period(lengths[i])) {
      detail::refuse<std::invalid_argument>(function, detail::element("periods", i), lengths[i], "> 0");
    }
  }
  Eigen::ArrayXd inv_freq = frequencies.inv_freq();
  for (Eigen::Index j = 0; j < inv_freq.size(); ++j) {
    inv_freq[j] = detail::periodic_frequency(inv_freq[j], lengths[axes.axis_of_pair()[j]]);
  }
  return detail::with_frequencies(frequencies, inv_freq);
}

/// @overload
/// Says what the arguments are.
template <typename... Given>
Frequencies scale_periodic(const Given&...) {
  static_assert(detail::kMisuse<Given...>,
                "posenc: write scale_periodic(frequencies, period), or scale_periodic(frequencies, axes, periods) with "
                "a period for each axis, infinity where it has none");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_SCALE_PERIODIC_HPP
