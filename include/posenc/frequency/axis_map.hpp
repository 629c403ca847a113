// SPDX-License-Identifier: MIT
/// @file
/// AxisMap: which of a token's several positions drives which pair.
#ifndef POSENC_FREQUENCY_AXIS_MAP_HPP
#define POSENC_FREQUENCY_AXIS_MAP_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_list.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The axis of each pair, for tokens that have a position on each of several axes (time, height, width).
///
///     angle of pair j of a token at positions p[0 ... num_axes):  p[axis_of_pair[j]] inv_freq[j]
///
/// Every RoPE of several axes is such a list; the functions below make those in use. A pair keeps its own frequency.
/// Which axis drives a pair is independent of how channels pair up (RopeLayout), although the word "interleaved" is
/// used for both.
class AxisMap {
 public:
  /// @param axis_of_pair  num_pairs integers, >= 0 and < num_axes: an Eigen vector or a contiguous range.
  /// @param num_axes      Positions of a token, > 0 and at most 2^23.
  /// @throws std::invalid_argument  an empty list, or num_axes outside of that.
  /// @throws std::out_of_range      an entry that is no axis.
  template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
  AxisMap(const List& axis_of_pair, detail::Size num_axes)
      : axes_(detail::copied_list<int>(axis_of_pair)), num_axes_(num_axes) {
    static_assert(Eigen::NumTraits<detail::ListScalar<List>>::IsInteger, "posenc: axes are numbered by integers");
    detail::require_num_pairs("AxisMap", axes_.size());
    constexpr Eigen::Index limit = detail::kMaxPairs;
    detail::require(num_axes > 0 && num_axes <= limit, "AxisMap", "num_axes", num_axes, "> 0 and at most ", limit);
    const auto& given = detail::as_list(axis_of_pair);
    const auto& values = detail::evaluated(given);
    for (Eigen::Index i = 0; i < axes_.size(); ++i) {
      const auto axis = values.coeff(i % values.rows(), i / values.rows());
      // Unsigned: a negative number is far too large, and so is one that int does not hold.
      if (static_cast<std::uint64_t>(axis) >= static_cast<std::uint64_t>(num_axes_)) {
        detail::refuse<std::out_of_range>("AxisMap", detail::element("axis_of_pair", i), axis, "in [0, num_axes ",
                                          num_axes, ")");
      }
    }
    id_ = detail::mix_id(id_, static_cast<std::uint64_t>(num_axes_));
    for (const int axis : axes_) id_ = detail::mix_id(id_, static_cast<std::uint64_t>(axis));
  }

  Eigen::Index num_pairs() const { return axes_.size(); }
  /// Positions of a token. Some may drive no pair.
  Eigen::Index num_axes() const { return num_axes_; }
  /// The axis of each pair.
  const Eigen::ArrayXi& axis_of_pair() const& { return axes_; }
  /// Of a temporary: the list itself.
  Eigen::ArrayXi axis_of_pair() && { return std::move(axes_); }
  /// The id() of an exact table that is made of these frequencies on these axes, with one set of angles for all heads.
  std::uint64_t id(const Frequencies& frequencies) const { return detail::mix_id(frequencies.id(), id_); }
  /// Number of pairs that `axis` drives.
  Eigen::Index count(detail::Size axis) const {
    return static_cast<Eigen::Index>(
        std::count_if(axes_.begin(), axes_.end(), [&](Eigen::Index of_pair) { return of_pair == axis; }));
  }

  friend bool operator==(const AxisMap& a, const AxisMap& b) {
    return a.num_axes_ == b.num_axes_ && std::equal(a.axes_.begin(), a.axes_.end(), b.axes_.begin(), b.axes_.end());
  }
  friend bool operator!=(const AxisMap& a, const AxisMap& b) { return !(a == b); }

 private:
  Eigen::ArrayXi axes_;
  Eigen::Index num_axes_;
  std::uint64_t id_ = 0;  // of the list, formed once: it takes as long as a row of a table
};

