// SPDX-License-Identifier: MIT
/// @file
/// Learned frequencies on several axes, where every axis contributes to every angle.
#ifndef POSENC_FREQUENCY_MIXED_FREQUENCIES_HPP
#define POSENC_FREQUENCY_MIXED_FREQUENCIES_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/axis_angles.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/frequency/detail/table_writer.hpp"
#include "posenc/positions/position_list.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Returns initial values of learned frequencies for one head, on axes rotated by `angle`: 2 x head_dim / 2, with the
/// rows x and y.
///
///     pair i:            base^(-4i / head_dim) (cos angle, sin angle)                       i < head_dim / 4
///     pair i + quarter:  base^(-4i / head_dim) (cos(angle + pi/2), sin(angle + pi/2))
///
/// @param head_dim  A multiple of 4, > 0.
/// @param base      10 in the paper: finite, > 0, not 1.
/// @param angle     Radians, in [-2 pi, 2 pi]: drawn from [0, 2 pi) for each head, or 0.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one power for each pair; one allocation (no bench case: called once for a model).
/// Accuracy: each entry within 4e-16 of the formula [rope][mixed].
/// Source:   Heo et al. 2024, arXiv:2403.13298.
/// Matches:  timm init_random_2d_freqs.
inline Eigen::Array2Xd initial_mixed_frequencies(detail::Size head_dim, double base, double angle) {
  const char* const function = "initial_mixed_frequencies";
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require(head_dim % 4 == 0, function, "head_dim", head_dim, "a multiple of 4");
  detail::require_base(function, base);
  // Both are double: a base given as the angle is refused here.
  detail::require(detail::is_finite(angle) && std::abs(angle) <= 6.2831853071795865, function, "angle", angle,
                  "within [-2 pi, 2 pi]");
  const Eigen::Index quarter = head_dim / 4;
  const Eigen::ArrayXd size = detail::spaced(quarter, base, static_cast<double>(quarter)).inv_freq();
  Eigen::Array2Xd frequencies(2, 2 * quarter);
  for (Eigen::Index i = 0; i < quarter; ++i) {
    frequencies(0, i) = std::cos(angle) * size[i];
    frequencies(0, quarter + i) = -std::sin(angle) * size[i];
    frequencies(1, i) = std::sin(angle) * size[i];
    frequencies(1, quarter + i) = std::cos(angle) * size[i];
  }
  return frequencies;
}

namespace detail {

/// Learned frequencies without phases.
struct NoPhases {};

/// Columns of learned frequencies, and phases as one more row: frequencies of an axis on which each position is 1.
template <typename Frequencies, typename Phases>
struct PhasedFrequencies {
  const Frequencies& frequencies;
  const Phases& phases;
  Eigen::Index first;
  Eigen::Index count;

  Eigen::Index rows() const { return frequencies.rows() + 1; }
  Eigen::Index cols() const { return count; }
  double coeff(Eigen::Index axis, Eigen::Index j) const {
    if (axis == frequencies.rows()) return static_cast<double>(list_entry(phases, first + j));
    return static_cast<double>(frequencies.coeff(axis, first + j));
  }
};

struct MixedWriter {
  template <typename Frequencies>
  static void require_finite_frequencies(const char* function, const Frequencies& frequencies) {
    for (Eigen::Index axis = 0; axis < frequencies.rows(); ++axis) {
      for (Eigen::Index j = 0; j < frequencies.cols(); ++j) {
        const double frequency = static_cast<double>(frequencies.coeff(axis, j));
        if (is_finite(frequency)) continue;
        refuse<std::invalid_argument>(function, "frequencies(" + std::to_string(axis) + ", " + std::to_string(j) + ")",
                                      frequency, "finite");
      }
    }
  }

