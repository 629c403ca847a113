// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds sinusoidal encodings.
#ifndef POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// `positions` moved by the encoding's first_position.
template <typename Positions>
class ShiftedPositions {
 public:
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  ShiftedPositions(const char* function, const Positions& positions, std::int64_t shift)
      : positions_(positions), shift_(shift) {
    if constexpr (std::is_integral_v<Position>) {
      if (shift == 0) return;
      constexpr std::int64_t lowest = (std::numeric_limits<std::int64_t>::min)();
      constexpr std::int64_t highest = (std::numeric_limits<std::int64_t>::max)();
      const std::int64_t least = shift < 0 ? lowest - shift : lowest;
      const std::int64_t most = shift > 0 ? highest - shift : highest;
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (positions[i] < least || positions[i] > most) {
          refuse<std::out_of_range>(function, element("positions", i), positions[i], "from ", least, " to ", most);
        }
      }
    }
  }
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return positions_[i] + static_cast<Position>(shift_); }

 private:
  const Positions& positions_;
  std::int64_t shift_;
};

/// What becomes of an element, and of a block of them that lies in memory: the value is stored, or added below.
template <typename Scalar>
struct StoreElement {
  static void apply(Scalar& target, double value, double) { target = convert<Scalar>(value); }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double) {
    cast_block<Count>(target, values);
  }
};
template <typename Scalar>
struct AddElement {
  static void apply(Scalar& target, double value, double embedding_scale) {
    if constexpr (is_storage<Scalar>) {
      target = round_to<Scalar>(static_cast<double>(target) * embedding_scale + value);
    } else {
      target = target * Scalar(embedding_scale) + Scalar(value);
    }
  }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double embedding_scale) {
    if constexpr (is_half<Scalar>) {
      double sums[Count];
      cast_block<Count>(sums, target);
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) sums[i] = sums[i] * embedding_scale + values[i];
      cast_block<Count>(target, sums);
    } else {
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) apply(target[i], values[i], embedding_scale);
    }
  }
};

/// Where the sinusoids of pair 0 stand in a row, and how far apart the pairs are.
struct SinusoidColumns {
  explicit SinusoidColumns(const Sinusoidal& encoding)
      : step(encoding.options().order == ChannelOrder::interleaved ? 2 : 1),
        first_sine(encoding.options().order == ChannelOrder::cos_sin ? encoding.num_cosines() : 0),
        first_cosine(step == 2                                           ? 1
                     : encoding.options().order == ChannelOrder::cos_sin ? 0
                                                                         : encoding.num_sines()) {}
  Eigen::Index step;
  Eigen::Index first_sine;
  Eigen::Index first_cosine;
};

/// A whole block of sines and cosines into a row that lies in memory.
template <typename Element, bool Interleave, typename Scalar>
void write_sinusoids(Scalar* sines, Scalar* cosines, const double* sine, const double* cosine, double scale) {
  if constexpr (Interleave) {  // one run of memory, put in order before it is touched
    double values[2 * kAngleBlock];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < kAngleBlock; ++i) {
      values[2 * i] = sine[i];
      values[2 * i + 1] = cosine[i];
    }
    Element::template apply_block<2 * kAngleBlock>(sines, values, scale);
  } else {
    Element::template apply_block<kAngleBlock>(sines, sine, scale);
    Element::template apply_block<kAngleBlock>(cosines, cosine, scale);
  }
}

/// Which rows are padding.
template <typename Positions>
struct PaddingRows {
  using Position = typename Positions::Position;

  PaddingRows(const Sinusoidal& encoding, const Positions& all)
      : positions(all),
        exists(encoding.options().padding_position.has_value()),
        position(static_cast<Position>(encoding.options().padding_position.value_or(0))) {}
  bool operator()(Eigen::Index row) const { return exists && positions[row] == position; }

  const Positions& positions;
  bool exists;
  Position position;
};

/// The sinusoids of pairs 0 ... count - 1, whole blocks of them, in all rows of a matrix in memory that are no padding.
template <typename Element, bool Interleave, typename Scalar, typename Positions>
POSENC_KERNEL void write_whole_blocks(Scalar* data, Eigen::Index row_stride, const Sinusoidal& encoding,
                                      Eigen::Index count, const Positions& positions) {
  const SinusoidColumns columns(encoding);
  const double scale = encoding.options().embedding_scale;
  const PaddingRows<Positions> is_padding(encoding, positions);
  // By value, so that nothing is read again after a store.
  const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
    if (is_padding(row)) return;
    Scalar* const at = data + row * row_stride + pair * (Interleave ? 2 : 1);
    write_sinusoids<Element, Interleave>(at + columns.first_sine, at + columns.first_cosine, sine, cosine, scale);
  };
  for_each_angle(encoding.frequencies(), 0, count, encoding.options().amplitude, positions, sink);
}

