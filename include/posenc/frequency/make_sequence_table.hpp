// SPDX-License-Identifier: MIT
/// @file
/// make_table() and fill_table() for a batch whose sequences have frequencies of their own: dynamic NTK.
/// make_table() with the same frequencies for all is in make_table.hpp.
#ifndef POSENC_FREQUENCY_MAKE_SEQUENCE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_SEQUENCE_TABLE_HPP

#include "posenc/frequency/detail/table_writer.hpp"
#include "posenc/frequency/make_table.hpp"
#include "posenc/positions/each_sequence.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The positions of one of several stacked sequences.
template <typename Positions>
class OneSequence {
 public:
  static constexpr const char* kCount = "seq_len";

  OneSequence(const Positions& positions, Eigen::Index first, Eigen::Index seq_len)
      : positions_(positions), first_(first), seq_len_(seq_len) {}
  Eigen::Index rows() const { return seq_len_; }
  auto operator[](Eigen::Index i) const { return positions_[first_ + i]; }

 private:
  const Positions& positions_;
  Eigen::Index first_;
  Eigen::Index seq_len_;
};

template <typename Scalar, typename Positions>
void TableWriter::fill_sequences(FrequencyTable<Scalar>& table, const std::vector<Frequencies>& frequencies,
                                 const Positions& positions, Eigen::Index seq_len) {
  Eigen::Index first = 0;
  double magnitude = frequencies[0].magnitude();
  bool of_channels = false;
  std::uint64_t id = static_cast<std::uint64_t>(frequencies.size());
  for (const Frequencies& of_sequence : frequencies) {
    fill_rows(table, first, of_sequence, OneSequence<Positions>(positions, first, seq_len));
    first += seq_len;
    if (of_sequence.magnitude() != magnitude) magnitude = 0;
    of_channels = of_channels || of_sequence.of_channels();
    id = mix_id(id, of_sequence.id());
  }
  set_origin(table, magnitude, id);
  table.facts_.of_channels = of_channels;
  table.facts_.num_sequences = static_cast<Eigen::Index>(frequencies.size());
}

/// Refuses an empty list, and sets of different numbers of pairs. Returns the number of rows of all sequences.
inline Eigen::Index require_sequences(const char* function, const std::vector<Frequencies>& frequencies,
                                      Eigen::Index seq_len) {
  require(!frequencies.empty(), function, "frequencies.size()", 0, "> 0: a set for each sequence");
  for (std::size_t b = 1; b < frequencies.size(); ++b) {
    if (frequencies[b].num_pairs() == frequencies[0].num_pairs()) continue;
    refuse<std::invalid_argument>(function, element("frequencies", static_cast<Eigen::Index>(b)) + ".num_pairs()",
                                  frequencies[b].num_pairs(), "that of the first, ", frequencies[0].num_pairs());
  }
  require_size(function, "frequencies.size()", static_cast<std::int64_t>(frequencies.size()), seq_len, 1);
  return static_cast<Eigen::Index>(frequencies.size()) * seq_len;
}

template <typename Positions>
void require_finite_sequences(const char* function, const std::vector<Frequencies>& frequencies,
                              const Positions& positions, AngleMode angles, Eigen::Index seq_len) {
  Eigen::Index first = 0;
  for (const Frequencies& of_sequence : frequencies) {
    require_finite_angles(function, of_sequence.fastest(), angles == AngleMode::float32,
                          OneSequence<Positions>(positions, first, seq_len));
    first += seq_len;
  }
}

template <typename Positions>
constexpr bool takes_sequences() {
  static_assert(is_each_sequence<Positions>,
                "posenc: a list of Frequencies has a set for each sequence of a batch: write each_sequence(seq_len, "
                "starts) with the first position of each, or each_sequence(seq_len, starting_at(first))");
  return is_each_sequence<Positions>;
}

}  // namespace detail

