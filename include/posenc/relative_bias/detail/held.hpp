// SPDX-License-Identifier: MIT
/// @file
/// How the structs that group arguments hold Eigen objects, and what they say about arguments that do not fit.
///
/// Users of the library need not know this. Every such struct (ShawKeys, Cope, ContentAttention, ...) is written in the
/// same five steps, here for one matrix:
///
///     1. template <typename Table> class Scheme { Held<Table> table_; };
///        holds a matrix by reference and a Map, Block or Ref by value
///     2. template <typename T> Scheme(T&& table) : table_(table) { check_held<T>(); }
///        refuses a temporary matrix
///     3. template <typename T, IfMatrix<T> = 0> Scheme(T&&) -> Scheme<HeldToRead<T>>;
///        deduces Table from what is given
///     4. template <typename... Arguments> Scheme(const Arguments&...) -> Scheme<Misfit<Arguments...>>;
///        takes all arguments that do not fit
///     5. template <typename... Arguments> class Scheme<Misfit<Arguments...>> { static_assert(...); };
///        says what to write instead
///
/// What it holds is handed out by two accessors, so that nothing dangles: a struct with a name gives a reference, and a
/// temporary struct gives what it holds, the caller's own matrix or a copy of the view.
///
///     const Table& table() const& { return table_; }
///     Held<Table> table() const&& { return table_; }
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// In place of the template arguments of a struct that was given arguments that do not fit: selects the specialization
/// whose static_assert says what to write.
template <typename... Arguments>
struct Misfit {};

/// Whether T owns its numbers: Matrix and Array, not Map, Block, Ref or an expression.
template <typename T>
inline constexpr bool is_plain = std::is_base_of_v<Eigen::PlainObjectBase<std::decay_t<T>>, std::decay_t<T>>;

template <typename Derived>
std::true_type derives_from_matrix(const Eigen::MatrixBase<Derived>*);
std::false_type derives_from_matrix(...);

/// Whether T is an Eigen matrix or an expression of matrices, not of arrays.
template <typename T>
inline constexpr bool is_matrix = decltype(derives_from_matrix(static_cast<const std::decay_t<T>*>(nullptr)))::value;

/// Constraints of template parameters: `detail::IfDense<X> = 0`.
template <typename... X>
using IfDense = std::enable_if_t<(is_dense<std::decay_t<X>> && ...), int>;
template <typename... X>
using IfMatrix = std::enable_if_t<(is_matrix<X> && ...), int>;

/// Type of the member that holds a T: a matrix by reference, a Map, Block or Ref by value. It never copies numbers.
template <typename T>
using Held = std::conditional_t<is_plain<T>, T&, T>;

/// The T of Held<T> for an argument `X&&` that is read.
template <typename X>
using HeldToRead = std::conditional_t<is_plain<X>, const std::decay_t<X>, std::decay_t<X>>;

/// The T of Held<T> for an argument `X&&` that is written.
template <typename X>
using HeldToWrite = std::decay_t<X>;

/// Refuses a temporary matrix at compile time. X is the deduced type of an argument `X&& x` that a struct holds.
template <typename X>
constexpr void check_held() {
  static_assert(std::is_lvalue_reference_v<X> || !is_plain<X>,
                "posenc: the argument is a temporary matrix, which would be gone before it is used: give it a name");
}

/// Base of the schemes that have one table.
template <typename Table>
class HeldTable {
 public:
  // clang-tidy: copies go by the deduction guides of the schemes, which take matrices alone.
  template <typename T, IfMatrix<T> = 0>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
  explicit HeldTable(T&& table) : table_(table) {
    check_held<T>();
  }
  const Table& table() const& { return table_; }
  Held<Table> table() const&& { return table_; }

 private:
  Held<Table> table_;
};

/// Base of the types that say which of two arguments of the same kind one is, so that they cannot change places:
/// KerpleA(a) and KerpleP(p). X is const where the argument is only read.
template <typename X>
class NamedArgument {
  static_assert(is_dense<std::decay_t<X>>,
                "posenc: KerpleA, KerpleP, RelPosH and RelPosW each take one Eigen object, a list or a matrix");

 public:
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): as in HeldTable
  explicit NamedArgument(T&& x) : x_(x) {
    check_held<T>();
  }
  const X& get() const& { return x_; }
  X& get() & { return x_; }

 private:
  Held<X> x_;
};

/// Whether X is a matrix of this scalar.
template <typename Scalar, typename X, typename = void>
inline constexpr bool holds_scalar = false;
template <typename Scalar, typename X>
inline constexpr bool holds_scalar<Scalar, X, std::enable_if_t<is_matrix<X>>> =
    std::is_same_v<Scalar, typename std::decay_t<X>::Scalar>;

/// Constraint of template parameters: matrices that all hold the scalar of the workspace.
template <typename Scalar, typename... X>
using IfScalar = std::enable_if_t<(holds_scalar<Scalar, X> && ...), int>;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HELD_HPP
