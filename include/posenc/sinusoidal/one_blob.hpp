// SPDX-License-Identifier: MIT
/// @file
/// The one-blob encoding of coordinates: a one-hot code whose one is a soft blob over neighboring bins.
#ifndef POSENC_SINUSOIDAL_ONE_BLOB_HPP
#define POSENC_SINUSOIDAL_ONE_BLOB_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/detail/scalar.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// What happens to the part of a blob that lies beyond 0 or 1.
enum class BlobEdges {
  wrap,  ///< It comes in at the other end, as in tiny-cuda-nn.
  cut    ///< It is lost.
};

namespace detail {

/// The share of a blob that lies below u, in bins from its center: the integral of 15/16 (1 - v^2)^2 from -1 to u.
inline double blob_below(double u) {
  const double within = (std::min)((std::max)(u, -1.0), 1.0);
  const double square = within * within;
  return 0.5 + within * (15 - square * (10 - 3 * square)) / 16;  // exactly 0 and 1 at the ends
}

/// The height of a blob at u bins from its center.
inline double blob_height(double u) {
  const double inside = (std::max)(1 - u * u, 0.0);
  return 0.9375 * inside * inside;
}

/// Checks shapes and edges, and returns the number of bins of a coordinate.
template <typename Features, typename Coordinates>
Eigen::Index require_blobs(const char* function, const char* name, const Features& features,
                           const Eigen::DenseBase<Coordinates>& coordinates, BlobEdges edges) {
  static_assert(is_storage<typename Coordinates::Scalar>,
                "posenc: coordinates are float, double, Eigen::half or Eigen::bfloat16");
  const std::string text = name;
  require(coordinates.cols() > 0, function, "coordinates.cols()", coordinates.cols(), "> 0");
  if (features.cols() == 0 || features.cols() % coordinates.cols() != 0) {
    refuse<std::invalid_argument>(function, text + ".cols()", features.cols(),
                                  "a positive multiple of coordinates.cols() ", coordinates.cols());
  }
  if (features.rows() != coordinates.rows()) {
    refuse<std::invalid_argument>(function, text + ".rows()", features.rows(), "coordinates.rows() ",
                                  coordinates.rows());
  }
  require_data(function, name, features);
  require_data(function, "coordinates", coordinates);
  require_named(function, "edges", edges, BlobEdges::cut);
  return features.cols() / coordinates.cols();
}

/// visit(bin, u) for each bin that a blob reaches, of up to three: the bin begins u bins above the center.
template <typename Visit>
void for_each_blob_bin(double x, Eigen::Index bins, BlobEdges edges, const Visit& visit) {
  const double count = static_cast<double>(bins);
  const double center = (edges == BlobEdges::wrap ? x - std::floor(x) : x) * count;
  if (!(center > -1 && center < count + 1)) return;
  const double middle = std::floor(center);
  for (int step = -1; step <= 1; ++step) {
    Eigen::Index bin = static_cast<Eigen::Index>(middle) + step;
    const double u = middle + step - center;
    if (edges == BlobEdges::wrap) bin = (bin + bins) % bins;
    if (bin >= 0 && bin < bins) visit(bin, u);
  }
}

/// Whether these are the arguments of encode_one_blob().
template <typename... Arguments>
inline constexpr bool takes_blobs = false;
template <typename Out, typename Coordinates>
inline constexpr bool takes_blobs<Out, Coordinates, BlobEdges> = is_dense<Out>&& is_dense<Coordinates>;

/// Whether these are the arguments of one_blob_backward().
template <typename... Arguments>
inline constexpr bool takes_blob_gradient = false;
template <typename Grad, typename GradOut, typename Coordinates>
inline constexpr bool takes_blob_gradient<Grad, GradOut, Coordinates, BlobEdges> =
    is_dense<Grad>&& is_dense<GradOut>&& is_dense<Coordinates>;

}  // namespace detail