/// Makes the table of a batch whose sequences have frequencies of their own, as with dynamic NTK and LongRoPE, which
/// depend on the length of a sequence. Token t of sequence b has row b * seq_len + t:
///
///     cos(row b * seq_len + t, pair j) = A_b cos((start_b + t) inv_freq_b[j])        and the sine likewise
///
///     sequence 0:  row 0             position start_0         frequencies[0]
///                  ...
///     sequence 1:  row seq_len       position start_1         frequencies[1]
///                  ...
///
/// apply_rope(x, table, layout) rotates the stacked batch, batch * seq_len tokens, or a view of as many sequences. In a
/// decode step seq_len is 1:
///
///     fill_table(table, frequencies, each_sequence(1, lengths));
///     apply_rope(q, table, layout);
///
/// @param frequencies  A set for each sequence, all with the same number of pairs.
/// @param positions    each_sequence(seq_len, starts) with the first position of each sequence, or
///                     each_sequence(seq_len, starting_at(first)).
/// @param options      As for one set of frequencies.
/// @throws std::invalid_argument  no sets, or sets of different numbers of pairs; another number of starts than sets.
/// @throws std::out_of_range      a position beyond +-2^57; an angle that is not finite.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     that of a table for each sequence, with one allocation (bench_frequency: a table for each sequence).
/// Accuracy: the numbers of make_table() for each sequence alone, bit for bit [frequency][sequences].
/// Matches:  dynamic NTK of Hugging Face run on each sequence alone. In a batch, Hugging Face takes the frequencies of
///           the longest sequence for all.
template <typename Scalar, typename Positions, std::enable_if_t<detail::is_storage<Scalar>, int> = 0>
FrequencyTable<Scalar> make_table(const std::vector<Frequencies>& frequencies, const Positions& positions,
                                  TableOptions options = {}) {
  const char* const function = "make_table";
  if constexpr (detail::takes_sequences<Positions>()) {
    const Eigen::Index seq_len = positions.seq_len();
    const Eigen::Index rows = detail::require_sequences(function, frequencies, seq_len);
    const Eigen::Index pairs =
        detail::pairs_of_head(function, "frequencies[0].num_pairs()", frequencies[0].num_pairs(), options);
    FrequencyTable<Scalar> table(rows, pairs, options);
    detail::with_token_positions(function, "table", positions, rows, [&](const auto& of_tokens) {
      detail::require_finite_sequences(function, frequencies, of_tokens, options.angles, seq_len);
      detail::TableWriter::fill_sequences(table, frequencies, of_tokens, seq_len);
    });
    return table;
  } else {
    return FrequencyTable<Scalar>(0, 1);
  }
}

/// Writes a table anew for other positions and frequencies of each sequence, without an allocation.
///
/// @param[in,out] table  frequencies.size() * seq_len rows.
/// @param frequencies    A set for each sequence, all of table.num_pairs() pairs.
/// @param positions      As in make_table().
/// @throws std::invalid_argument  in addition to those of make_table(): another number of rows or pairs than the table
///                                has. The table is unchanged whenever something is thrown.
/// Cost:     that of make_table() without the allocation (bench_frequency: a table for each sequence).
/// Accuracy: that of make_table(), whose numbers it writes [frequency][sequences].
template <typename Scalar, typename Positions, std::enable_if_t<detail::is_storage<Scalar>, int> = 0>
void fill_table(FrequencyTable<Scalar>& table, const std::vector<Frequencies>& frequencies,
                const Positions& positions) {
  const char* const function = "fill_table";
  if constexpr (detail::takes_sequences<Positions>()) {
    const Eigen::Index seq_len = positions.seq_len();
    const Eigen::Index rows = detail::require_sequences(function, frequencies, seq_len);
    detail::require_fillable(table, frequencies[0], "frequencies.size() * seq_len", rows);
    detail::with_token_positions(function, "table", positions, rows, [&](const auto& of_tokens) {
      detail::require_finite_sequences(function, frequencies, of_tokens, table.angles(), seq_len);
      detail::TableWriter::fill_sequences(table, frequencies, of_tokens, seq_len);
    });
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_SEQUENCE_TABLE_HPP
