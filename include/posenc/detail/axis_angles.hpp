// SPDX-License-Identifier: MIT
/// @file
/// for_each_angle() for pairs on several axes.
#ifndef POSENC_DETAIL_AXIS_ANGLES_HPP
#define POSENC_DETAIL_AXIS_ANGLES_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <algorithm>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Row i is at positions(i, axis). Same meaning of integers and real numbers as ListPositions.
template <typename Derived>
class AxisPositions {
 public:
  using Position = PositionOf<typename Derived::Scalar>;

  AxisPositions(const Derived& positions, Eigen::Index axis) : positions_(positions), axis_(axis) {}
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return static_cast<Position>(positions_.coeff(i, axis_)); }

 private:
  const Derived& positions_;
  Eigen::Index axis_;
};

/// Positions of tokens on several axes: tokens x num_axes, every one of them a position.
template <typename Derived>
void require_axis_positions(const char* function, const Eigen::DenseBase<Derived>& positions, Eigen::Index num_axes) {
  may_be_positions<typename Derived::Scalar>();
  require(positions.cols() == num_axes, function, "positions.cols()", positions.cols(), "the number of axes ",
          num_axes);
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    for (Eigen::Index axis = 0; axis < num_axes; ++axis) {
      const auto position = positions.derived().coeff(i, axis);
      if (is_position(position)) continue;
      require_position(function, "positions(" + std::to_string(i) + ", " + std::to_string(axis) + ")", position);
    }
  }
}

/// require_finite_angles() for positions on several axes.
template <typename Derived>
void require_finite_axis_angles(const char* function, double fastest, bool float32,
                                const Eigen::DenseBase<Derived>& positions) {
  constexpr bool integers = Eigen::NumTraits<typename Derived::Scalar>::IsInteger;
  if (integers && has_finite_angle(fastest, float32, static_cast<double>(kMaxPosition))) return;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    for (Eigen::Index axis = 0; axis < positions.cols(); ++axis) {
      const double position = static_cast<double>(positions.derived().coeff(i, axis));
      if (has_finite_angle(fastest, float32, position)) continue;
      refuse<std::out_of_range>(function, "positions(" + std::to_string(i) + ", " + std::to_string(axis) + ")",
                                position, "such that position * frequency is finite (the largest frequency is ",
                                fastest, ")");
    }
  }
}

/// Calls sink(row, pairs, count, cosines, sines) for all rows and pairs, up to kAngleBlock pairs of one axis at a time:
/// entry i < count is pair pairs[i]. Each pair gets the bits that for_each_angle() gives it on its axis alone.
template <typename Frequencies, typename AxisMap, typename Derived, typename Sink>
void for_each_axis_angle(const Frequencies& frequencies, const AxisMap& axes, double magnitude, bool float32,
                         const Derived& positions, Sink&& sink) {
  const Eigen::ArrayXd& inv_freq = frequencies.inv_freq();
  alignas(64) double frequency[kAngleChunk];
  Eigen::Index pairs[kAngleChunk];
  for (int axis = 0; axis < axes.num_axes(); ++axis) {
    Eigen::Index next = 0;
    while (next < inv_freq.size()) {
      int count = 0;
      for (; next < inv_freq.size() && count < kAngleChunk; ++next) {
        if (axes.axis_of_pair()[next] != axis) continue;
        frequency[count] = inv_freq[next];
        pairs[count++] = next;
      }
      if (count == 0) break;
      std::fill(frequency + count, frequency + kAngleChunk, 0.0);
      const AxisPositions<Derived> on_axis(positions, axis);
      const auto chunk_sink = [&](Eigen::Index row, Eigen::Index first, int n, const auto* cosine, const auto* sine) {
        sink(row, pairs + first, n, cosine, sine);
      };
      if (float32) {
        for_each_float32_angle(frequency, count, magnitude, on_axis, chunk_sink);
      } else {
        for_each_angle_of_chunk(frequency, count, frequencies.fastest(), magnitude, on_axis, chunk_sink);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_AXIS_ANGLES_HPP
