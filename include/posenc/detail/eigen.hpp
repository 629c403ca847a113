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

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Derived>
constexpr void require_writable() {
  static_assert((Derived::Flags & Eigen::LvalueBit) != 0,
                "posenc: the argument is written to, but this expression cannot be (it is const or computed)");
  static_assert(
      !Eigen::NumTraits<typename Derived::Scalar>::IsInteger && !Eigen::NumTraits<typename Derived::Scalar>::IsComplex,
      "posenc: the argument must hold real numbers: float, double, Eigen::half, Eigen::bfloat16, or an "
      "autodiff scalar");
}

template <typename Derived>
constexpr void require_no_temporary() {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the argument is a temporary matrix, and the result would be lost with it");
}

/// The Eigen object behind a written argument `X&& x`: an lvalue, or a temporary that writes through (Map, Block, ...).
template <typename X>
auto& writable(X& x) {
  static_assert(std::is_base_of_v<Eigen::EigenBase<std::remove_const_t<X>>, X>,
                "posenc: the argument that is written to must be an Eigen object");
  static_assert(!std::is_const_v<X>, "posenc: the argument is written to, but it is const");
  require_writable<X>();
  return x;
}

/// To be called with the deduced type of `X&& x`: a temporary matrix would take the result with it.
template <typename X>
constexpr void require_written_through() {
  if constexpr (!std::is_lvalue_reference_v<X>) require_no_temporary<std::remove_reference_t<X>>();
}

template <typename Derived>
void require_shape(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& x, Eigen::Index rows,
                   Eigen::Index columns) {
  if (x.rows() != rows) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x.rows(), rows);
  }
  if (x.cols() != columns) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), columns);
  }
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

/// Whether rows of `Derived` may be contiguous in memory, which the vector kernels need; inner_is_one() tells whether
/// they are.
template <typename Derived>
inline constexpr bool has_rows_in_memory =
    (Derived::Flags & Eigen::DirectAccessBit) != 0 &&
    (Derived::Flags & Eigen::RowMajorBit) != 0 && is_storage<typename Derived::Scalar>;

template <typename Derived>
bool has_contiguous_rows(const Eigen::DenseBase<Derived>& x) {
  if constexpr (has_rows_in_memory<Derived>) {
    return x.derived().innerStride() == 1;
  } else {
    return false;
  }
}

/// Whether two objects in memory share an element without being the very same one.
template <typename DerivedA, typename DerivedB>
bool overlap_partially(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  constexpr bool both_in_memory =
      (DerivedA::Flags & Eigen::DirectAccessBit) != 0 && (DerivedB::Flags & Eigen::DirectAccessBit) != 0;
  if constexpr (!both_in_memory) {
    return false;
  } else {
    if (a.size() == 0 || b.size() == 0) return false;
    using ScalarA = typename DerivedA::Scalar;
    using ScalarB = typename DerivedB::Scalar;
    const auto address = [](const void* p) { return reinterpret_cast<std::intptr_t>(p); };
    const auto bytes = [](Eigen::Index count, std::size_t size) {
      return static_cast<std::intptr_t>(count) * static_cast<std::intptr_t>(size);
    };
    const std::intptr_t a_first = address(a.derived().data());
    const std::intptr_t b_first = address(b.derived().data());
    const std::intptr_t a_stride = bytes(a.derived().outerStride(), sizeof(ScalarA));
    const std::intptr_t b_stride = bytes(b.derived().outerStride(), sizeof(ScalarB));
    const std::intptr_t a_width = bytes((a.innerSize() - 1) * a.derived().innerStride() + 1, sizeof(ScalarA));
    const std::intptr_t b_width = bytes((b.innerSize() - 1) * b.derived().innerStride() + 1, sizeof(ScalarB));
    const std::intptr_t a_end = a_first + (a.outerSize() - 1) * a_stride + a_width;
    const std::intptr_t b_end = b_first + (b.outerSize() - 1) * b_stride + b_width;
    if (a_end <= b_first || b_end <= a_first) return false;
    const bool same = std::is_same_v<ScalarA, ScalarB> && a_first == b_first && a_stride == b_stride &&
                      a.derived().innerStride() == b.derived().innerStride() &&
                      bool(DerivedA::IsRowMajor) == bool(DerivedB::IsRowMajor);
    if (same) return false;
    // Blocks side by side in the rows of one matrix (q and k of a packed projection) do not touch.
    if (a_stride == b_stride && bool(DerivedA::IsRowMajor) == bool(DerivedB::IsRowMajor) && a_stride > 0) {
      const std::intptr_t shift = ((b_first - a_first) % a_stride + a_stride) % a_stride;
      if (shift >= a_width && shift + b_width <= a_stride) return false;
    }
    return true;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_EIGEN_HPP
