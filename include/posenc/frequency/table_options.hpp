// SPDX-License-Identifier: MIT
/// @file
/// How a cos/sin table lies in memory, and how its angles are formed.
#ifndef POSENC_FREQUENCY_TABLE_OPTIONS_HPP
#define POSENC_FREQUENCY_TABLE_OPTIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// How the cosines and sines of one position lie in memory: of a table of posenc, and of any other codebase's cache.
///
///     cos_sin     c0 c1 c2 .. | s0 s1 s2 ..                       one per pair, cosines first
///     sin_cos     s0 s1 s2 .. | c0 c1 c2 ..                       one per pair, sines first
///     paired      c0 s0 c1 s1 c2 s2 ..                            complex numbers
///     tiled       c0 c1 .. c0 c1 ..  |  s0 s1 .. s0 s1 ..         one per channel of half-split RoPE:
///                                                                 torch.cat((f, f))
///     repeated    c0 c0 c1 c1 ..  |  s0 s0 s1 s1 ..               one per channel of interleaved RoPE:
///                                                                 torch.repeat_interleave(f, 2)
///
/// The bar separates the two halves of a row, or the two arrays of a cache that has cosines and sines in separate
/// arrays. Tables of posenc are cos_sin (the default: best for half-split RoPE, good for interleaved), paired (best for
/// interleaved RoPE) or repeated (for kernels of the caller's own: x * cos + swapped(x) * (-+ sin)). Caches may have
/// any of the five. ChannelOrder uses the words cos_sin and sin_cos in the same sense.
enum class CosSinStorage { cos_sin, sin_cos, paired, tiled, repeated };

namespace detail {

/// What a message calls a storage.
inline const char* name_of(CosSinStorage storage) {
  switch (storage) {
    case CosSinStorage::cos_sin: return "cos_sin";
    case CosSinStorage::sin_cos: return "sin_cos";
    case CosSinStorage::paired: return "paired";
    case CosSinStorage::tiled: return "tiled";
    case CosSinStorage::repeated: return "repeated";
  }
  return "no storage";
}

}  // namespace detail

/// How the angle position * inv_freq is formed.
enum class AngleMode {
  exact,   ///< In double: right at any position.
  float32  ///< In float, as Hugging Face, vLLM and others do: reproduces their numbers, errors included.
};

/// How a table is made. Every function that makes a table takes these, and fill_table() keeps those of its table.
struct TableOptions {
  CosSinStorage storage = CosSinStorage::cos_sin;  ///< cos_sin, paired or repeated.
  AngleMode angles = AngleMode::exact;             ///< How angles are formed.
  /// Number of heads that have angles of their own; 1 where all heads share them. Frequencies (and axes) are then given
  /// for num_heads times the pairs of a head: those of head 0 first, then those of head 1, ...
  detail::Size num_heads = 1;
};

namespace detail {

/// Refuses float32 angles, for tables whose angles frameworks do not form as position * inv_freq in float.
inline void require_exact_angles(const char* function, const TableOptions& options) {
  require(options.angles == AngleMode::exact, function, "options.angles", "float32", "exact");
}

/// The number of pairs of a head, where frequencies hold those of all heads.
inline Eigen::Index pairs_of_head(const char* function, const char* parameter, Eigen::Index num_pairs,
                                  const TableOptions& options) {
  require(options.num_heads > 0, function, "options.num_heads", options.num_heads, "> 0");
  if (num_pairs % options.num_heads != 0) {
    refuse<std::invalid_argument>(function, parameter, num_pairs, "a multiple of options.num_heads ", options.num_heads,
                                  " (the pairs of head 0, then those of head 1, ...)");
  }
  return num_pairs / options.num_heads;
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_OPTIONS_HPP
