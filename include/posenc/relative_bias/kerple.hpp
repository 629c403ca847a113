// SPDX-License-Identifier: MIT
/// @file
/// KERPLE: trained logarithmic and power-law decay with distance.
#ifndef POSENC_RELATIVE_BIAS_KERPLE_HPP
#define POSENC_RELATIVE_BIAS_KERPLE_HPP

#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// KERPLE's two kernels of the distance n = |key - query|, with two trained numbers a and p for each head.
enum class KerpleKernel {
  logarithmic,  ///< -p ln(1 + a n)
  power         ///< -a n^p, 0 < p <= 2
};

namespace detail {

template <typename A, typename P>
void require_kerple(const char* function, const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p,
                    KerpleKernel kernel) {
  require(p.size() == a.size(), function, "p.size()", p.size(), "a.size() ", a.size());
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
    if (!(is_finite(a_value) && a_value > 0)) {
      refuse<std::invalid_argument>(function, element("a", head), a_value, "finite and > 0");
    }
    if (!(is_finite(p_value) && p_value > 0)) {
      refuse<std::invalid_argument>(function, element("p", head), p_value, "finite and > 0");
    }
    if (kernel == KerpleKernel::power && p_value > 2) {
      refuse<std::invalid_argument>(function, element("p", head), p_value, "at most 2 (power kernel)");
    }
  }
}

}  // namespace detail

/// The bias of KERPLE for a range of distances.
///
/// @param a, p  One number for each head, > 0, p <= 2 for the power kernel. The authors clamp both to at least 0.01 in
///              every step of training.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one logarithm or power for each head and distance, not for each logit.
/// Source:   Chi et al. 2022, arXiv:2205.09921.
template <typename Scalar, typename A, typename P>
DistanceTable<Scalar> make_kerple_table(const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p, DistanceRange range,
                                        KerpleKernel kernel) {
  detail::require_kerple("make_kerple_table", a, p, kernel);
  DistanceTable<Scalar> table(a.size(), range);
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
    for (Eigen::Index d = range.min; d <= range.max; ++d) {
      const double n = std::abs(static_cast<double>(d));
      const double bias =
          kernel == KerpleKernel::logarithmic ? -p_value * std::log1p(a_value * n) : -a_value * std::pow(n, p_value);
      table(head, d) = detail::convert<Scalar>(bias);
    }
  }
  return table;
}

/// The gradient of make_kerple_table(): adds into grad_a and grad_p, one number for each head.
///
///     logarithmic   dL/dp = -sum g ln(1 + a n)      dL/da = -sum g p n / (1 + a n)
///     power         dL/da = -sum g n^p              dL/dp = -sum g a n^p ln n        g = grad_table(h, d)
///
/// @throws std::invalid_argument  parameters as above, or another number of heads.
template <typename GradA, typename GradP, typename Scalar, typename A, typename P>
void kerple_backward(GradA&& grad_a, GradP&& grad_p, const DistanceTable<Scalar>& grad_table,
                     const Eigen::DenseBase<A>& a, const Eigen::DenseBase<P>& p, KerpleKernel kernel) {
  const char* const function = "kerple_backward";
  auto& da = detail::written(std::forward<GradA>(grad_a));
  auto& dp = detail::written(std::forward<GradP>(grad_p));
  detail::require_kerple(function, a, p, kernel);
  detail::require(a.size() == grad_table.num_heads(), function, "a.size()", a.size(), "num_heads ",
                  grad_table.num_heads());
  detail::require(da.size() == a.size(), function, "grad_a.size()", da.size(), "num_heads ", a.size());
  detail::require(dp.size() == a.size(), function, "grad_p.size()", dp.size(), "num_heads ", a.size());
  const auto add = [](auto& target, Eigen::Index head, double value) {
    detail::entry(target, head) += detail::convert<typename std::decay_t<decltype(target)>::Scalar>(value);
  };
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = static_cast<double>(a.derived().reshaped()(head));
    const double p_value = static_cast<double>(p.derived().reshaped()(head));
    double sum_a = 0;
    double sum_p = 0;
    for (Eigen::Index d = grad_table.range().min; d <= grad_table.range().max; ++d) {
      const double g = static_cast<double>(grad_table(head, d));
      const double n = std::abs(static_cast<double>(d));
      if (kernel == KerpleKernel::logarithmic) {
        sum_p -= g * std::log1p(a_value * n);
        sum_a -= g * p_value * n / (1 + a_value * n);
      } else if (n > 0) {  // n = 0: the bias is 0 whatever a and p are
        sum_a -= g * std::pow(n, p_value);
        sum_p -= g * a_value * std::pow(n, p_value) * std::log(n);
      }
    }
    add(da, head, sum_a);
    add(dp, head, sum_p);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_KERPLE_HPP
