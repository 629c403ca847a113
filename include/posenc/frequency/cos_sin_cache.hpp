// SPDX-License-Identifier: MIT
/// @file
/// The cos/sin caches of other codebases: read in place, and written.
#ifndef POSENC_FREQUENCY_COS_SIN_CACHE_HPP
#define POSENC_FREQUENCY_COS_SIN_CACHE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequency_table.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// A cos/sin cache in one array, rows x 2 num_pairs.
///
///     cos_sin   c0 c1 .. s0 s1 ..     vLLM `cos_sin_cache`
///     sin_cos   s0 s1 .. c0 c1 ..     GPT-J `embed_positions`, timm
///     pairs     c0 s0 c1 s1 ..        complex `freqs_cis` of Meta's Llama code, ggml
enum class CacheLayout { cos_sin, sin_cos, pairs };

/// A cos/sin cache in two arrays of the same shape.
///
///     halves              c0 c1 ..           rows x num_pairs     ONNX RotaryEmbedding, flash-attention, gpt-oss
///     doubled             c0 c1 .. c0 c1 ..  rows x 2 num_pairs   Hugging Face, half-split models
///     doubled_adjacent    c0 c0 c1 c1 ..     rows x 2 num_pairs   Hugging Face, interleaved (Cohere); CTranslate2
enum class CosSinLayout { halves, doubled, doubled_adjacent };

/// Refers to a cache in one array. No copy; `cache` must outlive the table.
///
/// @param cache       rows x rotary_dim, row-major without gaps.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Row length, even and > 0.
/// @param layout      Where the cosines are.
/// @param magnitude   The attention factor that the cache was multiplied by; apply_rope_inverse() divides by its
///                    square.
/// @throws std::invalid_argument  one of these does not hold, or `cache` is null with rows > 0.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none.
template <typename Scalar>
FrequencyTable<Scalar> wrap_cache(const Scalar* cache, Eigen::Index rows, Eigen::Index rotary_dim, CacheLayout layout,
                                  double magnitude = 1.0) {
  detail::require_rotary_dim("wrap_cache", "rotary_dim", rotary_dim);
  detail::require(rows >= 0, "wrap_cache", "rows", rows, ">= 0");
  detail::require(rows == 0 || cache != nullptr, "wrap_cache", "cache", "null", "a valid pointer");
  detail::require_size("wrap_cache", "rows", rows, rotary_dim, sizeof(Scalar));
  const Eigen::Index half = cache == nullptr ? 0 : rotary_dim / 2;
  const Eigen::Index one = cache == nullptr ? 0 : 1;
  const Eigen::Index n = rotary_dim / 2;
  switch (layout) {
    case CacheLayout::cos_sin: return {cache, cache + half, rows, n, rotary_dim, 1, magnitude};
    case CacheLayout::sin_cos: return {cache + half, cache, rows, n, rotary_dim, 1, magnitude};
    case CacheLayout::pairs: break;
  }
  return {cache, cache + one, rows, n, rotary_dim, 2, magnitude};
}

/// Refers to a cache in two arrays. No copy; both must outlive the table.
///
/// @param cos, sin    rows x num_pairs (halves) or rows x rotary_dim (doubled), row-major without gaps.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Number of channels that turn, even and > 0, whatever the row length.
/// @param layout      Which cosines a row holds.
/// @param magnitude   As for wrap_cache().
/// @throws std::invalid_argument  one of these does not hold, or a null pointer with rows > 0.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none.
template <typename Scalar>
FrequencyTable<Scalar> wrap_cos_sin(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index rotary_dim,
                                    CosSinLayout layout, double magnitude = 1.0) {
  detail::require_rotary_dim("wrap_cos_sin", "rotary_dim", rotary_dim);
  detail::require(rows >= 0, "wrap_cos_sin", "rows", rows, ">= 0");
  detail::require(rows == 0 || cos != nullptr, "wrap_cos_sin", "cos", "null", "a valid pointer");
  detail::require(rows == 0 || sin != nullptr, "wrap_cos_sin", "sin", "null", "a valid pointer");
  const Eigen::Index n = rotary_dim / 2;
  const Eigen::Index row_length = layout == CosSinLayout::halves ? n : rotary_dim;
  const Eigen::Index step = layout == CosSinLayout::doubled_adjacent ? 2 : 1;
  detail::require_size("wrap_cos_sin", "rows", rows, row_length, sizeof(Scalar));
  return {cos, sin, rows, n, row_length, step, magnitude};
}

