// SPDX-License-Identifier: MIT
/// @file
/// Positions beyond the length of what is trained on: randomized positions, and skips between chunks (PoSE).
#ifndef POSENC_POSITIONS_RANDOM_POSITIONS_HPP
#define POSENC_POSITIONS_RANDOM_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/detail/mersenne_twister.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/seed.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whole numbers below a bound, all equally likely: the same on every platform, which std::uniform_int_distribution is
/// not. Of 2^64 numbers those are refused that the bound does not divide.
class BoundedRandom {
 public:
  explicit BoundedRandom(Seed seed) : random_(static_cast<std::uint64_t>(seed.value())) {}
  /// In [0, bound), bound > 0.
  std::int64_t below(std::int64_t bound) {
    const auto size = static_cast<std::uint64_t>(bound);
    const std::uint64_t refused = (~size + 1) % size;  // 2^64 mod size
    std::uint64_t number = random_();
    while (number < refused) number = random_();
    return static_cast<std::int64_t>(number % size);
  }

 private:
  MersenneTwister random_;
};

/// A set of numbers >= 0, of which at most `most` are inserted: open addressing in a table of which half stays free.
class NumberSet {
 public:
  explicit NumberSet(Eigen::Index most) {
    std::size_t places = 2;
    while (places < 2 * static_cast<std::size_t>(most)) places *= 2;
    places_.assign(places, -1);
  }
  /// Returns whether the number was not in the set yet.
  bool insert(std::int64_t number) {
    std::uint64_t hash = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    for (;; ++hash) {
      std::int64_t& place = places_[static_cast<std::size_t>(hash) & (places_.size() - 1)];
      if (place == number) return false;
      if (place != -1) continue;
      place = number;
      return true;
    }
  }

 private:
  std::vector<std::int64_t> places_;
};

}  // namespace detail

/// Ascending positions drawn without replacement from 0 ... max_positions - 1, all sets equally likely: a model that is
/// trained on them meets every position and distance of long text while its own text is short.
///
///     random_positions(5, 100, Seed(1))    7 23 24 61 90
///
/// The same seed gives the same positions on every platform. Numbers below n are those of std::mt19937_64 mod n, where
/// its 2^64 mod n smallest are skipped. The set is that of Floyd's algorithm: for j = max_positions - seq_len, ...,
/// max_positions - 1 it takes a random number below j + 1, or j itself where that number was taken before.
/// @param seq_len        Tokens, >= 0.
/// @param max_positions  Length that the model shall serve, >= seq_len and at most 2^57.
/// @param seed           Seed(number): another one for each sequence and step.
/// @returns              seq_len positions.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     a random number and a look into a hash table for each token, and sorting them; two allocations
///           (bench_frequency: positions).
/// Accuracy: exact [positions][random].
/// Source:   Ruoss et al. 2023, arXiv:2305.16843.
inline Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> random_positions(detail::Size seq_len,
                                                                       detail::WholeNumber max_positions, Seed seed) {
  const char* const function = "random_positions";
  constexpr Eigen::Index limit = detail::kMaxSeqLen;
  detail::require(seq_len >= 0 && seq_len <= limit, function, "seq_len", seq_len, "in [0, ", limit, "]");
  detail::require(max_positions >= seq_len && max_positions <= detail::kMaxPosition, function, "max_positions",
                  max_positions, "in [seq_len ", seq_len, ", 2^57]");
  detail::require_size(function, "seq_len", seq_len, 1, sizeof(std::int64_t));
  detail::BoundedRandom random(seed);
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> positions(Eigen::Index{seq_len});
  detail::NumberSet chosen(seq_len);
  for (Eigen::Index i = 0; i < seq_len; ++i) {
    const std::int64_t last = max_positions - std::int64_t{seq_len} + i;
    const std::int64_t drawn = random.below(last + 1);
    positions[i] = chosen.insert(drawn) ? drawn : last;
    if (positions[i] == last) chosen.insert(last);
  }
  std::sort(positions.data(), positions.data() + positions.size());
  return positions;
}

/// @overload
/// Says what is missing.
template <typename... Numbers, std::enable_if_t<(std::is_arithmetic_v<Numbers> && ...), int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> random_positions(const Numbers&...) {
  static_assert(detail::kMisuse<Numbers...>,
                "posenc: write random_positions(seq_len, max_positions, Seed(number)): another seed for each sequence");
  return {};
}

/// Positions of PoSE: text in chunks, between which positions are skipped, so that the last chunk may lie anywhere up
/// to the length that the model is to be extended to.
///
///     chunks of 3 and 2, 20 positions    0 1 2 | 14 15
///
/// The first chunk begins at 0. Chunk i is moved by u[i], which is drawn from u[i - 1] ... target_length - n with all
/// numbers equally likely, n being the tokens of all chunks; u[0] = 0. The same seed gives the same positions on every
/// platform, see random_positions().
/// @param chunk_lengths  Tokens of each chunk, > 0: an Eigen vector or a contiguous range of integers.
/// @param target_length  Length that the model shall serve, at least all tokens and at most 2^57.
/// @param seed           Seed(number): another one for each sequence and step.
/// @returns              A position for each token.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     a store for each token and a random number for each chunk; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][random].
/// Source:   Zhu et al. 2023, arXiv:2309.10400, section 3.2.
template <typename List, std::enable_if_t<detail::is_list<List>, int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> skip_positions(const List& chunk_lengths,
                                                              detail::WholeNumber target_length, Seed seed) {
  static_assert(Eigen::NumTraits<detail::ListScalar<List>>::IsInteger, "posenc: chunk_lengths holds integers");
  const char* const function = "skip_positions";
  const detail::HeldList<List> lengths(detail::as_list(chunk_lengths));
  const auto length = [&](Eigen::Index i) { return static_cast<std::int64_t>(detail::list_entry(lengths, i)); };
  detail::require(target_length >= 0 && target_length <= detail::kMaxPosition, function, "target_length", target_length,
                  "in [0, 2^57]");
  std::int64_t tokens = 0;
  for (Eigen::Index i = 0; i < lengths.size(); ++i) {
    if (length(i) <= 0 || length(i) > target_length - tokens) {
      detail::refuse<std::invalid_argument>(function, detail::element("chunk_lengths", i), length(i), "in [1, ",
                                            target_length - tokens, "], the tokens that target_length leaves");
    }
    tokens += length(i);
  }
  detail::require_size(function, "number of tokens", tokens, 1, sizeof(std::int64_t));
  detail::BoundedRandom random(seed);
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> positions(static_cast<Eigen::Index>(tokens));
  std::int64_t skipped = 0;
  Eigen::Index token = 0;
  for (Eigen::Index i = 0; i < lengths.size(); ++i) {
    if (i > 0) skipped += random.below(target_length - tokens - skipped + 1);
    for (std::int64_t t = 0; t < length(i); ++t, ++token) positions[token] = skipped + token;
  }
  return positions;
}

/// @overload
/// Says what is missing.
template <typename Lengths, typename... Numbers, std::enable_if_t<(std::is_arithmetic_v<Numbers> && ...), int> = 0>
Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1> skip_positions(const Lengths&, const Numbers&...) {
  static_assert(detail::kMisuse<Lengths>,
                "posenc: write skip_positions(chunk_lengths, target_length, Seed(number)): another seed for each "
                "sequence");
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_RANDOM_POSITIONS_HPP
