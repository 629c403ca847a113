// SPDX-License-Identifier: MIT
/// @file
/// wrap_cache() and write_cache(): the cos/sin caches of other codebases, read in place and written.
#ifndef POSENC_FREQUENCY_COS_SIN_CACHE_HPP
#define POSENC_FREQUENCY_COS_SIN_CACHE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequency_table.hpp"

#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// How many times a cache holds each cosine.
inline Eigen::Index copies_of(CosSinStorage storage) {
  return storage == CosSinStorage::tiled || storage == CosSinStorage::repeated ? 2 : 1;
}

/// The pair of entry j among all cosines of one position.
inline Eigen::Index pair_at(CosSinStorage storage, Eigen::Index j, Eigen::Index num_pairs) {
  return storage == CosSinStorage::repeated ? j / 2 : j % num_pairs;
}

inline void require_two_arrays(const char* function, CosSinStorage storage) {
  require(storage != CosSinStorage::sin_cos && storage != CosSinStorage::paired, function, "storage", name_of(storage),
          "cos_sin, tiled or repeated for a cache in two arrays");
}

struct CacheReader {
  /// Whether both copies of each value have the same bits.
  template <typename Scalar>
  static bool copies_agree(const Scalar* row, CosSinStorage storage, Eigen::Index num_pairs) {
    if (storage == CosSinStorage::tiled) {
      return std::memcmp(row, row + num_pairs, static_cast<std::size_t>(num_pairs) * sizeof(Scalar)) == 0;
    }
    for (Eigen::Index i = 0; i < num_pairs; ++i) {
      if (std::memcmp(row + 2 * i, row + 2 * i + 1, sizeof(Scalar)) != 0) return false;
    }
    return true;
  }

  template <typename Scalar>
  static void require_copies_agree(const char* parameter, const Scalar* values, Eigen::Index rows,
                                   const TableFacts& facts) {
    if (copies_of(facts.storage) == 1) return;
    for (Eigen::Index row = 0; row < rows; ++row) {
      if (copies_agree(values + row * facts.row_stride, facts.storage, facts.num_pairs)) continue;
      refuse<std::invalid_argument>("wrap_cache", parameter, "a difference in row " + std::to_string(row),
                                    facts.storage == CosSinStorage::tiled ? "equal in both halves of a row (tiled)"
                                                                          : "equal in both of a pair (repeated)");
    }
  }

  static TableFacts facts(Eigen::Index rows, Eigen::Index rotary_dim, CosSinStorage storage, double magnitude) {
    const char* const function = "wrap_cache";
    require(rows >= 0, function, "rows", rows, ">= 0");
    require_rotary_dim(function, "rotary_dim", rotary_dim);
    require_named(function, "storage", storage, CosSinStorage::repeated);
    require(is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
    TableFacts facts;
    facts.num_pairs = rotary_dim / 2;
    facts.row_stride = facts.num_pairs * copies_of(storage);
    facts.pair_stride = storage == CosSinStorage::paired || storage == CosSinStorage::repeated ? 2 : 1;
    facts.storage = storage;
    facts.magnitude = magnitude;
    return facts;
  }

  template <typename Scalar>
  static FrequencyTableView<Scalar> wrap(const Scalar* cache, Eigen::Index rows, TableFacts facts) {
    require(rows == 0 || cache != nullptr, "wrap_cache", "cache", "null", "a valid pointer");
    const Eigen::Index plane = cache == nullptr ? 0 : facts.storage == CosSinStorage::paired ? 1 : facts.row_stride;
    facts.row_stride *= 2;
    require_size("wrap_cache", "rows", rows, facts.row_stride, sizeof(Scalar));
    require_copies_agree("cosines of cache", cache, rows, facts);
    require_copies_agree("sines of cache", cache + plane, rows, facts);
    const bool sines_first = facts.storage == CosSinStorage::sin_cos;
    return {facts, cache + (sines_first ? plane : 0), cache + (sines_first ? 0 : plane), rows};
  }

  template <typename Scalar>
  static FrequencyTableView<Scalar> wrap(const Scalar* cos, const Scalar* sin, Eigen::Index rows,
                                         const TableFacts& facts) {
    require(rows == 0 || cos != nullptr, "wrap_cache", "cos", "null", "a valid pointer");
    require(rows == 0 || sin != nullptr, "wrap_cache", "sin", "null", "a valid pointer");
    require_two_arrays("wrap_cache", facts.storage);
    require_size("wrap_cache", "rows", rows, facts.row_stride, sizeof(Scalar));
    require_copies_agree("cos", cos, rows, facts);
    require_copies_agree("sin", sin, rows, facts);
    return {facts, cos, sin, rows};
  }
};

/// Whether arguments begin with a pointer and end with a storage and a magnitude: what wrap_cache() needs.
template <typename... Given>
inline constexpr bool is_wrap_call = false;
template <typename Cache, typename Rows, typename Width, typename Magnitude>
inline constexpr bool is_wrap_call<Cache, Rows, Width, CosSinStorage, Magnitude> =
    std::is_pointer_v<std::decay_t<Cache>>&& std::is_arithmetic_v<Magnitude>;
template <typename Cos, typename Sin, typename Rows, typename Width, typename Magnitude>
inline constexpr bool is_wrap_call<Cos, Sin, Rows, Width, CosSinStorage, Magnitude> =
    std::is_pointer_v<std::decay_t<Cos>>&& std::is_arithmetic_v<Magnitude>;

}  // namespace detail

