// SPDX-License-Identifier: MIT
/// @file
/// SinusoidalGridEncoding: which sinusoid each channel of a row holds, for tokens on several axes.
#ifndef POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP
#define POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/frequency/axial_frequencies.hpp"

#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The channels of the sinusoids of several axes. Every layout of the field is such a list; presets:: has them.
struct GridChannels {
  std::vector<Eigen::Index> sine;      ///< Channel of sin of pair j, -1: left out. One entry for each pair.
  std::vector<Eigen::Index> cosine;    ///< Channel of cos of pair j, -1: left out.
  std::vector<Eigen::Index> position;  ///< Channel of the position itself on axis a, -1: left out. Empty: none (NeRF).
};

/// A sinusoidal encoding of tokens on several axes: channel by channel, as the lists say,
///
///     g sin(p w[j]),  g cos(p w[j])  or  p        p = the token's position on the axis of pair j
///
/// with g the magnitude of the frequencies, 1 in the presets. Channels that no list names are 0. Immutable; holds the
/// lists, no table.
class SinusoidalGridEncoding {
 public:
  /// @param width        Channels of a row, > 0.
  /// @param frequencies  One frequency and one axis for each pair.
  /// @param channels     Each channel of [0, width) named at most once.
  /// @throws std::invalid_argument  width <= 0; lists of other lengths; a channel that two entries name.
  /// @throws std::out_of_range      a channel that is neither -1 nor in [0, width).
  SinusoidalGridEncoding(detail::Size width, AxialFrequencies frequencies, GridChannels channels)
      : width_(width), frequencies_(std::move(frequencies)), channels_(std::move(channels)) {
    const char* const function = "SinusoidalGridEncoding";
    detail::require(width > 0 && width <= detail::kMaxChannels, function, "width", width, "> 0 and at most ",
                    detail::kMaxChannels);
    const Eigen::Index pairs = frequencies_.frequencies.num_pairs();
    detail::require(frequencies_.axes.num_pairs() == pairs, function, "frequencies.axes.num_pairs()",
                    frequencies_.axes.num_pairs(), "frequencies.frequencies.num_pairs() ", pairs);
    std::vector<int> taken(static_cast<std::size_t>(width), 0);
    const auto check = [&](const std::vector<Eigen::Index>& list, const char* name, Eigen::Index size) {
      detail::require(static_cast<Eigen::Index>(list.size()) == size, function, name, list.size(), size, " entries");
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == -1) continue;
        const std::string entry = detail::element(name, static_cast<Eigen::Index>(i));
        if (list[i] < 0 || list[i] >= width) {
          detail::refuse<std::out_of_range>(function, entry, list[i], "-1 or in [0, width ", width, ")");
        }
        if (taken[static_cast<std::size_t>(list[i])]++ > 0) {
          detail::refuse<std::invalid_argument>(function, entry, list[i], "a channel that is named once");
        }
      }
    };
    check(channels_.sine, "channels.sine", pairs);
    check(channels_.cosine, "channels.cosine", pairs);
    if (!channels_.position.empty()) check(channels_.position, "channels.position", frequencies_.axes.num_axes());
  }

  Eigen::Index width() const { return width_; }
  Eigen::Index num_axes() const { return frequencies_.axes.num_axes(); }
  const AxialFrequencies& frequencies() const& { return frequencies_; }
  const GridChannels& channels() const& { return channels_; }
  /// Of a temporary: the frequencies and the channels themselves.
  AxialFrequencies frequencies() && { return std::move(frequencies_); }
  GridChannels channels() && { return std::move(channels_); }

 private:
  Eigen::Index width_;
  AxialFrequencies frequencies_;
  GridChannels channels_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_SINUSOIDAL_GRID_ENCODING_HPP