namespace detail {

/// Returns the number of pairs that `sections` cover. Refuses a negative one, only zeros, and a sum beyond the limit.
inline Eigen::Index require_sections(const char* function, const std::vector<int>& sections,
                                     const char* parameter = "mrope_section") {
  std::int64_t pairs = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i] < 0) {
      refuse<std::invalid_argument>(function, element(parameter, static_cast<Eigen::Index>(i)), sections[i], ">= 0");
    }
    pairs += sections[i];
  }
  if (pairs <= 0 || pairs > kMaxPairs) {
    refuse<std::invalid_argument>(function, std::string("sum of ") + parameter, pairs, "> 0 and at most ", kMaxPairs);
  }
  return static_cast<Eigen::Index>(pairs);
}

/// contiguous_axes() for a function whose user names the sections `parameter`.
inline AxisMap contiguous_axes_of(const char* function, const char* parameter, const std::vector<int>& sections) {
  Eigen::ArrayXi axes(require_sections(function, sections, parameter));
  Eigen::Index pair = 0;
  for (std::size_t axis = 0; axis < sections.size(); ++axis) {
    for (int i = 0; i < sections[axis]; ++i) axes[pair++] = static_cast<int>(axis);
  }
  return AxisMap(axes, static_cast<Eigen::Index>(sections.size()));
}

inline void require_section_count(const char* function, const std::vector<int>& sections, std::size_t least,
                                  std::size_t most) {
  require(sections.size() >= least && sections.size() <= most, function, "mrope_section.size()", sections.size(),
          least == most ? "" : "from ", least == most ? "" : std::to_string(least) + " to ", most);
}

/// Axis 0 for each of num_pairs pairs.
inline Eigen::ArrayXi axis_zero(Eigen::Index num_pairs) {
  Eigen::ArrayXi axes(num_pairs);
  std::fill(axes.begin(), axes.end(), 0);
  return axes;
}

/// The axis of each of num_pairs pairs: t h w t h w ..., as long as there are pairs of h and w; the rest is t.
inline AxisMap axes_in_turn(const std::vector<int>& sections, Eigen::Index num_pairs) {
  Eigen::ArrayXi axes = axis_zero(num_pairs);
  for (int axis = 1; axis < 3; ++axis) {
    const Eigen::Index end = (std::min)(Eigen::Index(3) * sections[static_cast<std::size_t>(axis)], num_pairs);
    for (Eigen::Index pair = axis; pair < end; pair += 3) axes[pair] = axis;
  }
  return AxisMap(axes, 3);
}

}  // namespace detail

/// All pairs of one axis, then all of the next: {16, 24, 24} is 16 pairs of axis 0, 24 of axis 1, then 24 of axis 2.
///
///     {2, 3, 3}:  t t h h h w w w
///
/// @param mrope_section  Pairs of each axis, >= 0, not all zero, at most 2^23 in all; any number of axes.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  M-RoPE of Qwen2-VL and Qwen2.5-VL (t, h, w), ggml MROPE; XD-RoPE of HunYuan-VL (p, w, h, t) in ggml. For
///           pictures, transformers gives the two channels of a pair of HunYuan-VL different axes, which is no rotation.
inline AxisMap contiguous_axes(const std::vector<int>& mrope_section) {
  return detail::contiguous_axes_of("contiguous_axes", "mrope_section", mrope_section);
}

