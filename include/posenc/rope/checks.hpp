// SPDX-License-Identifier: MIT
/// @file
/// What apply_rope() asks of windows and of views over raw buffers.
#ifndef POSENC_ROPE_CHECKS_HPP
#define POSENC_ROPE_CHECKS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/table.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename TableScalar>
void require_window(const char* function, const RopeLayout& layout, const FrequencyTable<TableScalar>& table) {
  require(table.rotary_dim() <= layout.head_dim() - layout.offset(), function, "table.rotary_dim()", table.rotary_dim(),
          "at most ", layout.head_dim() - layout.offset(), " (head_dim ", layout.head_dim(), " - offset ",
          layout.offset(), ")");
}

template <typename Scalar>
void require_view(const char* function, const char* parameter, const HeadsView<Scalar>& x, const RopeLayout& layout) {
  const std::string name = parameter;
  const auto at_least_zero = [&](const char* field, Eigen::Index value) {
    if (value < 0) refuse<std::invalid_argument>(function, name + field, value, ">= 0");
  };
  at_least_zero(".batch", x.batch);
  at_least_zero(".seq_len", x.seq_len);
  at_least_zero(".num_heads", x.num_heads);
  if (x.head_dim != layout.head_dim()) {
    refuse<std::invalid_argument>(function, name + ".head_dim", x.head_dim, "layout.head_dim() ", layout.head_dim());
  }
  if (x.data == nullptr && x.batch > 0 && x.seq_len > 0 && x.num_heads > 0) {
    refuse<std::invalid_argument>(function, name + ".data", "null", "a valid pointer");
  }
}

/// Heads of a view that is written to may not lie in one another: each would turn more than once. Each stride must reach
/// past what the smaller ones cover; one that was left out is 0.
template <typename Scalar>
void require_heads_apart(const char* function, const char* parameter, const HeadsView<Scalar>& x) {
  if (x.batch == 0 || x.seq_len == 0 || x.num_heads == 0) return;
  struct Axis {
    const char* stride_name;
    const char* count_name;
    Eigen::Index count;
    Eigen::Index stride;
    std::uint64_t distance() const {
      return stride < 0 ? 0 - static_cast<std::uint64_t>(stride) : std::uint64_t(stride);
    }
  };
  Axis axes[] = {{".head_stride", ".num_heads", x.num_heads, x.head_stride},
                 {".token_stride", ".seq_len", x.seq_len, x.token_stride},
                 {".batch_stride", ".batch", x.batch, x.batch_stride}};
  for (const int i : {0, 1, 0}) {  // by distance
    if (axes[i + 1].distance() < axes[i].distance()) std::swap(axes[i], axes[i + 1]);
  }
  constexpr std::uint64_t limit =
      static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar);
  std::uint64_t covered = static_cast<std::uint64_t>(x.head_dim);
  for (const Axis& axis : axes) {
    if (axis.count <= 1) continue;
    if (axis.distance() < covered) {
      refuse<std::invalid_argument>(function, parameter + std::string(axis.stride_name), axis.stride, "at least ",
                                    covered, " forwards or backwards (what lies within)");
    }
    const std::uint64_t steps = static_cast<std::uint64_t>(axis.count) - 1;
    if ((steps | axis.distance()) >> 30 != 0) {  // else no division is needed to see that the product is small
      const std::uint64_t most = (limit - covered) / axis.distance();
      if (steps > most) {
        refuse<std::length_error>(function, parameter + std::string(axis.count_name), axis.count, "at most ", most + 1,
                                  " for a stride of ", axis.stride);
      }
    }
    covered += steps * axis.distance();
  }
}

template <typename Scalar>
MemoryExtent extent_of(const HeadsView<Scalar>& x) {
  MemoryExtent extent;
  extent.first = reinterpret_cast<std::intptr_t>(x.data);
  extent.bytes = static_cast<std::intptr_t>(x.head_dim) * static_cast<std::intptr_t>(sizeof(Scalar));
  extent.set_axis(0, x.batch, x.batch_stride, sizeof(Scalar));
  extent.set_axis(1, x.seq_len, x.token_stride, sizeof(Scalar));
  extent.set_axis(2, x.num_heads, x.head_stride, sizeof(Scalar));
  return extent;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_CHECKS_HPP
