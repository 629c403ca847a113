// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds sinusoids of tokens on several axes: pictures, videos, coordinates.
/// On a line: add_sinusoidal.hpp.
#ifndef POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP
#define POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP

#include "posenc/detail/axis_angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/sinusoidal/detail/explain_sinusoidal.hpp"
#include "posenc/sinusoidal/sinusoidal_grid_encoding.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename X, typename Encoding, typename Positions>
inline constexpr bool are_grid_arguments = is_dense<std::decay_t<X>>&& is_grid_encoding<Encoding>&& is_dense<Positions>;

template <typename X, typename Positions>
void require_grid(const char* function, const char* parameter, const X& x, const SinusoidalGridEncoding& encoding,
                  const Eigen::DenseBase<Positions>& positions) {
  require_data(function, "positions", positions);
  require_axis_positions(function, positions, encoding.num_axes());
  require_finite_axis_angles(function, encoding.frequencies().frequencies.fastest(), false, positions);
  require_width(function, parameter, x, "encoding.width()", encoding.width());
  require(x.rows() == positions.rows(), function, "positions.rows()", positions.rows(), parameter, ".rows() ",
          x.rows());
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
  require_disjoint(function, parameter, x, positions);
}

/// write(element, value) for every channel that the encoding names.
template <typename Out, typename Positions, typename Write>
void for_each_grid_channel(Out& out, const SinusoidalGridEncoding& encoding, const Positions& positions, Write write) {
  const GridChannels& channels = encoding.channels();
  for (std::size_t axis = 0; axis < channels.position.size(); ++axis) {
    if (channels.position[axis] < 0) continue;
    for (Eigen::Index row = 0; row < out.rows(); ++row) {
      write(out.coeffRef(row, channels.position[axis]),
            static_cast<double>(positions.coeff(row, static_cast<Eigen::Index>(axis))));
    }
  }
  const auto sink = [&](Eigen::Index row, const Eigen::Index* pairs, int count, const auto* cosine, const auto* sine) {
    for (int i = 0; i < count; ++i) {
      const Eigen::Index s = channels.sine[static_cast<std::size_t>(pairs[i])];
      const Eigen::Index c = channels.cosine[static_cast<std::size_t>(pairs[i])];
      if (s >= 0) write(out.coeffRef(row, s), static_cast<double>(sine[i]));
      if (c >= 0) write(out.coeffRef(row, c), static_cast<double>(cosine[i]));
    }
  };
  const Frequencies& frequencies = encoding.frequencies().frequencies;
  for_each_axis_angle(frequencies, encoding.frequencies().axes, frequencies.magnitude(), false, positions, sink);
}

}  // namespace detail

/// Writes the encoding of tokens on several axes into `out`; channels that the encoding does not name become 0.
///
/// A class token in front has a row of its own, which models set to zero: out.row(0).setZero() and
/// encode_sinusoidal(out.bottomRows(n), ...).
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object.
/// @param encoding   Which sinusoid each channel holds: presets::mae(width), presets::detr(num_pos_feats), ...
/// @param positions  tokens x encoding.num_axes(), integers or real numbers: grid_positions(),
///                   presets::detr_positions(), ..., or any matrix.
/// @throws std::invalid_argument  shapes that do not agree; a real position that is NaN or infinite; memory shared with
///                                the positions, or rows of `out` that lie in one another.
/// @throws std::out_of_range      an angle that is not finite. `out` is unchanged whenever one is thrown.
/// Cost:     that of encode_sinusoidal() on one axis, with scattered stores; no allocation (not measured: made once for
///           a size of picture).
/// Accuracy: as encode_sinusoidal() on one axis [sinusoidal][grid].
/// Matches:  see the presets.
template <typename Out, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_grid_arguments<Out, Encoding, Positions>, int> = 0>
void encode_sinusoidal(Out&& out, const Encoding& encoding, const Positions& positions) {
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_grid("encode_sinusoidal", "out", target, encoding, positions);
  target.setZero();
  detail::for_each_grid_channel(target, encoding, positions.derived(),
                                [](Scalar& channel, double value) { channel = detail::convert<Scalar>(value); });
}

/// Adds the encoding of tokens on several axes to their embeddings, in place, each sum formed in double and rounded
/// once; channels that the encoding does not name stay.
/// @param[in,out] x  tokens x encoding.width(). All else as in encode_sinusoidal() on several axes.
/// Cost:     as encode_sinusoidal(), and an addition for each value (not measured: made once for a size of picture).
/// Accuracy: one rounding of the sum [sinusoidal][grid].
template <typename X, typename Encoding, typename Positions,
          std::enable_if_t<detail::are_grid_arguments<X, Encoding, Positions>, int> = 0>
void add_sinusoidal(X&& x, const Encoding& encoding, const Positions& positions) {
  auto& target = detail::written(std::forward<X>(x));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, double>;
  detail::require_grid("add_sinusoidal", "x", target, encoding, positions);
  detail::for_each_grid_channel(target, encoding, positions.derived(), [](Scalar& channel, double value) {
    channel = detail::convert<Scalar>(Number(detail::convert<Number>(channel) + detail::convert<Number>(value)));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_GRID_SINUSOIDS_HPP
