// SPDX-License-Identifier: MIT
/// @file
/// DistanceTable: a bias that depends on key - query alone, as one number per head and distance.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/temporary.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/table_head.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// A bias that depends on the distance (key - query) alone: one number per head and distance.
///
/// The L_q x L_k bias of a head is constant along diagonals, so row i of it is a contiguous piece of one vector,
///
///     distances   -4 -3 -2 -1  0  1  2
///     query 0               [ 0  1  2 ]       L_q = 3 queries, L_k = 3 keys: row i begins one further left
///     query 1            [-1  0  1 ]
///     query 2         [-2 -1  0 ]
///
/// and adding it costs no more than adding a constant. T5, ALiBi, KERPLE, Sandwich and learned biases are such tables.
/// A trained bias per distance is one directly: fill values() and train it with distance_bias_backward().
/// @tparam Scalar_  float or double; half types as storage.
template <typename Scalar_>
class DistanceTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros for the given heads and distances. The distances of an empty span make an empty table.
  /// @param num_heads  >= 0.
  /// @param distances  span.distances(), or DistanceRange::causal(n) or symmetric(n) for every length up to n.
  /// @throws std::invalid_argument  num_heads < 0.
  /// @throws std::length_error      the table does not fit into memory's index type.
  DistanceTable(detail::Size num_heads, const DistanceRange& distances) : distances_(distances) {
    const char* const function = "DistanceTable";
    detail::require(num_heads >= 0, function, "num_heads", num_heads, ">= 0");
    detail::require_size(function, "num_heads", num_heads, distances.size(), sizeof(Scalar));
    values_ = Values::Zero(Eigen::Index{num_heads}, distances.size());
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  DistanceRange distances() const { return distances_; }

  /// num_heads x distances().size(): column m is the distance distances().first() + m.
  Eigen::Map<const Values> values() const& { return {values_.data(), values_.rows(), values_.cols()}; }
  Eigen::Map<Values> values() & { return {values_.data(), values_.rows(), values_.cols()}; }
  Values values() && { return std::move(values_); }

  /// The bias of `head` at key - query = distance, which must be in distances().
  const Scalar& operator()(detail::Size head, detail::Size distance) const {
    return values_(Eigen::Index{head}, distance - distances_.first());
  }
  Scalar& operator()(detail::Size head, detail::Size distance) {
    return values_(Eigen::Index{head}, distance - distances_.first());
  }

  /// One head, by reference, for logits of one head. The table must outlive it: that of a temporary does not compile.
  /// @throws std::out_of_range  head is not in [0, num_heads()).
  TableHead<const DistanceTable> head(detail::Size head) const& { return {*this, head}; }
  TableHead<DistanceTable> head(detail::Size head) & { return {*this, head}; }
  template <typename Number = Scalar>
  TableHead<const DistanceTable<Number>> head(detail::Size head) const&& {
    detail::of_temporary<Number>();
    return {*this, head};
  }

 private:
  DistanceRange distances_;
  Values values_;
};

namespace detail {

template <typename T>
inline constexpr bool is_distance_table = false;
template <typename Scalar>
inline constexpr bool is_distance_table<DistanceTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_distance_table<TableHead<DistanceTable<Scalar>>> = true;
template <typename Scalar>
inline constexpr bool is_distance_table<TableHead<const DistanceTable<Scalar>>> = true;

/// Constraint of template parameters: a DistanceTable or one head of it.
template <typename T>
using IfDistanceTable = std::enable_if_t<is_distance_table<std::decay_t<T>>, int>;

inline void require_distances(const char* function, const char* parameter, const DistanceRange& distances,
                              const AttentionSpan& span) {
  if (distances.contains(span.distances())) return;  // before the texts, which may allocate
  require_in_range(false, function, parameter, text_of(distances), "span.distances() or more, ",
                   text_of(span.distances()));
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_TABLE_HPP
