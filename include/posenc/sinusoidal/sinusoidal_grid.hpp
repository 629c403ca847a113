// SPDX-License-Identifier: MIT
/// @file
/// Sinusoids of tokens on several axes: pictures, videos, coordinates.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_GRID_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_GRID_HPP

#include "posenc/detail/axis_angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/axial_frequencies.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Where the sinusoids of several axes stand in a row. Every layout of the field is such a list; presets:: has them.
struct GridChannels {
  std::vector<Eigen::Index> sine;      ///< Channel of sin of pair j, -1: left out. One entry for each pair.
  std::vector<Eigen::Index> cosine;    ///< Channel of cos of pair j, -1: left out.
  std::vector<Eigen::Index> position;  ///< Channel of the position itself on axis a, -1: left out. Empty: none (NeRF).
};

/// A sinusoidal encoding of tokens on several axes: channel by channel, as the lists say,
///
///     sin(p w[j]),  cos(p w[j])  or  p        p = the token's position on the axis of pair j
///
/// Immutable; holds the lists, no table. Channels that no list names are 0.
class GridSinusoidal {
 public:
  /// @param width        Channels of a row, > 0.
  /// @param frequencies  One frequency and one axis for each pair.
  /// @param channels     Each channel of [0, width) named at most once.
  /// @throws std::invalid_argument  width <= 0; lists of other lengths; a channel named twice.
  /// @throws std::out_of_range      a channel that is neither -1 nor in [0, width).
  GridSinusoidal(Eigen::Index width, AxialFrequencies frequencies, GridChannels channels)
      : width_(width), frequencies_(std::move(frequencies)), channels_(std::move(channels)) {
    const char* const function = "GridSinusoidal";
    detail::require(width > 0 && width <= (Eigen::Index(1) << 24), function, "width", width,
                    "> 0 and at most 16777216");
    const Eigen::Index pairs = frequencies_.frequencies.num_pairs();
    detail::require(frequencies_.axes.num_pairs() == pairs, function, "frequencies.axes.num_pairs()",
                    frequencies_.axes.num_pairs(), "frequencies.frequencies.num_pairs() ", pairs);
    std::vector<bool> taken(static_cast<std::size_t>(width), false);
    const auto check = [&](const std::vector<Eigen::Index>& list, const char* name, Eigen::Index size) {
      detail::require(static_cast<Eigen::Index>(list.size()) == size, function, name, list.size(), size, " entries");
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == -1) continue;
        const std::string entry = detail::element(name, static_cast<Eigen::Index>(i));
        if (list[i] < 0 || list[i] >= width) {
          detail::refuse<std::out_of_range>(function, entry, list[i], "-1 or in [0, width ", width, ")");
        }
        if (taken[static_cast<std::size_t>(list[i])]) {
          detail::refuse<std::invalid_argument>(function, entry, list[i], "a channel that is named once");
        }
        taken[static_cast<std::size_t>(list[i])] = true;
      }
    };
    check(channels_.sine, "channels.sine", pairs);
    check(channels_.cosine, "channels.cosine", pairs);
    if (!channels_.position.empty()) check(channels_.position, "channels.position", frequencies_.axes.num_axes());
  }

  Eigen::Index width() const { return width_; }
  Eigen::Index num_axes() const { return frequencies_.axes.num_axes(); }
  const AxialFrequencies& frequencies() const { return frequencies_; }
  const GridChannels& channels() const { return channels_; }

 private:
  Eigen::Index width_;
  AxialFrequencies frequencies_;
  GridChannels channels_;
};

namespace detail {

template <typename Out, typename Positions>
void require_grid(const char* function, const char* columns, const Out& out, const GridSinusoidal& encoding,
                  const Eigen::DenseBase<Positions>& positions) {
  require_axis_positions(function, positions, encoding.num_axes());
  require(out.rows() == positions.rows(), function, "positions.rows()", positions.rows(), "the number of tokens ",
          out.rows());
  require(out.cols() == encoding.width(), function, columns, out.cols(), "encoding.width() ", encoding.width());
}

/// write(element, value) for every channel that the encoding names.
template <typename Out, typename Positions, typename Write>
void for_each_grid_channel(Out& out, const GridSinusoidal& encoding, const Positions& positions, Write write) {
  const GridChannels& channels = encoding.channels();
  for (std::size_t axis = 0; axis < channels.position.size(); ++axis) {
    if (channels.position[axis] < 0) continue;
    for (Eigen::Index row = 0; row < out.rows(); ++row) {
      write(out.coeffRef(row, channels.position[axis]),
            static_cast<double>(positions.coeff(row, static_cast<Eigen::Index>(axis))));
    }
  }
  const auto sink = [&](Eigen::Index row, const Eigen::Index* pairs, int count, const double* cosine,
                        const double* sine) {
    for (int i = 0; i < count; ++i) {
      const Eigen::Index s = channels.sine[static_cast<std::size_t>(pairs[i])];
      const Eigen::Index c = channels.cosine[static_cast<std::size_t>(pairs[i])];
      if (s >= 0) write(out.coeffRef(row, s), sine[i]);
      if (c >= 0) write(out.coeffRef(row, c), cosine[i]);
    }
  };
  const Frequencies& frequencies = encoding.frequencies().frequencies;
  for_each_axis_angle(frequencies, encoding.frequencies().axes, frequencies.magnitude(), false, positions, sink);
}

}  // namespace detail

/// Writes the encoding of tokens on several axes into `out`; channels that the encoding does not name get 0.
///
/// A class token in front has a row of its own, which the field sets to zero: out.row(0).setZero() and
/// encode_sinusoidal(out.bottomRows(n), ...).
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object.
/// @param encoding   Which sinusoid stands in which channel: presets::mae() and its neighbours.
/// @param positions  tokens x encoding.num_axes(), integers or real numbers: grid_positions() and its neighbours.
/// @throws std::invalid_argument  shapes that do not agree; a real position that is NaN or infinite. `out` is then
///                                unchanged.
/// Cost:     two multiply-adds and a scattered store for each value; no allocation.
/// Accuracy: as encode_sinusoidal() on one axis.
template <typename Out, typename Positions>
void encode_sinusoidal(Out&& out, const GridSinusoidal& encoding, const Eigen::DenseBase<Positions>& positions) {
  detail::require_written_through<Out>();
  auto& target = detail::writable(out);
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_grid("encode_sinusoidal", "out.cols()", target, encoding, positions);
  target.setZero();
  detail::for_each_grid_channel(target, encoding, positions.derived(),
                                [](Scalar& channel, double value) { channel = detail::convert<Scalar>(value); });
}

/// Adds the encoding of tokens on several axes to their embeddings, in place, each sum formed in double and rounded
/// once. Parameters, errors and cost are those of encode_sinusoidal(); channels that the encoding does not name stay.
template <typename X, typename Positions>
void add_sinusoidal(X&& x, const GridSinusoidal& encoding, const Eigen::DenseBase<Positions>& positions) {
  detail::require_written_through<X>();
  auto& target = detail::writable(x);
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, double>;
  detail::require_grid("add_sinusoidal", "x.cols()", target, encoding, positions);
  detail::for_each_grid_channel(target, encoding, positions.derived(), [](Scalar& channel, double value) {
    channel = detail::convert<Scalar>(Number(detail::convert<Number>(channel) + detail::convert<Number>(value)));
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_GRID_HPP
