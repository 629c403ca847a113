// SPDX-License-Identifier: MIT
/// @file
/// RmsNorm: the norm of queries and keys that apply_rope() takes along in the same pass.
#ifndef POSENC_ROPE_RMS_NORM_HPP
#define POSENC_ROPE_RMS_NORM_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/limits.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// What one root mean square is taken of.
enum class NormOver {
  head,  ///< Each head's head_dim channels, with the same weights in every head: Qwen3, Gemma 3, Llama 4.
  token  ///< All heads of a token together, with a weight for each channel of each head: OLMo 2, MiniMax-M2.
};

/// What the weights that a checkpoint stores multiply by.
enum class NormWeight {
  itself,   ///< w: Qwen3, OLMo 2.
  one_plus  ///< 1 + w: Gemma 3.
};

/// Whether the norm comes before the rotation or behind it.
enum class NormOrder {
  before_rotation,  ///< Qwen3, Gemma 3, OLMo 2.
  after_rotation    ///< Llama 4, which has no weights.
};

namespace detail {

/// Whether arguments are not those of RmsNorm, nor another RmsNorm.
template <typename... Given>
inline constexpr bool is_no_norm = sizeof...(Given) > 0;
template <typename Norm>
inline constexpr bool is_no_norm<Norm> = is_dense<Norm>;
template <typename Weight, typename Epsilon>
inline constexpr bool is_no_norm<Weight, Epsilon, NormOver, NormWeight, NormOrder> =
    !is_dense<Weight> || !std::is_arithmetic_v<Epsilon>;

}  // namespace detail

/// How queries or keys are normalized where they are rotated: apply_rope(q, table, layout, norm).
///
///     y[c] = x[c] w[c] / sqrt(mean of x^2 + eps)
///
/// with the mean over the channels of a head or of a token. It owns its weights, in float and in double; make it once
/// for a layer, or in each training step.
class RmsNorm {
 public:
  /// @param weight  A vector: head_dim numbers for NormOver::head, num_heads * head_dim for NormOver::token, the
  ///                channels of head 0 first; as the checkpoint stores them.
  /// @param eps     Added to the mean square: rms_norm_eps of the config, finite and >= 0.
  /// @param over    The channels of one mean.
  /// @param is      What the checkpoint's numbers mean: w itself, or 1 + w.
  /// @param order   Before the rotation, or behind it.
  /// @throws std::invalid_argument  an empty weight or one that is no vector; eps negative or not finite; an
  ///                                enumerator that is none.
  /// Cost: allocates 12 bytes for each weight.
  template <typename Derived>
  RmsNorm(const Eigen::DenseBase<Derived>& weight, double eps, NormOver over, NormWeight is, NormOrder order)
      : RmsNorm(eps, over, order, "RmsNorm") {
    using Scalar = typename Derived::Scalar;
    static_assert(!Eigen::NumTraits<Scalar>::IsInteger && !Eigen::NumTraits<Scalar>::IsComplex,
                  "posenc: the weights of a norm are real numbers");
    detail::require_named("RmsNorm", "is", is, NormWeight::one_plus);
    const Eigen::Index size = weight.size();
    detail::require(size > 0, "RmsNorm", "weight.size()", size, "> 0 (no weights: RmsNorm::without_weight())");
    detail::require(weight.rows() == 1 || weight.cols() == 1, "RmsNorm", "weight.rows()", weight.rows(),
                    "1, or weight.cols() be 1");
    detail::require_data("RmsNorm", "weight", weight);
    const auto& numbers = detail::evaluated(weight);
    doubles_.resize(size);
    floats_.resize(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      const double w = static_cast<double>(weight.rows() == 1 ? numbers.coeff(0, i) : numbers.coeff(i, 0));
      doubles_[i] = is == NormWeight::one_plus ? 1 + w : w;
      floats_[i] = static_cast<float>(doubles_[i]);
    }
  }

  /// Says what the arguments are.
  template <typename... Given, std::enable_if_t<detail::is_no_norm<Given...>, int> = 0>
  explicit RmsNorm(const Given&...) : eps_(0), over_(NormOver::head), order_(NormOrder::before_rotation) {
    static_assert(detail::kMisuse<Given...>,
                  "posenc: write RmsNorm(weight, eps, NormOver::head, NormWeight::itself, NormOrder::before_rotation), "
                  "or the others of these that the model has: the weights as an Eigen vector, then rms_norm_eps of the "
                  "config; without weights RmsNorm::without_weight(eps, over, order)");
  }

  /// A norm whose weights are all 1, as that of Llama 4.
  /// @param eps  As above.
  /// @throws std::invalid_argument  eps negative or not finite; an enumerator that is none.
  static RmsNorm without_weight(double eps, NormOver over, NormOrder order) {
    return RmsNorm(eps, over, order, "RmsNorm::without_weight");
  }

  double eps() const { return eps_; }
  NormOver over() const { return over_; }
  NormOrder order() const { return order_; }
  /// What channels are multiplied by: with NormWeight::one_plus, 1 + w. Empty where the norm has no weights.
  const Eigen::ArrayXd& factors() const { return doubles_; }
  /// The same, rounded to float.
  const Eigen::ArrayXf& float_factors() const { return floats_; }

 private:
  RmsNorm(double eps, NormOver over, NormOrder order, const char* function) : eps_(eps), over_(over), order_(order) {
    detail::require(detail::is_finite(eps) && eps >= 0, function, "eps", eps, "finite and >= 0");
    detail::require_named(function, "over", over, NormOver::token);
    detail::require_named(function, "order", order, NormOrder::after_rotation);
  }

  Eigen::ArrayXd doubles_;
  Eigen::ArrayXf floats_;
  double eps_;
  NormOver over_;
  NormOrder order_;
};

namespace detail {

template <typename T>
inline constexpr bool is_norm = std::is_same_v<T, RmsNorm>;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_RMS_NORM_HPP
