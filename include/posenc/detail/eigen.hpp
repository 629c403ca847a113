// SPDX-License-Identifier: MIT
/// @file
/// What posenc asks of the Eigen expressions that it is given.
#ifndef POSENC_DETAIL_EIGEN_HPP
#define POSENC_DETAIL_EIGEN_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

// Not every expression derives from DenseBase of itself: v.head(n) does from a Block's.
template <typename Derived>
std::true_type derives_from_dense(const Eigen::DenseBase<Derived>*);
std::false_type derives_from_dense(...);

/// Whether T is a dense Eigen object.
template <typename T>
inline constexpr bool is_dense = decltype(derives_from_dense(static_cast<const T*>(nullptr)))::value;

/// Whether an argument of type `X&&` may be written to: an lvalue, or what writes through (Map, Block), of real numbers
/// unless AnyScalar. Where it may not, the compiler stops with the reason.
template <typename X, bool AnyScalar = false>
constexpr bool may_write() {
  using Value = std::remove_reference_t<X>;
  using Derived = std::remove_const_t<Value>;
  if constexpr (!is_dense<Derived>) {
    static_assert(kMisuse<X>,
                  "posenc: the argument that is written to must be an Eigen object: wrap a raw buffer or a std::vector "
                  "with Eigen::Map");
    return false;
  } else {
    using Number = Eigen::NumTraits<typename Derived::Scalar>;
    constexpr bool writable = !std::is_const_v<Value> && (Derived::Flags & Eigen::LvalueBit) != 0;
    constexpr bool scalar = AnyScalar || (!Number::IsInteger && !Number::IsComplex);
    constexpr bool lost = !std::is_lvalue_reference_v<X> && std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>;
    static_assert(writable, "posenc: the argument is written to, but it is const or computed from something else");
    static_assert(!writable || scalar,
                  "posenc: the argument must hold real numbers: float, double, Eigen::half, Eigen::bfloat16, or an "
                  "autodiff scalar");
    static_assert(!writable || !scalar || !lost,
                  "posenc: the argument is a temporary matrix, and the result would be lost with it");
    return writable && scalar && !lost;
  }
}

/// What written() returns where the compiler has stopped, so that the rest of its caller is read without another error.
template <typename>
Eigen::MatrixXf& unwritable();

/// A written argument of real numbers, itself: written(std::forward<X>(x)). Where it may not be written to, the compiler
/// says so and nothing else.
template <typename X>
auto& written(X&& x) {
  if constexpr (may_write<X>()) {
    return x;
  } else {
    return unwritable<X>();
  }
}

/// The same of any scalar.
template <typename X>
auto& assigned(X&& x) {
  if constexpr (may_write<X, true>()) {
    return x;
  } else {
    return unwritable<X>();
  }
}

/// Whether an expression is numbers in memory at some stride. Eigen's flag alone does not tell: x(seq, all) has it, but
/// no data().
template <typename Derived, typename = void>
inline constexpr bool has_memory = false;
template <typename Derived>
inline constexpr bool has_memory<Derived, std::void_t<decltype(std::declval<const Derived&>().data())>> =
    (Derived::Flags & Eigen::DirectAccessBit) != 0;

/// Refuses an object whose data is null. One without elements is allowed to have null data.
template <typename Derived>
EIGEN_ALWAYS_INLINE void require_data(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_memory<Derived>) {
    if (x.size() > 0 && x.derived().data() == nullptr) {
      refuse<std::invalid_argument>(function, joined(parameter, ".data()"), "null", "a valid pointer");
    }
  }
}

/// Refuses another number of rows or columns, and null data. The sizes have 64 bits, because a product of sizes may
/// exceed 32.
template <typename Derived>
void require_shape(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x, std::int64_t rows,
                   std::int64_t columns) {
  if (x.rows() != rows) {
    refuse<std::invalid_argument>(function, joined(parameter, ".rows()"), x.rows(), rows);
  }
  if (x.cols() != columns) {
    refuse<std::invalid_argument>(function, joined(parameter, ".cols()"), x.cols(), columns);
  }
  require_data(function, parameter, x);
}

/// x has `width` columns. An x of so many rows and other columns has a token for each column, as much Eigen code has.
template <typename Derived>
void require_width(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x,
                   const char* width_name, Eigen::Index width) {
  if (x.cols() == width) return;
  const bool transposed = x.rows() == width;
  const std::string hint =
      transposed ? std::string(" (with a token for each column, give ") + parameter + ".transpose())" : std::string();
  refuse<std::invalid_argument>(function, joined(parameter, ".cols()"), x.cols(), width_name, " ", width, hint);
}

/// Whether an expression holds a matrix product (or an inverse, ...), which coeff() computes whole for each element.
template <typename Derived>
inline constexpr bool holds_product = (Eigen::internal::evaluator<Derived>::Flags & Eigen::EvalBeforeNestingBit) != 0;

/// What a read argument is worked on as: itself, or its value, computed once on the heap, when it holds a product. To
/// be bound to `const auto&`.
template <typename Derived>
std::conditional_t<holds_product<Derived>, typename Derived::PlainObject, const Derived&> evaluated(
    const Eigen::DenseBase<Derived>& x) {
  return x.derived();
}

/// One value to another scalar type, rounded once.
template <typename To, typename From>
To convert(const From& value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_storage<To> && is_storage<From>) {
    return round_to<To>(static_cast<double>(value));
  } else if constexpr (is_storage<From>) {
    return To(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Entry i of a list of numbers that may be a row, a column or a matrix: what x.reshaped()(i) reads, to write to.
template <typename X>
typename X::Scalar& entry(X& x, Eigen::Index i) {
  return x.coeffRef(i % x.rows(), i / x.rows());
}

/// Whether these are numbers that the vector kernels know.
template <typename Derived>
inline constexpr bool is_in_memory = has_memory<Derived>&& is_storage<typename Derived::Scalar>;

/// Whether its rows may be contiguous there; has_contiguous_rows() tells whether they are.
template <typename Derived>
inline constexpr bool has_rows_in_memory = is_in_memory<Derived>&& bool(Derived::IsRowMajor);

template <typename Derived>
bool has_contiguous_rows(const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_rows_in_memory<Derived>) {
    return x.derived().innerStride() == 1;
  } else {
    return false;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EIGEN_HPP