  /// Refuses another number of phases than pairs, and phases that are not finite. Returns the largest |phase|.
  template <typename Phases>
  static double largest_phase(const char* function, const Phases& phases, Eigen::Index num_pairs) {
    double largest = 0;
    if constexpr (!std::is_same_v<Phases, NoPhases>) {
      require(phases.size() == num_pairs, function, "phases.size()", phases.size(), "frequencies.cols() ", num_pairs);
      for (Eigen::Index j = 0; j < num_pairs; ++j) {
        const double phase = static_cast<double>(list_entry(phases, j));
        if (!is_finite(phase)) refuse<std::invalid_argument>(function, element("phases", j), phase, "finite");
        largest = (std::max)(largest, std::abs(phase));
      }
    }
    return largest;
  }

  template <typename Scalar, typename DerivedFrequencies, typename Phases, typename DerivedPositions>
  static FrequencyTable<Scalar> make(const DerivedFrequencies& frequencies, const Phases& phases,
                                     const DerivedPositions& positions, const TableOptions& options) {
    constexpr bool has_phases = !std::is_same_v<Phases, NoPhases>;
    const char* const function = "make_mixed_table";
    require_exact_angles(function, options);
    require(frequencies.rows() > 0, function, "frequencies.rows()", frequencies.rows(), "> 0");
    require_axis_positions(function, positions, frequencies.rows());
    require_finite_frequencies(function, frequencies);
    const double largest_of_phases = largest_phase(function, phases, frequencies.cols());
    const auto position = [&](Eigen::Index row, Eigen::Index axis) {
      if (has_phases && axis == frequencies.rows()) return 1.0;
      return static_cast<double>(positions.coeff(row, axis));
    };
    for (Eigen::Index row = 0; frequencies.cols() > 0 && row < positions.rows(); ++row) {
      double largest = largest_of_phases;  // no angle of the token is larger
      for (Eigen::Index axis = 0; axis < frequencies.rows(); ++axis) {
        const double fastest = static_cast<double>(frequencies.row(axis).cwiseAbs().maxCoeff());
        largest += std::abs(position(row, axis)) * fastest;
      }
      if (!is_finite(largest)) {
        refuse<std::out_of_range>(function, "positions.row(" + std::to_string(row) + ")", largest,
                                  "such that the sum of |position * frequency| over the axes is finite");
      }
    }
    const Eigen::Index pairs = pairs_of_head(function, "frequencies.cols()", frequencies.cols(), options);
    FrequencyTable<Scalar> table(positions.rows(), pairs, options);
    for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
      const auto write = [&](Eigen::Index row, Eigen::Index first, int, const double* cosine, const double* sine) {
        TableWriter::write_block(table, row, head, first, cosine, sine);
      };
      if constexpr (has_phases) {
        const PhasedFrequencies<DerivedFrequencies, Phases> of_head{frequencies, phases, head * pairs, pairs};
        for_each_weighted_angle(positions.rows(), position, of_head, 1.0, write);
      } else {
        for_each_weighted_angle(positions.rows(), position, frequencies.middleCols(head * pairs, pairs), 1.0, write);
      }
    }
    TableWriter::set_origin(table, 1, 0);
    return table;
  }
};

}  // namespace detail

/// Makes the table of learned frequencies, for all heads or for each: pair j of a token rotates by the angle
///
///     theta_j = sum over axes a of positions(token, a) frequencies(a, j)
///
/// @tparam Scalar      As in make_table().
/// @param frequencies  num_axes x num_pairs [radians per position], of any real scalar, finite; with options.num_heads
///                     = H num_axes x (H * num_pairs), the columns of head 0 first.
/// @param positions    tokens x num_axes, integers or finite real numbers.
/// @param options      As in make_table(), with exact angles.
/// @returns            tokens x num_pairs cosines and as many sines, for each head where heads have their own.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::out_of_range      an angle that is not finite.
/// Cost:     one evaluation of cosine and sine for each entry, in vector code; one allocation
///           (bench_rope: learned frequencies).
/// Accuracy: double: |error| <= 2^-51 + num_axes 2^-52 sum_a |p_a f_a|; other scalars rounded once more [rope][mixed].
/// Source:   Heo et al. 2024, arXiv:2403.13298, section 3.3 (mixed frequencies).
/// Matches:  RotaryEmbeddingMixed of timm (rope-vit mixed), freqs_cis_golden of Falcon, MochiRoPE of diffusers: all
///           with num_heads; one row of frequencies is a learned 1-D RoPE.
template <typename Scalar, typename DerivedFrequencies, typename DerivedPositions>
FrequencyTable<Scalar> make_mixed_table(const Eigen::DenseBase<DerivedFrequencies>& frequencies,
                                        const Eigen::DenseBase<DerivedPositions>& positions,
                                        TableOptions options = {}) {
  return detail::MixedWriter::make<Scalar>(detail::evaluated(frequencies), detail::NoPhases(),
                                           detail::evaluated(positions), options);
}

