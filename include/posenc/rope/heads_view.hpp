// SPDX-License-Identifier: MIT
/// @file
/// HeadsView: queries or keys in a raw buffer, which it does not own.
#ifndef POSENC_ROPE_HEADS_VIEW_HPP
#define POSENC_ROPE_HEADS_VIEW_HPP

#include "posenc/detail/memory_extent.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/rope/half_bits.hpp"
#include "posenc/rope/heads_shape.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

struct HeadsViewAccess;

/// In place of a scalar, where sizes were given without names and the view does not compile.
struct SizesWithoutNames {};

template <typename... Arguments>
inline constexpr bool is_view_call = false;
template <typename Pointer>
inline constexpr bool is_view_call<Pointer, HeadsShape> = true;

/// Stops the compiler where view_blhd() and its siblings are called with something else than data and a shape.
template <typename... Arguments>
constexpr void explain_view_call() {
  static_assert(is_view_call<Arguments...>,
                "posenc: a view is made of data and sizes with names: write view_blhd(data, "
                "HeadsShape().batch(b).seq_len(l).num_heads(h).head_dim(d))");
}

/// The order of the axes in a buffer without gaps.
enum class HeadsOrder { blhd, bhld };

}  // namespace detail

/// Queries or keys in a raw buffer: channel c of head h of token t of sequence b lies at
///
///     data[b * batch_stride + t * token_stride + h * head_stride + c]
///
/// It owns nothing: the buffer must outlive it. Made by view_blhd(), view_bhld() and view_packed(), or from any
/// strides. Sizes and strides are checked once, here; apply_rope() checks in addition that heads that it writes do not
/// overlap.
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16; const for what is only read.
template <typename Scalar>
class HeadsView {
  static_assert(!std::is_same_v<Scalar, detail::SizesWithoutNames>,
                "posenc: a view is made of data and sizes with names: write view_blhd(data, "
                "HeadsShape().batch(b).seq_len(l).num_heads(h).head_dim(d))");
  static_assert(detail::is_storage<std::remove_const_t<Scalar>> || std::is_same_v<Scalar, detail::SizesWithoutNames>,
                "posenc: a view holds float, double, Eigen::half or Eigen::bfloat16; for 16-bit numbers of another "
                "library write as_half(data) or as_bfloat16(data)");

 public:
  /// @param data     The first channel of head 0 of token 0 of sequence 0.
  /// @param shape    All four sizes.
  /// @param strides  Those of the axes that have more than one element.
  /// @throws std::invalid_argument  a size or stride that is missing; a size < 0, head_dim <= 0; null data where there
  ///                                is something to read.
  /// @throws std::length_error      a view beyond memory.
  HeadsView(Scalar* data, const HeadsShape& shape, const HeadsStrides& strides)
      : HeadsView(Checked{"HeadsView"}, data, shape, strides) {}
  HeadsView(detail::BitsPointer<Scalar> data, const HeadsShape& shape, const HeadsStrides& strides)
      : HeadsView(Checked{"HeadsView"}, data.data(), shape, strides) {}

  /// The numbers. In memory they may have another library's type: see as_half().
  Scalar* data() const { return data_; }
  Eigen::Index batch() const { return batch_; }
  Eigen::Index seq_len() const { return seq_len_; }
  Eigen::Index num_heads() const { return num_heads_; }
  Eigen::Index head_dim() const { return head_dim_; }
  Eigen::Index batch_stride() const { return batch_stride_; }
  Eigen::Index token_stride() const { return token_stride_; }
  Eigen::Index head_stride() const { return head_stride_; }

 private:
  friend struct detail::HeadsViewAccess;

  struct Checked {
    const char* function;
  };

  HeadsView(Checked by, Scalar* data, const HeadsShape& shape, const HeadsStrides& strides)
      : data_(data),
        batch_(given(by.function, "shape.batch", shape.batch())),
        seq_len_(given(by.function, "shape.seq_len", shape.seq_len())),
        num_heads_(given(by.function, "shape.num_heads", shape.num_heads())),
        head_dim_(given(by.function, "shape.head_dim", shape.head_dim())),
        batch_stride_(stride(by.function, "strides.batch", batch_, strides.batch())),
        token_stride_(stride(by.function, "strides.token", seq_len_, strides.token())),
        head_stride_(stride(by.function, "strides.head", num_heads_, strides.head())) {
    const char* const function = by.function;
    detail::require(head_dim_ > 0, function, "shape.head_dim()", head_dim_, "> 0");
    require_axis(function, "shape.batch()", batch_, batch_stride_);
    require_axis(function, "shape.seq_len()", seq_len_, token_stride_);
    require_axis(function, "shape.num_heads()", num_heads_, head_stride_);
    detail::require_size(function, "shape.head_dim()", head_dim_, 1, 4 * sizeof(Scalar));
    const bool empty = batch_ == 0 || seq_len_ == 0 || num_heads_ == 0;
    detail::require(empty || data != nullptr, function, "data", "null", "a valid pointer");
  }