/// Reads another codebase's cos/sin cache in place: a view for apply_rope(), without a copy.
///
/// One array: vLLM `cos_sin_cache` is cos_sin; GPT-J `embed_positions` and timm are sin_cos; complex `freqs_cis` of
/// Meta's Llama code and ggml are paired.
/// @param cache       `rows` rows without gaps: rotary_dim values each, or 2 rotary_dim where the storage holds two
///                    copies of each number (tiled, repeated). It must outlive the view.
/// @param rows        Number of positions, >= 0.
/// @param rotary_dim  Number of channels that rotate, even and > 0.
/// @param storage     How a row lies in memory.
/// @param magnitude   The attention factor A that the cache was multiplied by, 1 without YaRN or LongRoPE; inverse()
///                    divides by its square.
/// @throws std::invalid_argument  one of these does not hold; `cache` is null with rows > 0; the two copies of a number
///                                differ (tiled, repeated), because only one of them would be used.
/// @throws std::length_error      more rows than memory's index type counts.
/// Cost:     none for cos_sin, sin_cos and paired; tiled and repeated read the whole cache once to compare the copies
///           (bench_frequency: wrap_cache).
template <typename Scalar>
FrequencyTableView<Scalar> wrap_cache(const Scalar* cache, detail::Size rows, detail::Size rotary_dim,
                                      CosSinStorage storage, double magnitude) {
  return detail::CacheReader::wrap(cache, rows, detail::CacheReader::facts(rows, rotary_dim, storage, magnitude));
}

/// @overload
/// A cache in two arrays: ONNX RotaryEmbedding, flash-attention and gpt-oss are cos_sin; Hugging Face is tiled in
/// half-split models and repeated in interleaved ones (Cohere); CTranslate2 is repeated.
/// @param cos, sin    `rows` rows without gaps: rotary_dim / 2 values each (cos_sin), or rotary_dim (tiled, repeated).
///                    Both must outlive the view.
/// @param rotary_dim  Number of channels that rotate, whatever the row length.
/// @throws std::invalid_argument  in addition to those above: sin_cos or paired, which are storages of one array.
template <typename Scalar>
FrequencyTableView<Scalar> wrap_cache(const Scalar* cos, const Scalar* sin, detail::Size rows, detail::Size rotary_dim,
                                      CosSinStorage storage, double magnitude) {
  return detail::CacheReader::wrap(cos, sin, rows, detail::CacheReader::facts(rows, rotary_dim, storage, magnitude));
}

/// @overload
/// Says what the arguments are.
template <typename... Given, std::enable_if_t<!detail::is_wrap_call<Given...>, int> = 0>
FrequencyTableView<float> wrap_cache(const Given&...) {
  static_assert(
      detail::kMisuse<Given...>,
      "posenc: write wrap_cache(data, rows, rotary_dim, storage, magnitude) or wrap_cache(cos, sin, rows, rotary_dim, "
      "storage, magnitude), with pointers to the first number, CosSinStorage::cos_sin, paired, tiled, ... for how the "
      "numbers lie, and the attention factor that they were multiplied by, 1 without YaRN or LongRoPE");
  std::abort();
}

