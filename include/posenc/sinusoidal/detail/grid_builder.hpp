// SPDX-License-Identifier: MIT
/// @file
/// Makes the lists of a SinusoidalGridEncoding pair by pair, for the presets.
#ifndef POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP
#define POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP

#include "posenc/detail/limits.hpp"
#include "posenc/sinusoidal/sinusoidal_grid_encoding.hpp"

#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Takes pairs one by one and keeps the lists of a SinusoidalGridEncoding.
class GridBuilder {
 public:
  void add(int axis, double frequency, Eigen::Index sine, Eigen::Index cosine) {
    axes_.push_back(axis);
    frequencies_.push_back(frequency);
    channels_.sine.push_back(sine);
    channels_.cosine.push_back(cosine);
  }
  /// Pairs of one axis: sines from `sine` on and cosines from `cosine` on, with a step of `step` channels.
  void add_axis(int axis, const Frequencies& frequencies, Eigen::Index sine, Eigen::Index cosine, Eigen::Index step) {
    for (Eigen::Index i = 0; i < frequencies.num_pairs(); ++i) {
      add(axis, frequencies.inv_freq()[i], sine + i * step, cosine + i * step);
    }
  }
  std::vector<Eigen::Index>& positions() { return channels_.position; }
  SinusoidalGridEncoding build(Eigen::Index width, int num_axes) {
    const auto size = static_cast<Eigen::Index>(axes_.size());
    Eigen::ArrayXd inv_freq(size);
    Eigen::ArrayXi axes(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      inv_freq[i] = frequencies_[static_cast<std::size_t>(i)];
      axes[i] = axes_[static_cast<std::size_t>(i)];
    }
    AxialFrequencies frequencies{Frequencies(inv_freq), AxisMap(axes, num_axes)};
    return SinusoidalGridEncoding(width, std::move(frequencies), std::move(channels_));
  }

 private:
  std::vector<int> axes_;
  std::vector<double> frequencies_;
  GridChannels channels_;
};

inline void require_grid_width(const char* function, const char* parameter, Eigen::Index width, Eigen::Index factor) {
  constexpr Eigen::Index limit = kMaxChannels;
  require(width > 0 && width % factor == 0 && width <= limit, function, parameter, width, "a multiple of ", factor,
          ", > 0 and at most ", limit);
}

/// base^(-m / count), m < count.
inline Frequencies ladder(Eigen::Index count, double base) { return spaced(count, base, static_cast<double>(count)); }

/// The quarters of a picture's channels that hold the sines and the cosines of an axis.
struct AxisQuarters {
  int axis;
  int sines;
  int cosines;
};

/// The encoding of a picture whose two axes have a quarter of the channels each for sines and for cosines.
inline SinusoidalGridEncoding encode_in_quarters(const char* function, Eigen::Index width, const char* base_name,
                                                 double base, const AxisQuarters& first, const AxisQuarters& second) {
  require_grid_width(function, "width", width, 4);
  require_base(function, base, base_name);
  const Eigen::Index quarter = width / 4;
  const Frequencies frequencies = ladder(quarter, base);
  GridBuilder builder;
  for (const AxisQuarters& of : {first, second}) {
    builder.add_axis(of.axis, frequencies, of.sines * quarter, of.cosines * quarter, 1);
  }
  return builder.build(width, 2);
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_GRID_BUILDER_HPP