/// The axes in turn, t h w t h w ..., as long as there are pairs of h and w; the rest is t.
///
///     {4, 3, 3}:  t h w t h w t h w t
///
/// Pair j is axis a = 1, 2 where j mod 3 = a and j < 3 mrope_section[a], else axis 0. {24, 20, 20} is 20 times "thw"
/// and "tttt", which ggml's IMROPE drives by a fourth position in pairs 61 and 62; {11, 11, 10} is 10 times "thw",
/// "th".
/// @param mrope_section  Pairs of t, h, w, >= 0.
/// @throws std::invalid_argument  not three sections; sections that this order cannot give.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  `mrope_interleaved` of Qwen3-VL and Qwen3.5.
inline AxisMap interleaved_axes(const std::vector<int>& mrope_section) {
  const char* const function = "interleaved_axes";
  detail::require_section_count(function, mrope_section, 3, 3);
  AxisMap map = detail::axes_in_turn(mrope_section, detail::require_sections(function, mrope_section));
  for (int axis = 0; axis < 3; ++axis) {
    if (map.count(axis) != mrope_section[static_cast<std::size_t>(axis)]) {
      detail::refuse<std::invalid_argument>(function, detail::element("mrope_section", axis),
                                            mrope_section[static_cast<std::size_t>(axis)], map.count(axis),
                                            " to fit the order t h w t h w ...");
    }
  }
  return map;
}

/// Height and width in turn, then time: h w h w ... t t t. Axes are numbered t = 0, h = 1, w = 2, as in every map.
///
///     {3, 3, 2}:  h w h w h w t t
///
/// @param mrope_section  Pairs of h, w, t in this order, as the config has them: {22, 22, 20}. h and w must be equal.
/// @throws std::invalid_argument  not three sections; h and w differ; one is negative.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  ERNIE-4.5-VL.
inline AxisMap height_width_time_axes(const std::vector<int>& mrope_section) {
  const char* const function = "height_width_time_axes";
  detail::require_section_count(function, mrope_section, 3, 3);
  Eigen::ArrayXi axes = detail::axis_zero(detail::require_sections(function, mrope_section));
  detail::require(mrope_section[0] == mrope_section[1], function, "mrope_section[1]", mrope_section[1],
                  "mrope_section[0] ", mrope_section[0]);
  for (Eigen::Index pair = 0; pair < 2 * mrope_section[0]; ++pair) axes[pair] = pair % 2 == 0 ? 1 : 2;
  return AxisMap(axes, 3);
}

/// Each next pair goes to the axis that has so far received the smallest share of its pairs, placed / section.
///
///     {2, 3, 3}:  0 1 2 1 2 1 2 0
///
/// Two neighboring pairs have different axes as long as another axis has pairs left. Among axes with equal shares the
/// lowest is taken. With three sections, one pair of axis 0 is kept for the end.
/// @param mrope_section  Pairs of each axis, >= 0; two sections (h, w) or three (t, h, w), the first of three > 0.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one allocation; made once for a model, so that there is no bench case.
/// Accuracy: exact [frequency][axes].
/// Matches:  MRotaryEmbeddingInterleaved of vLLM (openPangu-VL).
inline AxisMap rarest_first_axes(const std::vector<int>& mrope_section) {
  const char* const function = "rarest_first_axes";
  detail::require_section_count(function, mrope_section, 2, 3);
  Eigen::ArrayXi axes = detail::axis_zero(detail::require_sections(function, mrope_section));
  std::vector<int> section = mrope_section;
  const bool time_last = section.size() == 3;
  if (time_last) {
    detail::require(section[0] > 0, function, "mrope_section[0]", section[0], "> 0");
    --section[0];
  }
  std::vector<int> placed(section.size(), 0);
  // placed[a] / section[a] < placed[b] / section[b], in integers.
  const auto lags = [&](std::size_t a, std::size_t b) {
    return static_cast<long long>(placed[a]) * section[b] < static_cast<long long>(placed[b]) * section[a];
  };
  std::size_t last = section.size();
  for (Eigen::Index pair = 0; pair < axes.size() - (time_last ? 1 : 0); ++pair) {
    std::size_t best = section.size();
    for (std::size_t axis = 0; axis < section.size(); ++axis) {
      if (axis == last || placed[axis] == section[axis]) continue;
      if (best == section.size() || lags(axis, best)) best = axis;
    }
    if (best == section.size()) best = last;  // only this one is left
    axes[pair] = static_cast<int>(best);
    ++placed[best];
    last = best;
  }
  return AxisMap(axes, static_cast<Eigen::Index>(section.size()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_AXIS_MAP_HPP
