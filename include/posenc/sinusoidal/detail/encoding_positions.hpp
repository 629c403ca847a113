// SPDX-License-Identifier: MIT
/// @file
/// How an encoding reads positions: first_position is added, and padding is recognized.
#ifndef POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP
#define POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP

#include "posenc/detail/position_scalar.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline SinusoidColumns columns_of(const SinusoidalEncoding& encoding) {
  return {encoding.options().order, encoding.num_sines(), encoding.num_cosines()};
}

/// What is added to positions: first_position, or nothing where they are a list of ids that tells padding from tokens.
inline std::int64_t shift_of(const SinusoidalEncoding& encoding, bool is_list) {
  const SinusoidalOptions& options = encoding.options();
  return is_list && options.padding_position ? std::int64_t(0) : std::int64_t{options.first_position};
}

/// `positions` with `shift` added. They are held by reference.
template <typename Positions>
class ShiftedPositions {
 public:
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  ShiftedPositions(const char* function, const Positions& positions, std::int64_t shift)
      : positions_(positions), shift_(shift) {
    if constexpr (std::is_integral_v<Position>) {
      if (shift == 0) return;
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (is_position((*this)[i])) continue;
        detail::require_position(function, element("positions", i) + " + first_position", (*this)[i]);
      }
    }
  }
  Eigen::Index rows() const { return positions_.rows(); }
  Position operator[](Eigen::Index i) const { return positions_[i] + static_cast<Position>(shift_); }

 private:
  const Positions& positions_;
  std::int64_t shift_;
};

/// Whether row i is padding, given its position.
template <typename Positions>
struct PaddingRows {
  using Position = std::decay_t<decltype(std::declval<const Positions&>()[0])>;

  PaddingRows(const SinusoidalEncoding& encoding, const Positions& all)
      : positions(all),
        exists(encoding.options().padding_position.has_value()),
        position(static_cast<Position>(encoding.options().padding_position.value_or(0))) {}
  bool operator()(Eigen::Index row) const { return exists && positions[row] == position; }

  const Positions& positions;
  bool exists;
  Position position;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_ENCODING_POSITIONS_HPP
