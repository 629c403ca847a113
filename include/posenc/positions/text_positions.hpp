// SPDX-License-Identifier: MIT
/// @file
/// Position ids of text: padded batches, packed documents, chunks.
#ifndef POSENC_POSITIONS_TEXT_POSITIONS_HPP
#define POSENC_POSITIONS_TEXT_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/position_list.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// One position for each token of a batch: batch x seq_len.
using PositionIds = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Tokens that a key/value cache holds already, in front of those that the call is about: PastTokens(5).
class PastTokens {
 public:
  /// @param count  [tokens] 0 where there is no cache. Each function that takes it says what is in range.
  template <typename Count, std::enable_if_t<std::is_convertible_v<const Count&, detail::WholeNumber>, int> = 0>
  explicit PastTokens(Count count) : count_(detail::WholeNumber(count)) {}
  /// Says what `PastTokens past = 5` is to be.
  template <typename Never = void>
  PastTokens(long double) {  // NOLINT: meant to be found by `=`, and worse than the above otherwise
    static_assert(detail::kMisuse<Never>, "posenc: a bare number is no PastTokens: write PastTokens past(count)");
  }
  /// The number of tokens.
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_;
};

namespace detail {

/// Row by row: entry j is at(number of real tokens up to and with j, whether j is real), for j >= first.
template <typename Derived, typename IsReal, typename At>
PositionIds counted_positions(const Eigen::DenseBase<Derived>& tokens, Eigen::Index first, IsReal is_real, At at) {
  const auto& given = evaluated(tokens);
  PositionIds ids(tokens.rows(), tokens.cols() - first);
  for (Eigen::Index row = 0; row < tokens.rows(); ++row) {
    std::int64_t count = 0;
    for (Eigen::Index j = 0; j < tokens.cols(); ++j) {
      const bool real = is_real(given.coeff(row, j));
      count += real ? 1 : 0;
      if (j >= first) ids(row, j - first) = at(count, real);
    }
  }
  return ids;
}

/// counted_positions() of a mask, which is not zero where a token is real.
template <typename Derived, typename At>
PositionIds masked_positions(const char* function, const Eigen::DenseBase<Derived>& mask, PastTokens past, At at) {
  using Scalar = typename Derived::Scalar;
  const std::int64_t columns = mask.cols();
  require(past.count() >= 0 && past.count() <= columns, function, "past", past.count(), "in [0, ", columns,
          "] (columns of the mask)");
  return counted_positions(
      mask, static_cast<Eigen::Index>(past.count()), [](const Scalar& value) { return !(value == Scalar(0)); }, at);
}

/// Checks cu_seqlens and returns the number of documents.
template <typename Entries>
Eigen::Index require_cu_seqlens(const char* function, const Entries& entries) {
  const auto at = [&](Eigen::Index i) { return static_cast<std::int64_t>(list_entry(entries, i)); };
  const Eigen::Index size = entries.size();
  require(size > 0, function, "cu_seqlens.size()", size, "> 0");
  require(at(0) == 0, function, "cu_seqlens[0]", at(0), 0);
  for (Eigen::Index i = 1; i < size; ++i) {
    if (at(i) < at(i - 1)) {
      refuse<std::invalid_argument>(function, element("cu_seqlens", i), at(i), "at least ", at(i - 1));
    }
  }
  require_size(function, "the last of cu_seqlens", at(size - 1), 1, sizeof(std::int64_t));
  return size - 1;
}

}  // namespace detail

/// Positions in a padded batch: the k-th real token of a sequence (k from 0) is at k, pads are at `pad_position`.
///
///     mask  0 0 1 1 1     positions  1 1 0 1 2
///
/// @param mask          batch x (past + seq_len): not zero where a token is real, cached tokens included. Any scalar.
/// @param past          PastTokens(count): cached tokens, whose positions are left out; in [0, mask.cols()].
/// @param pad_position  Position of pads. Attention must mask them, so that it changes nothing.
/// @returns             batch x seq_len.
/// @throws std::invalid_argument  past is outside of that.
/// Cost:     a count and a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][text].
/// Matches:  cumsum(attention_mask) - 1 with 1 at pads of Hugging Face, for left and right padding.
template <typename Derived>
PositionIds padded_positions(const Eigen::DenseBase<Derived>& mask, PastTokens past = PastTokens(0),
                             detail::WholeNumber pad_position = 1) {
  return detail::masked_positions("padded_positions", mask, past, [&](std::int64_t count, bool real) {
    return real ? count - 1 : std::int64_t{pad_position};
  });
}

/// @overload
/// Says that a bare number may be either of the two.
template <typename Derived, typename Number, typename... More, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
PositionIds padded_positions(const Eigen::DenseBase<Derived>&, const Number&, const More&...) {
  static_assert(detail::kMisuse<Number>,
                "posenc: write padded_positions(mask, PastTokens(count), pad_position): count is the number of cached "
                "tokens");
  return {};
}

