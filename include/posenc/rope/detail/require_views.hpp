// SPDX-License-Identifier: MIT
/// @file
/// What apply_rope() asks of windows and of views over raw buffers.
#ifndef POSENC_ROPE_DETAIL_REQUIRE_VIEWS_HPP
#define POSENC_ROPE_DETAIL_REQUIRE_VIEWS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename TableScalar>
void require_window(const char* function, const RopeLayout& layout, const FrequencyTableView<TableScalar>& table) {
  require(table.rotary_dim() <= layout.head_dim() - layout.offset(), function, "table.rotary_dim()", table.rotary_dim(),
          "at most ", layout.head_dim() - layout.offset(), " (head_dim ", layout.head_dim(), " - offset ",
          layout.offset(), ")");
}

template <typename Scalar>
void require_view(const char* function, const char* parameter, const HeadsView<Scalar>& x, const RopeLayout& layout) {
  const std::string name = parameter;
  constexpr std::uint64_t limit =  // of each axis and of a head, so that all of them together fit
      static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar) / 4;
  const auto require_axis = [&](const char* field, Eigen::Index count, Eigen::Index stride) {
    if (count < 0) refuse<std::invalid_argument>(function, name + field, count, ">= 0");
    const std::uint64_t steps = count > 1 ? static_cast<std::uint64_t>(count) - 1 : 0;
    const std::uint64_t distance = distance_of(stride);
    if ((steps | distance) >> 28 == 0) return;  // no division is needed to see that the product is small
    if (distance > 0 && steps > limit / distance) {
      refuse<std::length_error>(function, name + field, count, "at most ", limit / distance + 1, " for a stride of ",
                                stride);
    }
  };
  require_axis(".batch", x.batch, x.batch_stride);
  require_axis(".seq_len", x.seq_len, x.token_stride);
  require_axis(".num_heads", x.num_heads, x.head_stride);
  if (x.head_dim != layout.head_dim()) {
    refuse<std::invalid_argument>(function, name + ".head_dim", x.head_dim, "layout.head_dim() ", layout.head_dim());
  }
  require_size(function, "layout.head_dim()", x.head_dim, 1, 4 * sizeof(Scalar));
  if (x.data == nullptr && x.batch > 0 && x.seq_len > 0 && x.num_heads > 0) {
    refuse<std::invalid_argument>(function, name + ".data", "null", "a valid pointer");
  }
}

/// Heads of a view that is written to may not lie in one another: each would turn more than once. Each stride must
/// reach past what the smaller ones cover; one that was left out is 0.
template <typename Scalar>
void require_heads_apart(const char* function, const char* parameter, const HeadsView<Scalar>& x) {
  if (x.batch == 0 || x.seq_len == 0 || x.num_heads == 0) return;
  StridedAxis axes[] = {{".head_stride", x.num_heads, x.head_stride},
                        {".token_stride", x.seq_len, x.token_stride},
                        {".batch_stride", x.batch, x.batch_stride}};
  require_nested_strides(function, parameter, axes, x.head_dim);
}

template <typename Scalar>
MemoryExtent extent_of(const HeadsView<Scalar>& x) {
  MemoryExtent extent;
  extent.first = address_of(x.data);
  extent.bytes = static_cast<std::int64_t>(x.head_dim) * static_cast<std::int64_t>(sizeof(Scalar));
  extent.set_axis(0, x.batch, x.batch_stride, sizeof(Scalar));
  extent.set_axis(1, x.seq_len, x.token_stride, sizeof(Scalar));
  extent.set_axis(2, x.num_heads, x.head_stride, sizeof(Scalar));
  return extent;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_REQUIRE_VIEWS_HPP