/// Writes the one-blob encoding of each token's coordinates into `out`: n bins for each coordinate, in which a blob of
/// two bins' width around the coordinate lies.
///
///     out[t, m n + k] = K((k + 1) - n x[t, m]) - K(k - n x[t, m])           k < n
///     K(u) = 1/2 + 15/16 (u - 2/3 u^3 + 1/5 u^5), 0 below u = -1 and 1 above u = 1
///
/// The numbers of a coordinate in [0, 1] add up to 1 where edges wrap.
/// @param[out] out     tokens x M n: any writable dense Eigen object, row- or column-major.
/// @param coordinates  tokens x M, usually in [0, 1]: float, double or a half type. NaN and infinity give NaN.
/// @param edges        What happens to the part of a blob beyond 0 or 1. It has no default, because projects differ.
/// @throws std::invalid_argument  shapes that do not fit; edges that BlobEdges does not name; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     a store for each number, and some 30 multiply-adds for each coordinate; no allocation (bench_sinusoidal:
///           one-blob).
/// Accuracy: double |error| <= 2^-50 + n |x| 2^-51, with 1 for |x| where a coordinate below 0 wraps; float rounds that
///           once more, for n < 3 up to three times [sinusoidal][one_blob].
/// Source:   Mueller et al. 2019, arXiv:1808.03856 (with a Gaussian blob).
/// Matches:  OneBlob of tiny-cuda-nn, with wrap, for coordinates in [0, 1] and a power of two bins.
template <typename Out, typename Coordinates,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && detail::is_dense<Coordinates>, int> = 0>
void encode_one_blob(Out&& out, const Coordinates& coordinates, BlobEdges edges) {
  const char* const function = "encode_one_blob";
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index bins = detail::require_blobs(function, "out", target, coordinates, edges);
  detail::require_no_self_overlap(function, "out", target);
  detail::require_disjoint(function, "out", target, coordinates);
  const auto& all = detail::evaluated(coordinates);
  for (Eigen::Index token = 0; token < all.rows(); ++token) {
    for (Eigen::Index m = 0; m < all.cols(); ++m) {
      const double x = static_cast<double>(all.coeff(token, m));
      const double start = detail::is_finite(x) ? 0.0 : x - x;  // NaN
      for (Eigen::Index k = 0; k < bins; ++k) target.coeffRef(token, m * bins + k) = detail::convert<Scalar>(start);
      detail::for_each_blob_bin(x, bins, edges, [&](Eigen::Index bin, double u) {
        Scalar& share = target.coeffRef(token, m * bins + bin);
        const double value = detail::blob_below(u + 1) - detail::blob_below(u);
        share = detail::convert<Scalar>(static_cast<double>(share) + value);
      });
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_blobs<Arguments...>, int> = 0>
void encode_one_blob(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write encode_one_blob(out, coordinates, edges): out is tokens x (axes * bins), coordinates "
                "tokens x axes, edges BlobEdges::wrap, as tiny-cuda-nn has it, or cut");
}

/// Adds the gradient of encode_one_blob() to that of its coordinates. With k(u) = 15/16 (1 - u^2)^2 within (-1, 1),
///
///     grad_coordinates[t, m] += n sum over k of grad_out[t, m n + k] (k(k - n x[t, m]) - k((k + 1) - n x[t, m]))
///
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param grad_out                  tokens x M n: dL/d(out).
/// @param coordinates, edges        As in the forward call.
/// @throws std::invalid_argument  as encode_one_blob(); nothing is then written.
/// Cost:     some 30 multiply-adds for each coordinate; no allocation (bench_sinusoidal: one-blob).
/// Accuracy: formed in double and rounded once, within the error of central differences [sinusoidal][one_blob].
/// Source:   the chain rule on encode_one_blob().
template <typename GradCoordinates, typename GradOut, typename Coordinates,
          std::enable_if_t<detail::is_dense<std::decay_t<GradCoordinates>> && detail::is_dense<GradOut> &&
                               detail::is_dense<Coordinates>,
                           int> = 0>
void one_blob_backward(GradCoordinates&& grad_coordinates, const GradOut& grad_out, const Coordinates& coordinates,
                       BlobEdges edges) {
  const char* const function = "one_blob_backward";
  auto& target = detail::written(std::forward<GradCoordinates>(grad_coordinates));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index bins = detail::require_blobs(function, "grad_out", grad_out, coordinates, edges);
  detail::require_shape(function, "grad_coordinates", target, coordinates.rows(), coordinates.cols());
  detail::require_no_self_overlap(function, "grad_coordinates", target);
  detail::require_disjoint(function, "grad_coordinates", target, grad_out);
  detail::require_disjoint(function, "grad_coordinates", target, coordinates);
  const auto& grad = detail::evaluated(grad_out);
  const auto& all = detail::evaluated(coordinates);
  for (Eigen::Index token = 0; token < all.rows(); ++token) {
    for (Eigen::Index m = 0; m < all.cols(); ++m) {
      const double x = static_cast<double>(all.coeff(token, m));
      double sum = detail::is_finite(x) ? 0.0 : x - x;
      detail::for_each_blob_bin(x, bins, edges, [&](Eigen::Index bin, double u) {
        const double by_center = detail::blob_height(u) - detail::blob_height(u + 1);
        sum += static_cast<double>(grad.coeff(token, m * bins + bin)) * by_center;
      });
      Scalar& to = target.coeffRef(token, m);
      to = detail::convert<Scalar>(static_cast<double>(to) + static_cast<double>(bins) * sum);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_blob_gradient<Arguments...>, int> = 0>
void one_blob_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write one_blob_backward(grad_coordinates, grad_out, coordinates, edges): grad_coordinates and "
                "coordinates are tokens x axes, grad_out tokens x (axes * bins), edges those of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ONE_BLOB_HPP