/// Positions of documents packed one after the other: each begins again at 0.
///
///     cu_seqlens  0 3 5     positions  0 1 2 0 1
///
/// @param cu_seqlens  num_documents + 1 integers that do not decrease, the first 0: document i is the tokens
///                    cu_seqlens(i) ... cu_seqlens(i + 1) - 1. An Eigen vector or a contiguous range.
/// @returns           One position for each token, cu_seqlens(num_documents) in all.
/// @throws std::invalid_argument  an empty list; the first entry not 0; a list that decreases.
/// @throws std::length_error      more tokens than fit into memory's index type.
/// Cost:     a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][text].
/// Matches:  cu_seqlens of flash-attention.
template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> packed_positions(const List& cu_seqlens) {
  static_assert(Eigen::NumTraits<detail::ListScalar<List>>::IsInteger, "posenc: cu_seqlens holds integers");
  const char* const function = "packed_positions";
  const detail::HeldList<List> entries(detail::as_list(cu_seqlens));
  const auto at = [&](Eigen::Index i) { return static_cast<std::int64_t>(detail::list_entry(entries, i)); };
  const Eigen::Index size = detail::require_cu_seqlens(function, entries) + 1;
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> ids(static_cast<Eigen::Index>(at(size - 1)));
  for (Eigen::Index i = 1; i < size; ++i) {
    for (std::int64_t t = at(i - 1); t < at(i); ++t) ids[static_cast<Eigen::Index>(t)] = t - at(i - 1);
  }
  return ids;
}

/// @overload
/// Documents that do not begin at 0: a ragged batch of sequences of any lengths, each after its own cached tokens.
///
///     cu_seqlens  0 3 5    starts  7 2     positions  7 8 9 2 3
///
/// @param starts  The first position of each document: num_documents integers. An Eigen vector or a contiguous range.
/// @throws std::invalid_argument  besides those of packed_positions(cu_seqlens): another number of starts.
/// @throws std::out_of_range      a position beyond +-2^57.
/// Cost:     that of packed_positions(cu_seqlens) (bench_frequency: positions).
/// Accuracy: exact [positions][text].
/// Matches:  `start_positions` of TransformerEngine, `offsets` of FlashInfer.
template <typename List, typename Starts, std::enable_if_t<detail::is_list<List> && detail::is_list<Starts>, int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> packed_positions(const List& cu_seqlens, const Starts& starts) {
  static_assert(Eigen::NumTraits<detail::ListScalar<Starts>>::IsInteger, "posenc: starts holds integers");
  const char* const function = "packed_positions";
  const detail::HeldList<List> entries(detail::as_list(cu_seqlens));
  const detail::HeldList<Starts> first(detail::as_list(starts));
  const Eigen::Index documents = detail::require_cu_seqlens(function, entries);
  detail::require(first.size() == documents, function, "starts.size()", first.size(), "the number of documents ",
                  documents);
  const auto end = [&](Eigen::Index i) { return static_cast<std::int64_t>(detail::list_entry(entries, i)); };
  for (Eigen::Index i = 0; i < documents; ++i) {
    const auto start = detail::list_entry(first, i);
    if (!detail::is_position(start)) detail::require_position(function, detail::element("starts", i), start);
    const std::int64_t most = detail::kMaxPosition - (std::max)(end(i + 1) - end(i) - 1, std::int64_t(0));
    if (static_cast<std::int64_t>(detail::list_entry(first, i)) > most) {
      detail::refuse<std::out_of_range>(function, detail::element("starts", i), detail::list_entry(first, i),
                                        "at most ", most, ", so that no position is beyond 2^57");
    }
  }
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> ids = packed_positions(entries);
  for (Eigen::Index i = 0; i < documents; ++i) {
    const auto start = static_cast<std::int64_t>(detail::list_entry(first, i));
    for (std::int64_t t = end(i); t < end(i + 1); ++t) ids[static_cast<Eigen::Index>(t)] += start;
  }
  return ids;
}

/// The six positions that dual_chunk_positions() gives a token: one as a key, five as a query. Below, p is its position
/// in the text and c = chunk_size - local_size.
struct DualChunkPositions {
  std::int64_t key;                  ///< p mod c
  std::int64_t intra;                ///< p mod c: the query against keys of its own chunk.
  std::int64_t successive;           ///< min(p mod c + c, chunk_size): against keys of the chunk before.
  std::int64_t inter;                ///< min(2 c - 1, chunk_size): against keys of all earlier chunks.
  std::int64_t successive_critical;  ///< p mod c + c: `successive` without the limit, for choosing sparse blocks.
  std::int64_t inter_critical;       ///< p mod c + chunk_size
};

/// Positions of a token in dual chunk attention, which keeps every distance within the trained length.
///
/// @param position    Position of the token in the text, >= 0.
/// @param chunk_size  Trained length, > 0.
/// @param local_size  Tokens at the start of each chunk that see the chunk before at exact distances, in
///                    [0, chunk_size).
/// @returns           The six positions.
/// @throws std::invalid_argument  chunk_size <= 0 or beyond 2^57; local_size outside of that.
/// @throws std::out_of_range      a negative position.
/// Cost:     a division; nothing that a bench case would show.
/// Accuracy: exact [positions][text].
/// Source:   An et al. 2024, arXiv:2402.17463.
/// Matches:  DualChunkRotaryEmbedding of vLLM and SGLang (Qwen2.5-1M), ChunkLlamaRotaryEmbedding of its authors.
inline DualChunkPositions dual_chunk_positions(detail::WholeNumber position, detail::WholeNumber chunk_size,
                                               detail::WholeNumber local_size) {
  const char* const function = "dual_chunk_positions";
  detail::require(chunk_size > 0 && chunk_size <= detail::kMaxPosition, function, "chunk_size", chunk_size,
                  "in [1, 2^57]");
  detail::require(local_size >= 0 && local_size < chunk_size, function, "local_size", local_size, "in [0, chunk_size ",
                  chunk_size, ")");
  detail::require_in_range(position >= 0, function, "position", position, ">= 0");
  const std::int64_t chunk = chunk_size - local_size;
  const std::int64_t within = position % chunk;
  return {within,
          within,
          (std::min)(within + chunk, std::int64_t{chunk_size}),
          (std::min)(2 * chunk - 1, std::int64_t{chunk_size}),
          within + chunk,
          within + chunk_size};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_TEXT_POSITIONS_HPP
