// SPDX-License-Identifier: MIT
/// @file
/// Writes the initial values of a trained table: seeded, and the same bits on every platform.
///
/// Value k of the seed's sequence goes to row k / width, column k % width, whatever the storage order. Each takes one
/// output of std::mt19937_64, which the standard fixes bit by bit. The distributions are posenc's own and call no
/// function of libm, whose last bit depends on the platform. All values are formed in double and rounded once.
/// -ffast-math voids the promise.
#ifndef POSENC_LEARNABLE_FILL_HPP
#define POSENC_LEARNABLE_FILL_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/learnable/detail/draw.hpp"
#include "posenc/learnable/initializers.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/positions/seed.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Derived, typename Next>
void fill_rows(Derived& values, Next&& next) {
  for (Eigen::Index row = 0; row < values.rows(); ++row) {
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      values.coeffRef(row, i) = convert<typename Derived::Scalar>(next());
    }
  }
}

template <typename Derived>
void fill_sinusoidal(Derived& values, const SinusoidalRows& rule) {
  using Scalar = typename Derived::Scalar;
  const Frequencies& frequencies = rule.frequencies();
  const Eigen::Index pairs = frequencies.num_pairs();
  require(values.cols() == 2 * pairs, "fill", "values.cols()", values.cols(), "2 * rule.frequencies().num_pairs() ",
          2 * pairs);
  const RangePositions positions(PositionRange(0, values.rows()));
  require_finite_angles("fill", frequencies.fastest(), false, positions, "rows");
  const SinusoidColumns columns(rule.order(), pairs, pairs);
  for_each_angle(frequencies, frequencies.magnitude(), positions,
                 [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
                   for (int i = 0; i < count; ++i) {
                     values.coeffRef(row, columns.sine(pair + i)) = convert<Scalar>(sine[i]);
                     values.coeffRef(row, columns.cosine(pair + i)) = convert<Scalar>(cosine[i]);
                   }
                 });
}

template <typename Rule>
inline constexpr bool is_seedless_rule = std::is_same_v<Rule, Zeros> || std::is_same_v<Rule, SinusoidalRows>;

template <typename Values, typename... More>
constexpr bool explain_fill() {
  constexpr bool random = (is_random_rule<More> || ...);
  constexpr bool seedless = (is_seedless_rule<More> || ...);
  static_assert(is_dense<Values> || !(random || seedless),
                "posenc: values must be an Eigen object: write table.values() for a LearnedTable");
  static_assert(!is_dense<Values> || !random || sizeof...(More) != 1,
                "posenc: a random rule needs a seed: write fill(values, rule, Seed(number))");
  static_assert(!is_dense<Values> || !random || sizeof...(More) == 1,
                "posenc: write fill(values, rule, Seed(number)), in that order and with a whole number as the seed");
  static_assert(!is_dense<Values> || !seedless, "posenc: this rule takes no seed: write fill(values, rule)");
  static_assert(
      random || seedless,
      "posenc: fill takes values and a rule: Normal(stddev), TruncatedNormal(stddev, low, high), Uniform(low, "
      "high), XavierUniform(), XavierNormal(), each with a seed, or Zeros(), SinusoidalRows(...)");
  return true;
}

}  // namespace detail

/// Fills a matrix with random numbers of a rule: fill(table.values(), Normal(0.02), Seed(7)).
///
/// @param[out] values  rows x width: any writable dense Eigen object, such as LearnedTable::values().
/// @param rule         Normal, TruncatedNormal, Uniform, XavierUniform or XavierNormal.
/// @param seed         Seed(number) of std::mt19937_64. The same seed gives the same bits on every platform.
/// @throws std::invalid_argument  rows of `values` that lie in one another; nothing is written then.
/// Cost:     one number of std::mt19937_64 and, for normal ones, a rational function for each value (no bench case:
///           done once for a model).
/// Accuracy: normal quantiles to 2e-15 relative [learnable][initialize].
/// Source:   Wichura 1988, Applied Statistics 37(3), AS 241, for normal numbers; otherwise see the rules.
/// Matches:  the initializers that the rules name, in distribution.
template <typename Values, typename Rule, typename SeedOfRule,
          std::enable_if_t<detail::is_dense<std::decay_t<Values>> && detail::is_random_rule<Rule> &&
                               std::is_same_v<SeedOfRule, Seed>,
                           int> = 0>
void fill(Values&& values, const Rule& rule, const SeedOfRule& seed) {
  auto& target = detail::written(std::forward<Values>(values));
  detail::require_data("fill", "values", target);
  detail::require_no_self_overlap("fill", "values", target);
  detail::fill_rows(target, detail::draw(rule, target.rows(), target.cols(), static_cast<std::uint64_t>(seed.value())));
}

/// @overload
/// Fills a matrix by a rule without random numbers: Zeros() or SinusoidalRows(frequencies, order).
///
/// @throws std::invalid_argument  as above; SinusoidalRows: a width other than 2 frequencies.num_pairs().
/// @throws std::out_of_range      SinusoidalRows: an angle that is not finite. `values` is unchanged whenever one is
///                                thrown.
/// Accuracy: SinusoidalRows: what encode_sinusoidal() writes, bit for bit [learnable][initialize]. The frequencies come
///           from std::pow, whose last bit depends on the platform.
template <typename Values, typename Rule,
          std::enable_if_t<detail::is_dense<std::decay_t<Values>> && detail::is_seedless_rule<Rule>, int> = 0>
void fill(Values&& values, const Rule& rule) {
  auto& target = detail::written(std::forward<Values>(values));
  detail::require_data("fill", "values", target);
  detail::require_no_self_overlap("fill", "values", target);
  if constexpr (std::is_same_v<Rule, Zeros>) {
    detail::fill_rows(target, [] { return 0.0; });
  } else {
    detail::fill_sinusoidal(target, rule);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename Values, typename... More>
void fill(const Values&, const More&...) {
  static_assert(detail::explain_fill<Values, More...>());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_FILL_HPP