/// Writes a table as another codebase's cache in one array, rounding each entry to `cache`'s scalar.
///
/// For a half or bfloat16 cache that is rounded only once, make the table of that scalar.
/// @param[out] cache  table.rows() x table.rotary_dim(), or x 2 table.rotary_dim() (tiled, repeated); any writable
///                    Eigen expression.
/// @param table       A FrequencyTable or a view of one.
/// @param storage     How a row lies in memory; wrap_cache() says which project has which.
/// @throws std::invalid_argument  another shape; null data; a cache that overlaps itself or the table; a table whose
///                                heads have angles of their own (give table.head(h)). `cache` is then unchanged.
/// Cost:     one rounding and one store for each value, element by element; no allocation
///           (bench_frequency: write_cache).
/// Matches:  see wrap_cache().
template <typename Cache, typename Table, std::enable_if_t<detail::is_frequency_table<Table>, int> = 0>
void write_cache(Cache&& cache, const Table& table, CosSinStorage storage) {
  const char* const function = "write_cache";
  detail::require_named(function, "storage", storage, CosSinStorage::repeated);
  auto& target = detail::written(std::forward<Cache>(cache));
  using Target = typename std::decay_t<decltype(target)>::Scalar;
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index plane = n * detail::copies_of(storage);
  detail::require_shape(function, "cache", target, table.rows(), 2 * plane);
  detail::require_no_self_overlap(function, "cache", target);
  detail::require_shared_angles(function, table);
  const auto cos = table.cos();
  const auto sin = table.sin();
  detail::require_disjoint(function, "cache", target, cos);
  detail::require_disjoint(function, "cache", target, sin);
  const bool paired = storage == CosSinStorage::paired;
  const Eigen::Index first_cos = storage == CosSinStorage::sin_cos ? plane : 0;
  const Eigen::Index first_sin = paired ? 1 : plane - first_cos;
  const Eigen::Index step = paired ? 2 : 1;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < plane; ++j) {
      const Eigen::Index pair = detail::pair_at(storage, j, n);
      target.coeffRef(row, first_cos + step * j) = detail::convert<Target>(cos(row, pair));
      target.coeffRef(row, first_sin + step * j) = detail::convert<Target>(sin(row, pair));
    }
  }
}

/// @overload
/// A cache in two arrays, each rounded to its own scalar.
/// @param[out] cos, sin  table.rows() x table.num_pairs() (cos_sin), or x table.rotary_dim() (tiled, repeated).
/// @throws std::invalid_argument  in addition to those above: sin_cos or paired, which are storages of one array; cos
///                                and sin that overlap. Both are then unchanged.
template <typename Cos, typename Sin, typename Table, std::enable_if_t<detail::is_frequency_table<Table>, int> = 0>
void write_cache(Cos&& cos, Sin&& sin, const Table& table, CosSinStorage storage) {
  const char* const function = "write_cache";
  auto& cos_target = detail::written(std::forward<Cos>(cos));
  using CosScalar = typename std::decay_t<decltype(cos_target)>::Scalar;
  auto& sin_target = detail::written(std::forward<Sin>(sin));
  using SinScalar = typename std::decay_t<decltype(sin_target)>::Scalar;
  detail::require_named(function, "storage", storage, CosSinStorage::repeated);
  detail::require_two_arrays(function, storage);
  const Eigen::Index n = table.num_pairs();
  const Eigen::Index columns = n * detail::copies_of(storage);
  detail::require_shape(function, "cos", cos_target, table.rows(), columns);
  detail::require_shape(function, "sin", sin_target, table.rows(), columns);
  detail::require_no_self_overlap(function, "cos", cos_target);
  detail::require_no_self_overlap(function, "sin", sin_target);
  detail::require_shared_angles(function, table);
  const auto table_cos = table.cos();
  const auto table_sin = table.sin();
  detail::require_disjoint(function, "cos", cos_target, table_cos);
  detail::require_disjoint(function, "cos", cos_target, table_sin);
  detail::require_disjoint(function, "sin", sin_target, table_cos);
  detail::require_disjoint(function, "sin", sin_target, table_sin);
  detail::require_disjoint(function, "sin", sin_target, cos_target);
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Eigen::Index pair = detail::pair_at(storage, j, n);
      cos_target.coeffRef(row, j) = detail::convert<CosScalar>(table_cos(row, pair));
      sin_target.coeffRef(row, j) = detail::convert<SinScalar>(table_sin(row, pair));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_COS_SIN_CACHE_HPP
