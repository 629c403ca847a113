// SPDX-License-Identifier: MIT
/// @file
/// KERPLE: trained logarithmic and power-law decay with distance.
#ifndef POSENC_RELATIVE_BIAS_KERPLE_HPP
#define POSENC_RELATIVE_BIAS_KERPLE_HPP

#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/list.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// KERPLE's two kernels of the distance n = |key - query|, with two trained numbers a and p for each head.
enum class KerpleKernel {
  logarithmic,  ///< -p ln(1 + a n)
  power         ///< -a n^p, 0 < p <= 2
};

/// KERPLE's a, or its gradient, one number for each head: KerpleA(a). It holds a list by reference, a Map or Block by
/// value; a temporary list does not compile.
template <typename List>
class KerpleA : public detail::NamedArgument<List> {
 public:
  /// @param a  One number for each head, > 0.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): copies go by the guide
  explicit KerpleA(T&& a) : detail::NamedArgument<List>(std::forward<T>(a)) {}
};
template <typename T>
KerpleA(T&&) -> KerpleA<std::remove_reference_t<T>>;

/// KERPLE's p, or its gradient, one number for each head: KerpleP(p). It holds its list as KerpleA does.
template <typename List>
class KerpleP : public detail::NamedArgument<List> {
 public:
  /// @param p  One number for each head, > 0, at most 2 for the power kernel.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): copies go by the guide
  explicit KerpleP(T&& p) : detail::NamedArgument<List>(std::forward<T>(p)) {}
};
template <typename T>
KerpleP(T&&) -> KerpleP<std::remove_reference_t<T>>;

namespace detail {

template <typename A, typename P>
void require_kerple(const char* function, const A& a, const P& p, KerpleKernel kernel) {
  require_named(function, "kernel", kernel, KerpleKernel::power);
  require(p.size() == a.size(), function, "p.size()", p.size(), "a.size() ", a.size());
  for (Eigen::Index head = 0; head < a.size(); ++head) {
    const double a_value = number_at(a, head);
    const double p_value = number_at(p, head);
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

/// Returns the bias of KERPLE by distance: table(h, d) = -p[h] ln(1 + a[h] |d|), or -a[h] |d|^p[h].
///
/// @tparam Scalar    Of the table: make_kerple_table<float>(...).
/// @param a, p       KerpleA(a) and KerpleP(p): one number for each head, > 0, p <= 2 for the power kernel. The authors
///                   clamp both to at least 0.01 in every step of training.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param kernel     Which of the two.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one logarithm or power for each head and distance, not for each logit; no bench case, called once for a
///           length.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Chi et al. 2022, arXiv:2205.09921.
/// Matches:  ParallelKerpleLog and ParallelKerplePower of chijames/KERPLE, megatron/mpu/layers.py.
template <typename Scalar, typename A, typename P, detail::IfDense<A, P> = 0>
DistanceTable<Scalar> make_kerple_table(const KerpleA<A>& a, const KerpleP<P>& p, const DistanceRange& distances,
                                        KerpleKernel kernel) {
  const A& a_of_heads = a.get();
  const P& p_of_heads = p.get();
  detail::require_kerple("make_kerple_table", a_of_heads, p_of_heads, kernel);
  DistanceTable<Scalar> table(a_of_heads.size(), distances);
  for (Eigen::Index head = 0; head < a_of_heads.size(); ++head) {
    const double a_value = detail::number_at(a_of_heads, head);
    const double p_value = detail::number_at(p_of_heads, head);
    for (Eigen::Index d = distances.first(); d <= distances.last(); ++d) {
      const double n = std::abs(static_cast<double>(d));
      const double bias =
          kernel == KerpleKernel::logarithmic ? -p_value * std::log1p(a_value * n) : -a_value * std::pow(n, p_value);
      table(head, d) = detail::convert<Scalar>(bias);
    }
  }
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_kerple_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Scalar, Arguments...>,
      "posenc: write make_kerple_table<float>(KerpleA(a), KerpleP(p), distances, kernel): a and p are Eigen lists with "
      "one number for each head, distances is span.distances(), kernel KerpleKernel::logarithmic or power");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_kerple_table(): adds into grad_a and grad_p, one number for each head.
///
///     logarithmic   dL/dp = -sum g ln(1 + a n)      dL/da = -sum g p n / (1 + a n)
///     power         dL/da = -sum g n^p              dL/dp = -sum g a n^p ln n        g = grad_table(h, d), n = |d|
///
/// @param[in,out] grad_a, grad_p  KerpleA(grad_a) and KerpleP(grad_p), num_heads numbers each.
/// @param grad_table              dL/d(table), as distance_bias_backward() sums it.
/// @param a, p, kernel            As in the forward call.
/// @throws std::invalid_argument  parameters as for the table, or another number of heads; memory that overlaps.
///                                Nothing is written then.
/// Cost:     one to three logarithms or powers for each head and distance; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Chi et al. 2022, arXiv:2205.09921.
template <typename GradA, typename GradP, typename Scalar, typename A, typename P,
          detail::IfDense<GradA, GradP, A, P> = 0>
void kerple_table_backward(KerpleA<GradA> grad_a, KerpleP<GradP> grad_p, const DistanceTable<Scalar>& grad_table,
                           const KerpleA<A>& a, const KerpleP<P>& p, KerpleKernel kernel) {
  const char* const function = "kerple_table_backward";
  auto& da = detail::written(grad_a.get());
  auto& dp = detail::written(grad_p.get());
  const A& a_of_heads = a.get();
  const P& p_of_heads = p.get();
  const Eigen::Index num_heads = a_of_heads.size();
  detail::require_kerple(function, a_of_heads, p_of_heads, kernel);
  detail::require(num_heads == grad_table.num_heads(), function, "a.size()", num_heads, "num_heads ",
                  grad_table.num_heads());
  detail::require_list_size(function, "grad_a", da, num_heads);
  detail::require_list_size(function, "grad_p", dp, num_heads);
  detail::require_target(function, "grad_a", da, dp, grad_table.values(), a_of_heads, p_of_heads);
  detail::require_target(function, "grad_p", dp, grad_table.values(), a_of_heads, p_of_heads);
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const double a_value = detail::number_at(a_of_heads, head);
    const double p_value = detail::number_at(p_of_heads, head);
    double sum_a = 0;
    double sum_p = 0;
    for (Eigen::Index d = grad_table.distances().first(); d <= grad_table.distances().last(); ++d) {
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
    detail::add_to_entry(da, head, sum_a);
    detail::add_to_entry(dp, head, sum_p);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto kerple_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write kerple_table_backward(KerpleA(grad_a), KerpleP(grad_p), grad_table, KerpleA(a), "
                "KerpleP(p), kernel): lists with one number for each head, the gradient of the table between them");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_KERPLE_HPP
