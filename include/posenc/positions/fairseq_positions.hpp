// SPDX-License-Identifier: MIT
/// @file
/// Positions of the models that count real tokens from an offset: OPT and RoBERTa.
#ifndef POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP
#define POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/text_positions.hpp"

#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace presets {

/// Positions of OPT: the k-th real token of a sequence (k from 0) is at k + 2, pads are at 1.
///
/// @param mask  batch x (past + seq_len): not zero where a token is real, cached tokens included. Any scalar.
/// @param past  PastTokens(count): cached tokens, whose positions are left out; in [0, mask.cols()].
/// @returns     batch x seq_len.
/// @throws std::invalid_argument  past is outside of that.
/// Cost:     a count and a store for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][fairseq].
/// Matches:  OPTLearnedPositionalEmbedding of Hugging Face. BART and mBART count pads like real tokens: their positions
///           are starting_at(past + 2).
template <typename Derived>
PositionIds opt_positions(const Eigen::DenseBase<Derived>& mask, PastTokens past = PastTokens(0)) {
  return detail::masked_positions("presets::opt_positions", mask, past,
                                  [](std::int64_t count, bool real) { return real ? count + 1 : std::int64_t(1); });
}

/// @overload
/// Says what a bare number has to be.
template <typename Derived, typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
PositionIds opt_positions(const Eigen::DenseBase<Derived>&, const Number&) {
  static_assert(detail::kMisuse<Number>,
                "posenc: write presets::opt_positions(mask, PastTokens(count)): count is the number of cached tokens");
  return {};
}

/// Positions of RoBERTa: the k-th real token of a sequence (k from 0) is at padding_idx + 1 + k, pads are at
/// padding_idx.
///
/// @param token_ids    batch x seq_len; a pad is a token with the id `padding_idx`. Integers.
/// @param padding_idx  Id of the pad token and row of the table that is not trained, >= 0; 1 in RoBERTa.
/// @param past         PastTokens(count): cached tokens in front, >= 0. It has no default, because positions without it
///                     are wrong in every decode step.
/// @returns            batch x seq_len.
/// @throws std::invalid_argument  padding_idx or past negative, or beyond 2^57.
/// Cost:     that of opt_positions() (bench_frequency: positions).
/// Accuracy: exact [positions][fairseq].
/// Matches:  create_position_ids_from_input_ids of Hugging Face, make_positions of fairseq.
template <typename Derived>
PositionIds roberta_positions(const Eigen::DenseBase<Derived>& token_ids, detail::WholeNumber padding_idx,
                              PastTokens past) {
  using Scalar = typename Derived::Scalar;
  static_assert(Eigen::NumTraits<Scalar>::IsInteger, "posenc: token ids are integers");
  constexpr std::int64_t limit = detail::kMaxPosition;  // the sums below stay within 64 bits
  detail::require(padding_idx >= 0 && padding_idx <= limit, "presets::roberta_positions", "padding_idx", padding_idx,
                  ">= 0 and at most 2^57");
  detail::require(past.count() >= 0 && past.count() <= limit, "presets::roberta_positions", "past", past.count(),
                  ">= 0 and at most 2^57");
  return detail::counted_positions(
      token_ids, 0, [&](const Scalar& id) { return static_cast<std::int64_t>(id) != padding_idx; },
      [&](std::int64_t count, bool real) {
        return real ? padding_idx + past.count() + count : std::int64_t{padding_idx};
      });
}

/// @overload
/// Says what is missing, or a bare number.
template <typename Derived, typename Number, typename... Numbers,
          std::enable_if_t<std::is_arithmetic_v<Number> && (std::is_arithmetic_v<Numbers> && ...), int> = 0>
PositionIds roberta_positions(const Eigen::DenseBase<Derived>&, const Number&, const Numbers&...) {
  static_assert(detail::kMisuse<Number>,
                "posenc: write presets::roberta_positions(token_ids, padding_idx, PastTokens(count)): count is the "
                "number of cached "
                "tokens, 0 for a prompt");
  return {};
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_FAIRSEQ_POSITIONS_HPP