/// Writes a table as another codebase's cache, rounding each entry to `cache`'s scalar. For a half or bfloat16 cache
/// that is rounded only once, make the table of that scalar.
///
/// @param[out] cache  table.rows() x table.rotary_dim(); any writable Eigen expression.
/// @throws std::invalid_argument  another shape; null data; memory that overlaps the table's. `cache` is then
///                                unchanged.
/// Cost:     one rounding and one store for each value, element by element; no allocation.
template <typename Cache, typename Scalar>
void write_cache(Cache&& cache, const FrequencyTable<Scalar>& table, CacheLayout layout) {
  auto& target = detail::written(std::forward<Cache>(cache));
  using Target = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_shape("write_cache", "cache", target, table.rows(), table.rotary_dim());
  const Eigen::Index n = table.num_pairs();
  const auto cos = table.cos();
  const auto sin = table.sin();
  detail::require_disjoint("write_cache", "cache", target, cos);
  detail::require_disjoint("write_cache", "cache", target, sin);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index i = 0; i < n; ++i) {
      const Eigen::Index c = layout == CacheLayout::pairs ? 2 * i : layout == CacheLayout::cos_sin ? i : n + i;
      const Eigen::Index s = layout == CacheLayout::pairs ? 2 * i + 1 : layout == CacheLayout::cos_sin ? n + i : i;
      target.coeffRef(row, c) = detail::convert<Target>(cos(row, i));
      target.coeffRef(row, s) = detail::convert<Target>(sin(row, i));
    }
  }
}

/// Writes a table as a cache in two arrays, rounding each entry to their scalars, as write_cache() does.
///
/// @param[out] cos, sin  table.rows() x table.num_pairs() (halves) or x table.rotary_dim() (doubled).
/// @throws std::invalid_argument  another shape; null data; memory that overlaps the table's, or each other's. Both are
///                                then unchanged.
/// Cost:     that of write_cache().
template <typename Cos, typename Sin, typename Scalar>
void write_cos_sin(Cos&& cos, Sin&& sin, const FrequencyTable<Scalar>& table, CosSinLayout layout) {
  auto& cos_target = detail::written(std::forward<Cos>(cos));
  using CosScalar = typename std::decay_t<decltype(cos_target)>::Scalar;
  auto& sin_target = detail::written(std::forward<Sin>(sin));
  using SinScalar = typename std::decay_t<decltype(sin_target)>::Scalar;
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index columns = layout == CosSinLayout::halves ? n : 2 * n;
  detail::require_shape("write_cos_sin", "cos", cos_target, table.rows(), columns);
  detail::require_shape("write_cos_sin", "sin", sin_target, table.rows(), columns);
  const auto table_cos = table.cos();
  const auto table_sin = table.sin();
  detail::require_disjoint("write_cos_sin", "cos", cos_target, table_cos);
  detail::require_disjoint("write_cos_sin", "cos", cos_target, table_sin);
  detail::require_disjoint("write_cos_sin", "sin", sin_target, table_cos);
  detail::require_disjoint("write_cos_sin", "sin", sin_target, table_sin);
  detail::require_disjoint("write_cos_sin", "sin", sin_target, cos_target);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Eigen::Index i = layout == CosSinLayout::doubled_adjacent ? j / 2 : j % n;
      cos_target.coeffRef(row, j) = detail::convert<CosScalar>(table_cos(row, i));
      sin_target.coeffRef(row, j) = detail::convert<SinScalar>(table_sin(row, i));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_COS_SIN_CACHE_HPP