template <template <typename> class Element, typename Derived, typename Positions>
void for_each_sinusoid(const char* function, Eigen::DenseBase<Derived>& out, const Sinusoidal& encoding,
                       const Positions& given) {
  using Scalar = typename Derived::Scalar;
  using Write = Element<Scalar>;
  Derived& x = out.derived();
  const SinusoidalOptions& options = encoding.options();
  const SinusoidColumns columns(encoding);
  const double scale = options.embedding_scale;
  const bool counted = std::is_same_v<Positions, RangePositions> || !options.padding_position;
  const ShiftedPositions<Positions> positions(function, given, counted ? options.first_position : 0);
  const PaddingRows is_padding(encoding, positions);

  Eigen::Index written_pairs = 0;
  if constexpr (has_rows_in_memory<Derived>) {
    if (has_contiguous_rows(x)) {
      written_pairs = encoding.num_cosines() / kAngleBlock * kAngleBlock;
      if (columns.step == 2) {
        write_whole_blocks<Write, true>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      } else {
        write_whole_blocks<Write, false>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      }
    }
  }
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    if (is_padding(row)) return;
    const Eigen::Index first_sine = columns.first_sine + pair * columns.step;
    const Eigen::Index first_cosine = columns.first_cosine + pair * columns.step;
    const int num_cosines = static_cast<int>((std::min)(Eigen::Index(count), encoding.num_cosines() - pair));
    for (int i = 0; i < count; ++i) Write::apply(x.coeffRef(row, first_sine + i * columns.step), sine[i], scale);
    for (int i = 0; i < num_cosines; ++i) {
      Write::apply(x.coeffRef(row, first_cosine + i * columns.step), cosine[i], scale);
    }
  };
  for_each_angle(encoding.frequencies(), written_pairs, encoding.num_sines(), options.amplitude, positions, sink);

  const Eigen::Index written = encoding.num_sines() + encoding.num_cosines();
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index channel = is_padding(row) ? 0 : written; channel < encoding.width(); ++channel) {
      Write::apply(x.coeffRef(row, channel), 0.0, scale);
    }
  }
}

template <template <typename> class Element, typename Derived, typename Positions>
void apply_sinusoidal(const char* function, const char* parameter, Eigen::DenseBase<Derived>& x,
                      const Sinusoidal& encoding, const Positions& given) {
  if (x.cols() != encoding.width()) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), "encoding.width() ",
                                  encoding.width());
  }
  require_data(function, parameter, x);
  if constexpr (std::is_integral_v<Positions>) {
    require_position_scalar<Positions>();
    const PositionRange range{static_cast<std::int64_t>(given), x.rows()};
    for_each_sinusoid<Element>(function, x, encoding, RangePositions(range));
  } else {
    static_assert(is_dense<Positions>,
                  "posenc: positions must be an integer (of the first row) or an Eigen vector of numbers");
    const ListPositions positions(function, given);
    require(positions.rows() == x.rows(), function, "positions.size()", positions.rows(), parameter, ".rows() ",
            x.rows());
    for_each_sinusoid<Element>(function, x, encoding, positions);
  }
}

}  // namespace detail

/// Writes the encoding of each row's position into `out`.
///
/// @param[out] out   tokens x encoding.width(): any writable dense Eigen object, row- or column-major.
/// @param encoding   Which sinusoid stands in which channel.
/// @param positions  An integer: the position of row 0 (0 when left out). Or an Eigen vector of integers or real
///                   numbers, one for each row; a [batch, length] matrix of ids is read along its rows. See
///                   SinusoidalOptions::padding_position for ids that mark padding.
/// @throws std::invalid_argument  out.cols() is not the encoding's width; another number of positions than rows; a real
///                                position that is NaN or infinite. `out` is then unchanged.
/// @throws std::out_of_range      a position that overflows 64 bits, first_position included. `out` is then unchanged.
/// Cost:     two multiply-adds and a store for each value; no allocation.
/// Accuracy: float |error| <= u / 2 + amplitude (2^-40 + |angle| 2^-51) with u the ulp of float just below amplitude,
///           2^-24 for amplitude 1; double <= amplitude (2^-50 + |angle| 2^-51).
/// Matches:  see presets.
template <typename Out, typename Positions = std::int64_t>
void encode_sinusoidal(Out&& out, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::StoreElement>("encode_sinusoidal", "out", detail::written(std::forward<Out>(out)),
                                                 encoding, positions);
}

/// Adds the encoding of each row's position to token embeddings, in place: x = embedding_scale x + encoding, formed in
/// double and rounded once.
///
/// Parameters, errors and cost are those of encode_sinusoidal().
template <typename X, typename Positions = std::int64_t>
void add_sinusoidal(X&& x, const Sinusoidal& encoding, const Positions& positions = 0) {
  detail::apply_sinusoidal<detail::AddElement>("add_sinusoidal", "x", detail::written(std::forward<X>(x)), encoding,
                                               positions);
}

/// Returns the table of positions first, ..., first + count - 1: count x encoding.width(), row-major.
/// @throws  as encode_sinusoidal(); std::invalid_argument for a negative count.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_sinusoidal(const Sinusoidal& encoding,
                                                                                       PositionRange positions) {
  detail::require_size("make_sinusoidal", "positions.count()", positions.count(), encoding.width(), sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> table(positions.count(), encoding.width());
  detail::apply_sinusoidal<detail::StoreElement>("make_sinusoidal", "table", table, encoding, positions.first());
  return table;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ADD_SINUSOIDAL_HPP