  static Eigen::Index given(const char* function, const char* name, const std::optional<Eigen::Index>& size) {
    if (!size) detail::refuse<std::invalid_argument>(function, name + std::string("(n)"), "nothing", "given");
    if (*size < 0) detail::refuse<std::invalid_argument>(function, name + std::string("()"), *size, ">= 0");
    return *size;
  }
  static Eigen::Index stride(const char* function, const char* name, Eigen::Index count,
                             const std::optional<Eigen::Index>& stride) {
    if (!stride && count > 1) {
      detail::refuse<std::invalid_argument>(function, name + std::string("(n)"), "nothing", "given");
    }
    return stride.value_or(0);
  }
  /// Refuses an axis that spans more than a quarter of what can be addressed, so that three axes and a head fit
  /// together.
  static void require_axis(const char* function, const char* name, Eigen::Index count, Eigen::Index stride) {
    constexpr std::uint64_t limit =
        static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar) / 4;
    const std::uint64_t steps = count > 1 ? static_cast<std::uint64_t>(count) - 1 : 0;
    const std::uint64_t distance = detail::distance_of(stride);
    if (distance > 0 && steps > limit / distance) {
      detail::refuse<std::length_error>(function, name, count, "at most ", limit / distance + 1, " for a stride of ",
                                        stride);
    }
  }

  Scalar* data_;
  Eigen::Index batch_;
  Eigen::Index seq_len_;
  Eigen::Index num_heads_;
  Eigen::Index head_dim_;
  Eigen::Index batch_stride_;
  Eigen::Index token_stride_;
  Eigen::Index head_stride_;
};

/// Says how sizes are given by name.
template <typename... Arguments, std::enable_if_t<(sizeof...(Arguments) > 3), int> = 0>
HeadsView(const Arguments&...) -> HeadsView<detail::SizesWithoutNames>;

namespace detail {

template <typename T>
inline constexpr bool is_heads_view = false;
template <typename Scalar>
inline constexpr bool is_heads_view<HeadsView<Scalar>> = true;

struct HeadsViewAccess {
  template <typename Scalar>
  static HeadsView<Scalar> make(const char* function, Scalar* data, const HeadsShape& shape,
                                const HeadsStrides& strides) {
    return HeadsView<Scalar>(typename HeadsView<Scalar>::Checked{function}, data, shape, strides);
  }
};

/// Strides without gaps. Sizes that are missing or negative, and products that overflow, are refused by the view that
/// is made with them.
inline HeadsStrides contiguous_strides(const HeadsShape& shape, HeadsOrder order) {
  const auto size = [](const std::optional<Eigen::Index>& given) {
    return (std::max)(given.value_or(0), Eigen::Index(0));
  };
  const auto times = [](Eigen::Index a, Eigen::Index b) {
    constexpr Eigen::Index most = (std::numeric_limits<Eigen::Index>::max)();
    return b != 0 && a > most / b ? most : a * b;
  };
  const Eigen::Index head = size(shape.head_dim());
  if (order == HeadsOrder::blhd) {
    const Eigen::Index token = times(size(shape.num_heads()), head);
    return HeadsStrides().batch(times(size(shape.seq_len()), token)).token(token).head(head);
  }
  const Eigen::Index heads = times(size(shape.seq_len()), head);
  return HeadsStrides().batch(times(size(shape.num_heads()), heads)).token(head).head(heads);
}

template <typename Scalar>
HeadsView<Scalar> contiguous_view(const char* function, Scalar* data, const HeadsShape& shape, HeadsOrder order) {
  return HeadsViewAccess::make(function, data, shape, contiguous_strides(shape, order));
}

template <typename Scalar>
HeadsView<Scalar> contiguous_view(const char* function, BitsPointer<Scalar> data, const HeadsShape& shape,
                                  HeadsOrder order) {
  return contiguous_view(function, data.data(), shape, order);
}

}  // namespace detail

/// Views queries or keys in [batch, seq_len, num_heads, head_dim] order: flash-attention, vLLM, what a projection puts
/// out.
///
/// @param data   float*, double*, Eigen::half*, Eigen::bfloat16*, or what as_half() and as_bfloat16() return:
///               batch * seq_len * num_heads * head_dim numbers without gaps; of const for what is only read.
/// @param shape  All four sizes.
/// @throws       as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_blhd(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_blhd", data, shape, detail::HeadsOrder::blhd);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_blhd(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

/// Views queries or keys in [batch, num_heads, seq_len, head_dim] order: Hugging Face, ONNX 4-D, CTranslate2.
///
/// @param data, shape  As in view_blhd().
/// @throws             as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_bhld(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_bhld", data, shape, detail::HeadsOrder::bhld);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_bhld(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

/// Views queries or keys in [tokens, num_heads * head_dim] order, sequences of any length one after the other: vLLM,
/// flash-attention varlen.
///
/// @param data   As in view_blhd().
/// @param shape  seq_len is the number of all tokens, and batch is not given; with a batch it is view_blhd().
/// @throws       as HeadsView().
/// Cost: none (no bench case: nothing is read).
template <typename Pointer>
auto view_packed(Pointer data, const HeadsShape& shape) {
  return detail::contiguous_view("view_packed", data, shape.batch() ? shape : shape.batch(1), detail::HeadsOrder::blhd);
}

/// @overload
/// Says what a view is made of.
template <typename... Arguments, std::enable_if_t<!detail::is_view_call<Arguments...>, int> = 0>
void view_packed(const Arguments&...) {
  detail::explain_view_call<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_VIEW_HPP