/// @overload
/// With a phase for each pair: theta_j = phases[j] + sum over axes a of positions(token, a) frequencies(a, j).
///
/// In PoPE each of the d channels c of a head becomes a pair of length softplus, and keys have a learned phase delta_c:
///
///     q' = [softplus(q), d zeros], rotated half-split over 2 d channels, without phases
///     k' = [softplus(k), d zeros], rotated likewise, with the phases -delta
///     q' . k' = sum over c of softplus(q_c) softplus(k_c) cos((i - j) w_c + delta_c)
///
/// @param phases  One for each column of `frequencies` [radians], finite: an Eigen vector or a contiguous range.
/// @throws std::invalid_argument  in addition: another number of phases; one that is not finite.
/// Accuracy: as without phases, with |phases[j]| as one more term |p_a f_a| [rope][phases].
/// Source:   Gopalakrishnan et al. 2025, arXiv:2509.10534 (PoPE); Kazemi et al. 2019, arXiv:1907.05321 (Time2Vec).
/// Matches:  PoPE of x-transformers, half-split, and of PoPE-pytorch, where zeros and lengths are interleaved; the caller
///           applies softplus and puts the zeros in. Their learned bias of keys is -delta: give it as the phases.
template <typename Scalar, typename DerivedFrequencies, typename Phases, typename DerivedPositions,
          std::enable_if_t<detail::is_list<Phases>, int> = 0>
FrequencyTable<Scalar> make_mixed_table(const Eigen::DenseBase<DerivedFrequencies>& frequencies, const Phases& phases,
                                        const Eigen::DenseBase<DerivedPositions>& positions,
                                        TableOptions options = {}) {
  const auto& list = detail::as_list(phases);
  return detail::MixedWriter::make<Scalar>(detail::evaluated(frequencies), detail::evaluated(list),
                                           detail::evaluated(positions), options);
}

namespace detail {

/// Whether these are the arguments of make_mixed_table(), in its order.
template <typename... Arguments>
inline constexpr bool takes_mixed = false;
template <typename F, typename Positions>
inline constexpr bool takes_mixed<F, Positions> = is_dense<F>&& is_dense<Positions>;
template <typename F, typename Second, typename Third>
inline constexpr bool takes_mixed<F, Second, Third> =
    is_dense<F> &&
    ((is_dense<Second> && std::is_convertible_v<const Third&, TableOptions>) || (is_list<Second> && is_dense<Third>));
template <typename F, typename Phases, typename Positions, typename Options>
inline constexpr bool takes_mixed<F, Phases, Positions, Options> =
    is_dense<F>&& is_list<Phases>&& is_dense<Positions>&& std::is_convertible_v<const Options&, TableOptions>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments,
          std::enable_if_t<std::is_void_v<Scalar> || !detail::takes_mixed<Arguments...>, int> = 0>
auto make_mixed_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Scalar, Arguments...>,
      "posenc: write make_mixed_table<float>(frequencies, positions) or make_mixed_table<float>(frequencies, phases, "
      "positions): matrices, axes x pairs and tokens x axes, and TableOptions behind them if need be");
  return FrequencyTable<float>(0, 0);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MIXED_FREQUENCIES_HPP
