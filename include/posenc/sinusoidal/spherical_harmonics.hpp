// SPDX-License-Identifier: MIT
/// @file
/// Writes the real spherical harmonics of directions, and their gradient.
#ifndef POSENC_SINUSOIDAL_SPHERICAL_HARMONICS_HPP
#define POSENC_SINUSOIDAL_SPHERICAL_HARMONICS_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/sinusoidal/detail/harmonics.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The sign of spherical harmonics of odd order m, in which projects differ.
enum class HarmonicSign {
  positive,        ///< Without the factor (-1)^m: e3nn, physics of real orbitals.
  condon_shortley  ///< With it: tiny-cuda-nn, and the complex harmonics of SciPy.
};

namespace detail {

/// Whether these are the arguments of encode_spherical_harmonics(), in its order.
template <typename... Arguments>
inline constexpr bool takes_harmonics = false;
template <typename Out, typename Directions>
inline constexpr bool takes_harmonics<Out, Directions, HarmonicSign> = is_dense<Out>&& is_dense<Directions>;
template <typename Grad, typename GradOut, typename Directions>
inline constexpr bool takes_harmonics<Grad, GradOut, Directions, HarmonicSign> =
    is_dense<Grad>&& is_dense<GradOut>&& is_dense<Directions>;

}  // namespace detail

/// Writes the real spherical harmonics of each token's direction into `out`, the usual encoding of view directions and
/// of directions of chemical bonds.
///
///     channel l^2 + l + m:  N P(l, |m|)(z) sqrt(2) sin(|m| phi)      -l <= m < 0
///                           N P(l, 0)(z)                             m = 0
///                           N P(l, m)(z) sqrt(2) cos(m phi)          0 < m <= l
///
/// with P(l, m) the associated Legendre functions, whose factor (-1)^m `sign` decides, x + i y = |x + i y| e^(i phi),
/// directions scaled to length 1, and N such that the square of each harmonic has the integral 1 over the sphere.
///
///     l      0     1         2              ...
///     m      0   -1 0 1   -2 -1 0 1 2
///
/// @param[out] out    tokens x L^2: its width says how many degrees l = 0, ..., L - 1 there are, L in [1, 9].
/// @param directions  tokens x 3: x, y, z of any length > 0. tiny-cuda-nn takes (direction + 1) / 2 for the direction.
/// @param sign        The sign of harmonics of odd order m.
/// @throws std::invalid_argument  shapes that do not fit; a direction that is 0 or not finite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     about ten multiply-adds for each number; no allocation (bench_sinusoidal: spherical harmonics).
/// Accuracy: double |error| <= 2^-46, for harmonics of up to 2.4; float rounds that once more [sinusoidal][harmonics].
/// Source:   Condon and Shortley 1935, The Theory of Atomic Spectra; Mueller et al. 2022, arXiv:2201.05989.
/// Matches:  SphericalHarmonics of tiny-cuda-nn (condon_shortley, L its degree) on directions of length 1; e3nn's
///           spherical_harmonics with normalization="integral" (positive) on directions given as (z, x, y).
template <typename Out, typename Directions,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && detail::is_dense<Directions>, int> = 0>
void encode_spherical_harmonics(Out&& out, const Directions& directions, HarmonicSign sign) {
  const char* const function = "encode_spherical_harmonics";
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index degrees = detail::require_harmonics(function, "out", target, directions);
  detail::require_named(function, "sign", sign, HarmonicSign::condon_shortley);
  detail::require_no_self_overlap(function, "out", target);
  detail::require_disjoint(function, "out", target, directions);
  const auto& all = detail::evaluated(directions);
  for (Eigen::Index token = 0; token < all.rows(); ++token) {
    detail::for_each_harmonic(detail::unit_vector(all, token), degrees, sign == HarmonicSign::condon_shortley,
                              [&](Eigen::Index channel, double value, double, double, double) {
                                target.coeffRef(token, channel) = detail::convert<Scalar>(value);
                              });
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_harmonics<Arguments...>, int> = 0>
void encode_spherical_harmonics(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write encode_spherical_harmonics(out, directions, sign): out is tokens x L^2, directions tokens "
      "x 3, sign HarmonicSign::positive or condon_shortley, in which projects differ");
}

/// Adds the gradient of encode_spherical_harmonics() to that of its directions, the scaling to length 1 included.
///
/// @param[in,out] grad_directions  tokens x 3; added to.
/// @param grad_out                 tokens x L^2: dL/d(out).
/// @param directions, sign         As in the forward call.
/// @throws std::invalid_argument  as encode_spherical_harmonics(); nothing is then written.
/// Cost:     about 2 times that of encode_spherical_harmonics(); no allocation (bench_sinusoidal: spherical harmonics).
/// Accuracy: formed in double and rounded once, within the error of central differences [sinusoidal][harmonics].
/// Source:   the chain rule on encode_spherical_harmonics().
template <typename GradDirections, typename GradOut, typename Directions,
          std::enable_if_t<detail::is_dense<std::decay_t<GradDirections>> && detail::is_dense<GradOut> &&
                               detail::is_dense<Directions>,
                           int> = 0>
void spherical_harmonics_backward(GradDirections&& grad_directions, const GradOut& grad_out,
                                  const Directions& directions, HarmonicSign sign) {
  const char* const function = "spherical_harmonics_backward";
  auto& target = detail::written(std::forward<GradDirections>(grad_directions));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index degrees = detail::require_harmonics(function, "grad_out", grad_out, directions);
  detail::require_named(function, "sign", sign, HarmonicSign::condon_shortley);
  detail::require_shape(function, "grad_directions", target, directions.rows(), 3);
  detail::require_no_self_overlap(function, "grad_directions", target);
  detail::require_disjoint(function, "grad_directions", target, grad_out);
  detail::require_disjoint(function, "grad_directions", target, directions);
  const auto& grad = detail::evaluated(grad_out);
  const auto& all = detail::evaluated(directions);
  for (Eigen::Index token = 0; token < all.rows(); ++token) {
    const detail::UnitVector n = detail::unit_vector(all, token);
    double x = 0, y = 0, z = 0;
    detail::for_each_harmonic(n, degrees, sign == HarmonicSign::condon_shortley,
                              [&](Eigen::Index channel, double, double by_x, double by_y, double by_z) {
                                const double g = static_cast<double>(grad.coeff(token, channel));
                                x += g * by_x;
                                y += g * by_y;
                                z += g * by_z;
                              });
    const double along = x * n.x + y * n.y + z * n.z;
    const double on_sphere[3] = {x - along * n.x, y - along * n.y, z - along * n.z};
    for (Eigen::Index axis = 0; axis < 3; ++axis) {
      Scalar& to = target.coeffRef(token, axis);
      to = detail::convert<Scalar>(static_cast<double>(to) + on_sphere[axis] / n.length);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_harmonics<Arguments...>, int> = 0>
void spherical_harmonics_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write spherical_harmonics_backward(grad_directions, grad_out, directions, sign): grad_directions "
      "and directions are tokens x 3, grad_out tokens x L^2, sign that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SPHERICAL_HARMONICS_HPP
