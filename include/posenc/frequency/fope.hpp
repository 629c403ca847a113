// SPDX-License-Identifier: MIT
/// @file
/// FoPE: cosines and sines that are sums over several frequencies.
#ifndef POSENC_FREQUENCY_FOPE_HPP
#define POSENC_FREQUENCY_FOPE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/detail/table_writer.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <cstdlib>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

struct FopeWriter {
  /// Writes one row of a head in whole blocks: the given pairs, then pairs that do not rotate.
  template <typename Scalar, typename Values>
  static void write_row(FrequencyTable<Scalar>& table, Eigen::Index row, Eigen::Index head, const Values& cosines,
                        const Values& sines) {
    for (Eigen::Index first = 0; first < table.num_pairs(); first += kAngleBlock) {
      double cosine[kAngleBlock];
      double sine[kAngleBlock];
      for (int i = 0; i < kAngleBlock; ++i) {
        const bool given = first + i < cosines.cols();
        cosine[i] = given ? cosines.coeff(row, first + i) : 1.0;
        sine[i] = given ? sines.coeff(row, first + i) : 0.0;
      }
      TableWriter::write_block(table, row, head, first, cosine, sine);
    }
  }

  template <typename Coefficients>
  static void require_coefficients(const char* parameter, const Coefficients& coefficients, Eigen::Index rows,
                                   Eigen::Index cols) {
    const char* const function = "make_fope_table";
    require_shape(function, parameter, coefficients, rows, cols);
    for (Eigen::Index i = 0; i < coefficients.rows(); ++i) {
      for (Eigen::Index j = 0; j < coefficients.cols(); ++j) {
        const double value = static_cast<double>(coefficients.coeff(i, j));
        if (is_finite(value)) continue;
        refuse<std::invalid_argument>(function, parameter + ("(" + std::to_string(i)) + ", " + std::to_string(j) + ")",
                                      value, "finite");
      }
    }
  }

  /// numbers * columns first, ..., first + count - 1 of coefficients, each row by itself in the order of the frequencies: a
  /// matrix product has other bits for one row than for many.
  template <typename Numbers, typename Coefficients, typename Real = double>
  static Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic> sums(const Numbers& numbers,
                                                                  const Coefficients& coefficients, Eigen::Index first,
                                                                  Eigen::Index count) {
    Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic> result(numbers.rows(), count);
    Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic> weights(count, coefficients.rows());
    for (Eigen::Index m = 0; m < weights.cols(); ++m) {
      for (Eigen::Index j = 0; j < count; ++j) weights(j, m) = static_cast<double>(coefficients.coeff(m, first + j));
    }
    Eigen::Matrix<Real, Eigen::Dynamic, 1> sum(count);
    for (Eigen::Index row = 0; row < result.rows(); ++row) {
      sum.setZero();
      for (Eigen::Index m = 0; m < weights.cols(); ++m) sum += numbers(row, m) * weights.col(m);
      result.row(row) = sum.transpose();
    }
    return result;
  }

  template <typename Scalar, typename Cos, typename Sin, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Cos& cos, const Sin& sin,
                                     const Positions& positions, Eigen::Index rotary_dim, const TableOptions& options) {
    const char* const function = "make_fope_table";
    require_exact_angles(function, options);
    require(!frequencies.of_channels(), function, "frequencies", "those of channels", "those of pairs");
    require_rotary_dim(function, "rotary_dim", rotary_dim);
    const Eigen::Index pairs = pairs_of_head(function, "cos_coefficients.cols()", cos.cols(), options);
    require(pairs > 0 && pairs <= rotary_dim / 2, function, "cos_coefficients.cols()", cos.cols(), "from 1 to ",
            rotary_dim / 2, " for each head (rotary_dim / 2)");
    require_coefficients("cos_coefficients", cos, frequencies.num_pairs(), cos.cols());
    require_coefficients("sin_coefficients", sin, frequencies.num_pairs(), cos.cols());
    require_finite_angles(function, frequencies.fastest(), false, positions);
    FrequencyTable<Scalar> table(positions.rows(), rotary_dim / 2, options);
    const auto plain = TableWriter::make<double>(frequencies, positions, TableOptions());
    for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
      const auto cosines = sums(plain.cos(), cos, head * pairs, pairs);
      const auto sines = sums(plain.sin(), sin, head * pairs, pairs);
      for (Eigen::Index row = 0; row < table.rows(); ++row) write_row(table, row, head, cosines, sines);
    }
    TableWriter::set_origin(table, 0, 0, TableWriter::first_of(positions));
    return table;
  }
};

}  // namespace detail

/// Makes the table of FoPE (Fourier position embedding), whose cosines and sines are sums over all frequencies:
///
///     cos(row, head h, pair j) = sum over m of cos(p w_m) cos_coefficients(m, h n + j)        j < n
///     sin(row, head h, pair j) = sum over m of sin(p w_m) sin_coefficients(m, h n + j)
///     cos = 1, sin = 0                                                                        n <= j < rotary_dim / 2
///
/// with n pairs of a head, p the position of the row and w_m = frequencies.inv_freq()[m]. Pairs beyond n, whose
/// frequencies were too low for the trained length, do not rotate. The table scales pairs as well as rotating them,
/// each by another factor: apply_rope() takes it and its adjoint(), and inverse() is refused.
/// @tparam Scalar           As in make_table().
/// @param frequencies       The M frequencies that were kept: those above 2 pi / trained length. Their magnitude is a
///                          factor on the sums.
/// @param cos_coefficients  M x n of any real scalar, finite; with options.num_heads = H M x (H * n), the columns of
///                          head 0 first.
/// @param sin_coefficients  As cos_coefficients.
/// @param positions         PositionRange(first, count), or a list with one for each row.
/// @param rotary_dim        Channels of a head: even, > 0 and at least 2 n.
/// @param options           As in make_table(), with exact angles.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// Cost:     2 M n multiply-adds for each row and head; several allocations (no bench case: made once for a model).
/// Accuracy: double: |error| <= sum over m of |coefficient| (M 2^-52 + 2^-50 + |p w_m| 2^-51); other scalars rounded
///           once more [rope][fope].
/// Source:   Hua et al. 2024, arXiv:2412.17739.
/// Matches:  FourierRotaryEmbedding of vLLM, which is half-split; query heads there take the coefficients of their key
///           head. FopeRotaryEmbeddingImpl of lmdeploy in the first n pairs; those beyond have a sine of 1 there.
template <typename Scalar, typename DerivedCos, typename DerivedSin, typename Positions>
FrequencyTable<Scalar> make_fope_table(const Frequencies& frequencies,
                                       const Eigen::DenseBase<DerivedCos>& cos_coefficients,
                                       const Eigen::DenseBase<DerivedSin>& sin_coefficients, const Positions& positions,
                                       detail::Size rotary_dim, TableOptions options = {}) {
  static_assert(detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>,
                "posenc: positions must be PositionRange(first, count) or a list with one for each token");
  const auto& cos = detail::evaluated(cos_coefficients);
  const auto& sin = detail::evaluated(sin_coefficients);
  if constexpr (detail::is_list<Positions>) {
    const detail::ListPositions<Positions> list("make_fope_table", positions);
    return detail::FopeWriter::make<Scalar>(frequencies, cos, sin, list, rotary_dim, options);
  } else {
    return detail::FopeWriter::make<Scalar>(frequencies, cos, sin, detail::RangePositions(positions), rotary_dim,
                                            options);
  }
}

namespace detail {

/// Whether these are the arguments of make_fope_table(), in its order.
template <typename... Arguments>
inline constexpr bool takes_fope = false;
template <typename F, typename Cos, typename Sin, typename Positions, typename Dim>
inline constexpr bool takes_fope<F, Cos, Sin, Positions, Dim> =
    std::is_same_v<F, Frequencies>&& is_dense<Cos>&& is_dense<Sin>&& std::is_convertible_v<const Dim&, Size>;
template <typename F, typename Cos, typename Sin, typename Positions, typename Dim, typename Options>
inline constexpr bool takes_fope<F, Cos, Sin, Positions, Dim, Options> =
    takes_fope<F, Cos, Sin, Positions, Dim>&& std::is_convertible_v<const Options&, TableOptions>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments,
          std::enable_if_t<std::is_void_v<Scalar> || !detail::takes_fope<Arguments...>, int> = 0>
detail::TableOrFloat<Scalar> make_fope_table(const Arguments&...) {
  static_assert(detail::kMisuse<Scalar, Arguments...>,
                "posenc: write make_fope_table<float>(frequencies, cos_coefficients, sin_coefficients, positions, "
                "rotary_dim): Frequencies, two matrices with a row for each of them, and the channels that rotate");
  std::abort();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FOPE_HPP
