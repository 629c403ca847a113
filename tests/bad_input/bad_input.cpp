// SPDX-License-Identifier: MIT
/// Bad arguments: the kind of error, the function, parameter, value and limit in the message, and nothing written.
///
/// One table, three programs. With exceptions each case is called and caught. Without, each runs in a child process:
/// built with POSENC_TESTS_HANDLER the message comes from POSENC_FAIL_HANDLER, else from stderr before the abort.
/// No test framework, since those do not all build without exceptions.
#include <cstdlib>

#if defined(POSENC_TESTS_HANDLER)
[[noreturn]] void fail_handler(const char* message);
#define POSENC_FAIL_HANDLER fail_handler
#endif

#include "posenc/posenc.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#if !POSENC_HAS_EXCEPTIONS
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using Eigen::Index;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::geometric_frequencies;
using posenc::PositionRange;
using posenc::RopeLayout;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMaxPosition = std::numeric_limits<std::int64_t>::max();
constexpr Index kMaxIndex = std::numeric_limits<Index>::max();

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// What the calls write to, and good arguments to go with one bad one: 3 tokens, 2 heads of 8, all of it turning.
struct Fixture {
  RowMajor x = RowMajor::Constant(3, 16, 1.5f);
  Eigen::MatrixXf columns = Eigen::MatrixXf::Constant(3, 16, 2.5f);
  RowMajor out = RowMajor::Constant(3, 16, 3.5f);
  Frequencies eight = geometric_frequencies(8, 10000);
  FrequencyTable<float> table = posenc::make_table<float>(eight, PositionRange{7, 5});
  RopeLayout layout = RopeLayout::half_split(8);

  posenc::HeadsView<float> view() { return posenc::view_packed(x.data(), 3, 2, 8); }
  posenc::HeadsView<float> out_view() { return posenc::view_packed(out.data(), 3, 2, 8); }
  posenc::Llama3Options llama3() const { return {8, 8192, 1, 4}; }
  posenc::YarnOptions yarn() const { return {4, 4096}; }
  posenc::LongRopeOptions longrope() const {
    return {std::vector<double>(4, 1.0), std::vector<double>(4, 2.0), 4096, 8192};
  }

  bool untouched() const {
    const Fixture fresh;
    const auto same = [](const auto& a, const auto& b) {
      return a.size() == b.size() &&
             std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
    };
    const RowMajor table_now = table.cos().matrix() + 2.0f * table.sin().matrix();
    const RowMajor table_then = fresh.table.cos().matrix() + 2.0f * fresh.table.sin().matrix();
    return same(x, fresh.x) && same(columns, fresh.columns) && same(out, fresh.out) && same(table_now, table_then);
  }
};

enum class Kind { invalid_argument, out_of_range, length_error, no_error };

struct Case {
  const char* name;
  Kind kind;
  void (*call)(Fixture&);
  std::vector<const char*> expected;  // each is part of the message: function, parameter, rule and limit, value
};

/// The numbers of a Llama-3, YaRN or LongRoPE config with one field changed.
template <typename Options, typename Value, typename Field>
Options with(Options options, Field field, Value value) {
  options.*field = value;
  return options;
}

#include "axes_cases.hpp"

std::vector<Case> cases() {
  using F = Fixture;
  using posenc::Llama3Options;
  using posenc::LongRopeOptions;
  using posenc::SinusoidalOptions;
  using posenc::YarnOptions;
  constexpr Kind invalid = Kind::invalid_argument;
  constexpr Kind range = Kind::out_of_range;
  constexpr Kind length = Kind::length_error;
  return {
      // Frequencies
      {"odd rotary_dim",
       invalid,
       [](F&) { geometric_frequencies(7, 1e4); },
       {"posenc::geometric_frequencies: rotary_dim must be even, > 0", "got 7"}},
      {"zero rotary_dim", invalid, [](F&) { geometric_frequencies(0, 1e4); }, {"rotary_dim", "> 0", "got 0"}},
      {"negative rotary_dim", invalid, [](F&) { geometric_frequencies(-8, 1e4); }, {"rotary_dim", "> 0", "got -8"}},
      {"huge rotary_dim",
       invalid,
       [](F&) { geometric_frequencies(Index(1) << 40, 1e4); },
       {"rotary_dim", "at most 16777216", "got 1099511627776"}},
      {"base 0",
       invalid,
       [](F&) { geometric_frequencies(8, 0); },
       {"posenc::geometric_frequencies: base must be finite, > 0 and not 1, got 0"}},
      {"negative base", invalid, [](F&) { geometric_frequencies(8, -1e4); }, {"base", "> 0", "got -10000"}},
      {"base NaN", invalid, [](F&) { geometric_frequencies(8, kNan); }, {"base", "finite", "got nan"}},
      {"base infinite", invalid, [](F&) { geometric_frequencies(8, kInfinity); }, {"base", "finite", "got inf"}},
      {"base 1", invalid, [](F&) { geometric_frequencies(8, 1); }, {"base", "not 1", "got 1"}},
      {"no pairs",
       invalid,
       [](F&) { posenc::spaced_frequencies(0, 1e4, 4); },
       {"posenc::spaced_frequencies: num_pairs must be > 0", "8388608", "got 0"}},
      {"spacing with divisor 0",
       invalid,
       [](F&) { posenc::spaced_frequencies(4, 1e4, 0); },
       {"spaced_frequencies: divisor must be finite and > 0, got 0"}},
      {"spacing with base 1",
       invalid,
       [](F&) { posenc::spaced_frequencies(4, 1, 4); },
       {"spaced_frequencies: base must be", "not 1", "got 1"}},
      {"empty list of frequencies",
       invalid,
       [](F&) { Frequencies(Eigen::ArrayXd::Zero(0)); },
       {"posenc::Frequencies: inv_freq.size() must be > 0, got 0"}},
      {"NaN frequency",
       invalid,
       [](F&) { Frequencies(Eigen::Array3d(1, kNan, 0.1)); },
       {"Frequencies: inv_freq[1] must be finite, got nan"}},
      {"magnitude 0",
       invalid,
       [](F&) { Frequencies(Eigen::Array2d(1, 0.1), 0); },
       {"Frequencies: magnitude must be finite and > 0, got 0"}},
      {"infinite magnitude",
       invalid,
       [](F& f) { f.eight.with_magnitude(kInfinity); },
       {"posenc::Frequencies: magnitude must be finite and > 0, got inf"}},
      {"negative softmax multiplier",
       invalid,
       [](F& f) { f.eight.with_magnitude(1, -2); },
       {"softmax_multiplier must be finite and > 0, got -2"}},

      // Scaling rules
      {"linear, factor < 1",
       invalid,
       [](F& f) { posenc::scale_linear(f.eight, 0.5); },
       {"posenc::scale_linear: factor must be finite and >= 1, got 0.5"}},
      {"linear, factor NaN",
       invalid,
       [](F& f) { posenc::scale_linear(f.eight, kNan); },
       {"scale_linear: factor", ">= 1", "got nan"}},
      {"linear, factor infinite",
       invalid,
       [](F& f) { posenc::scale_linear(f.eight, kInfinity); },
       {"scale_linear: factor must be finite and >= 1, got inf"}},
      {"too few factors",
       invalid,
       [](F& f) { posenc::scale_by_factors(f.eight, Eigen::Array3d::Ones()); },
       {"scale_by_factors: factors.size() must be num_pairs 4, got 3"}},
      {"a factor of 0",
       invalid,
       [](F& f) { posenc::scale_by_factors(f.eight, Eigen::Array4d(1, 1, 0, 1)); },
       {"scale_by_factors: factors[2] must be finite and > 0, got 0"}},
      {"proportional, part 0",
       invalid,
       [](F& f) { posenc::scale_proportional(f.eight, 0); },
       {"scale_proportional: partial_rotary_factor must be in (0, 1], got 0"}},
      {"proportional, part 1.5",
       invalid,
       [](F& f) { posenc::scale_proportional(f.eight, 1.5); },
       {"partial_rotary_factor", "(0, 1]", "got 1.5"}},
      {"proportional, factor NaN",
       invalid,
       [](F& f) { posenc::scale_proportional(f.eight, 0.5, kNan); },
       {"scale_proportional: factor must be finite and >= 1, got nan"}},
      {"NTK-aware, d = 2",
       invalid,
       [](F&) { posenc::scale_ntk_aware(geometric_frequencies(2, 1e4), 4); },
       {"posenc::scale_ntk_aware: rotary_dim must be > 2, got 2"}},
      {"NTK-aware, factor < 1",
       invalid,
       [](F& f) { posenc::scale_ntk_aware(f.eight, 0); },
       {"scale_ntk_aware: factor must be finite and >= 1, got 0"}},
      {"dynamic NTK, d = 2",
       invalid,
       [](F&) { posenc::scale_dynamic_ntk(geometric_frequencies(2, 1e4), 4, 4096, 9000); },
       {"scale_dynamic_ntk: rotary_dim must be > 2, got 2"}},
      {"dynamic NTK, factor NaN",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, kNan, 4096, 9000); },
       {"scale_dynamic_ntk: factor must be finite and >= 1, got nan"}},
      {"dynamic NTK, no trained length",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, 4, 0, 9000); },
       {"scale_dynamic_ntk: max_position_embeddings must be finite and > 0, got 0"}},
      {"dynamic NTK, negative length",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, 4, 4096, -1); },
       {"scale_dynamic_ntk: seq_len must be finite and >= 0, got -1"}},
      {"dynamic NTK, a length whose base is infinite",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, 2, 1, 1e300); },
       {"posenc::scale_dynamic_ntk: factor * seq_len / max_position_embeddings - (factor - 1) must be such that base * "
        "factor^(d / (d - 2)) is finite and not 1, got 2e+300"}},
      {"fixed NTK, d = 2",
       invalid,
       [](F&) { posenc::scale_ntk_fixed(geometric_frequencies(2, 1e4), 4); },
       {"scale_ntk_fixed: rotary_dim must be > 2, got 2"}},
      {"fixed NTK, factor < 1",
       invalid,
       [](F& f) { posenc::scale_ntk_fixed(f.eight, -3); },
       {"scale_ntk_fixed: factor", ">= 1", "got -3"}},
      {"mixed NTK, factor NaN",
       invalid,
       [](F& f) { posenc::scale_ntk_mixed(f.eight, kNan); },
       {"scale_ntk_mixed: factor", ">= 1", "got nan"}},
      {"mixed NTK, negative shape",
       invalid,
       [](F& f) { posenc::scale_ntk_mixed(f.eight, 4, -0.5); },
       {"scale_ntk_mixed: b must be finite and >= 0, got -0.5"}},
      {"YaRN, betas swapped",
       invalid,
       [](F& f) {
         posenc::scale_yarn(f.eight, with(with(f.yarn(), &YarnOptions::beta_fast, 1.0), &YarnOptions::beta_slow, 32.0));
       },
       {"posenc::scale_yarn: beta_fast must be finite and > beta_slow 32, got 1"}},
      {"YaRN, betas equal",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::beta_fast, 1.0)); },
       {"beta_fast", "> beta_slow 1", "got 1"}},
      {"YaRN, beta_slow 0",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::beta_slow, 0.0)); },
       {"scale_yarn: beta_slow must be finite and > 0, got 0"}},
      {"YaRN, no factor",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::factor, 0.0)); },
       {"scale_yarn: factor must be finite and >= 1, got 0"}},
      {"YaRN, no trained length",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, YarnOptions{4}); },
       {"scale_yarn: original_max_position_embeddings must be finite and > 0, got 0"}},
      {"YaRN on a list of frequencies",
       invalid,
       [](F& f) { posenc::scale_yarn(Frequencies(f.eight.inv_freq()), f.yarn()); },
       {"scale_yarn: frequencies.base() must be > 1 (use geometric_frequencies), got 0"}},
      {"YaRN after another rule",
       invalid,
       [](F& f) { posenc::scale_yarn(posenc::scale_linear(f.eight, 2), f.yarn()); },
       {"posenc::scale_yarn: frequencies.base() must be > 1 (use geometric_frequencies), got 0"}},
      {"YaRN, attention factor 0",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::attention_factor, 0.0)); },
       {"scale_yarn: attention_factor must be finite and > 0, got 0"}},
      {"YaRN, mscale NaN",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::mscale, kNan)); },
       {"scale_yarn: mscale must be finite and >= 0, got nan"}},
      {"YaRN, mscale_all_dim negative",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::mscale_all_dim, -1.0)); },
       {"scale_yarn: mscale_all_dim must be finite and >= 0, got -1"}},
      {"YaRN, extrapolation factor 2",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::extrapolation_factor, 2.0)); },
       {"scale_yarn: extrapolation_factor must be in [0, 1], got 2"}},
      {"YaRN, attn_factor 0",
       invalid,
       [](F& f) { posenc::scale_yarn(f.eight, with(f.yarn(), &YarnOptions::attn_factor, 0.0)); },
       {"scale_yarn: attn_factor must be finite and > 0, got 0"}},
      {"Llama 3, no band between the factors",
       invalid,
       [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::high_freq_factor, 0.99)); },
       {"posenc::scale_llama3: high_freq_factor must be finite and >= low_freq_factor 1, got 0.99"}},
      {"Llama 3, band factors swapped",
       invalid,
       [](F& f) {
         posenc::scale_llama3(f.eight, Llama3Options{8, 8192, 4, 1});
       },
       {"high_freq_factor", ">= low_freq_factor 4", "got 1"}},
      {"Llama 3, low band 0",
       invalid,
       [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::low_freq_factor, 0.0)); },
       {"scale_llama3: low_freq_factor must be finite and > 0, got 0"}},
      {"Llama 3, no factor",
       invalid,
       [](F& f) { posenc::scale_llama3(f.eight, with(f.llama3(), &Llama3Options::factor, 0.0)); },
       {"scale_llama3: factor must be finite and >= 1, got 0"}},
      {"Llama 3, no trained length",
       invalid,
       [](F& f) { posenc::scale_llama3(f.eight, Llama3Options{8}); },
       {"scale_llama3: original_max_position_embeddings must be finite and > 0, got 0"}},
      {"LongRoPE, short list too short",
       invalid,
       [](F& f) {
         posenc::scale_longrope(f.eight,
                                with(f.longrope(), &LongRopeOptions::short_factor, std::vector<double>(3, 1.0)), 100);
       },
       {"posenc::scale_longrope: short_factor.size() must be num_pairs 4, got 3"}},
      {"LongRoPE, long list too long",
       invalid,
       [](F& f) {
         posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::long_factor, std::vector<double>(5, 1.0)),
                                100);
       },
       {"scale_longrope: long_factor.size() must be num_pairs 4, got 5"}},
      {"LongRoPE, trained length 1",
       invalid,
       [](F& f) {
         posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::original_max_position_embeddings, 1.0),
                                9);
       },
       {"scale_longrope: original_max_position_embeddings must be finite and > 1, got 1"}},
      {"LongRoPE, neither length nor factor",
       invalid,
       [](F& f) {
         posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::max_position_embeddings, 0.0), 9);
       },
       {"scale_longrope: max_position_embeddings must be finite, and > 0 when factor is not given, got 0"}},
      {"LongRoPE, extended length NaN beside a factor",
       invalid,
       [](F& f) {
         posenc::LongRopeOptions options = with(f.longrope(), &LongRopeOptions::max_position_embeddings, kNan);
         options.factor = 2;
         posenc::scale_longrope(f.eight, options, 9);
       },
       {"scale_longrope: max_position_embeddings must be finite, and > 0 when factor is not given, got nan"}},
      {"LongRoPE, factor 0",
       invalid,
       [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::factor, 0.0), 9); },
       {"scale_longrope: factor must be finite and > 0, got 0"}},
      {"LongRoPE, attention factor NaN",
       invalid,
       [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::attention_factor, kNan), 9); },
       {"scale_longrope: attention_factor must be finite and > 0, got nan"}},
      {"LongRoPE, short_mscale 0",
       invalid,
       [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::short_mscale, 0.0), 9); },
       {"scale_longrope: short_mscale must be finite and > 0, got 0"}},
      {"LongRoPE, long_mscale infinite",
       invalid,
       [](F& f) { posenc::scale_longrope(f.eight, with(f.longrope(), &LongRopeOptions::long_mscale, kInfinity), 9); },
       {"scale_longrope: long_mscale must be finite and > 0, got inf"}},
      {"LongRoPE, length NaN",
       invalid,
       [](F& f) { posenc::scale_longrope(f.eight, f.longrope(), kNan); },
       {"scale_longrope: seq_len must be finite and >= 0, got nan"}},
      {"LongRoPE, a factor of -1",
       invalid,
       [](F& f) {
         posenc::scale_longrope(f.eight,
                                with(f.longrope(), &LongRopeOptions::short_factor, std::vector<double>(4, -1.)), 9);
       },
       {"posenc::scale_longrope: short_factor[0] must be finite and > 0, got -1"}},
      {"LongRoPE, a factor in the list that is not used",
       invalid,
       [](F& f) {
         posenc::scale_longrope(
             f.eight, with(f.longrope(), &LongRopeOptions::long_factor, std::vector<double>{1, 2, kNan, 4}), 9);
       },
       {"scale_longrope: long_factor[2] must be finite and > 0, got nan"}},
      {"NTK to an infinite base",
       invalid,
       [](F& f) { posenc::scale_ntk_aware(f.eight, 1e300); },
       {"posenc::scale_ntk_aware: factor must be such that base * factor^(d / (d - 2)) is finite and not 1, got "
        "1e+300"}},
      {"dynamic NTK to an infinite base",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, 1e300, 2048, 4096); },
       {"posenc::scale_dynamic_ntk: factor * seq_len / max_position_embeddings - (factor - 1) must be such that",
        "got 1e+300"}},
      {"dynamic NTK for an infinite length",
       invalid,
       [](F& f) { posenc::scale_dynamic_ntk(f.eight, 1e10, 2048, 1e300); },
       {"posenc::scale_dynamic_ntk: seq_len must be such that", "got 1e+300"}},

      // Positions and tables
      {"negative count",
       invalid,
       [](F& f) {
         posenc::make_table<float>(f.eight, PositionRange{0, -1});
       },
       {"posenc::make_table: positions.count must be >= 0, got -1"}},
      {"range beyond 64 bits",
       range,
       [](F& f) {
         posenc::make_table<float>(f.eight, PositionRange{kMaxPosition - 1, 3});
       },
       {"make_table: positions.first must be at most 9223372036854775804", "got 9223372036854775806"}},
      {"NaN position",
       invalid,
       [](F& f) { posenc::make_table<float>(f.eight, Eigen::Array3d(0, kNan, 2)); },
       {"make_table: positions[1] must be finite, got nan"}},
      {"infinite position",
       invalid,
       [](F& f) { posenc::fill_table(f.table, f.eight, Eigen::Array<double, 5, 1>(0, 1, 2, 3, -kInfinity)); },
       {"fill_table: positions[4] must be finite, got -inf"}},
      {"table too large",
       length,
       [](F& f) {
         posenc::make_table<double>(f.eight, PositionRange{0, Index(1) << 60});
       },
       {"posenc::FrequencyTable: rows must be at most", "values, got 1152921504606846976"}},
      {"table of too many pairs",
       invalid,
       [](F&) { FrequencyTable<float>(1, kMaxIndex); },
       {"FrequencyTable: num_pairs must be > 0 and at most", "got 9223372036854775807"}},
      {"table with negative rows",
       invalid,
       [](F&) { FrequencyTable<float>(-1, 4); },
       {"FrequencyTable: rows must be >= 0, got -1"}},
      {"table without pairs",
       invalid,
       [](F&) { FrequencyTable<float>(3, 0); },
       {"FrequencyTable: num_pairs must be > 0", "got 0"}},
      {"fill, other number of pairs",
       invalid,
       [](F& f) {
         posenc::fill_table(f.table, geometric_frequencies(6, 1e4), PositionRange{0, 5});
       },
       {"posenc::fill_table: frequencies.num_pairs() must be table.num_pairs() 4, got 3"}},
      {"fill, other number of rows",
       invalid,
       [](F& f) {
         posenc::fill_table(f.table, f.eight, PositionRange{0, 4});
       },
       {"fill_table: positions.count must be table.rows() 5, got 4"}},
      {"fill, other number of ids",
       invalid,
       [](F& f) { posenc::fill_table(f.table, f.eight, Eigen::Array3i(0, 1, 2)); },
       {"fill_table: positions.size() must be table.rows() 5, got 3"}},
      {"fill, range beyond 64 bits",
       range,
       [](F& f) {
         posenc::fill_table(f.table, f.eight, PositionRange{kMaxPosition, 5});
       },
       {"fill_table: positions.first must be at most 9223372036854775802", "got 9223372036854775807"}},
      {"fill a wrapped table",
       invalid,
       [](F& f) {
         auto wrapped = posenc::wrap_cache(f.x.data(), 5, 8, posenc::CacheLayout::cos_sin);
         posenc::fill_table(wrapped, f.eight, PositionRange{0, 5});
       },
       {"fill_table: table must be a table that owns its numbers, got a wrapped cache"}},
      {"wrap a null cache",
       invalid,
       [](F&) { posenc::wrap_cache<float>(nullptr, 5, 8, posenc::CacheLayout::pairs); },
       {"posenc::wrap_cache: cache must be a valid pointer, got null"}},
      {"wrap an odd width",
       invalid,
       [](F& f) { posenc::wrap_cache(f.x.data(), 1, 9, posenc::CacheLayout::pairs); },
       {"wrap_cache: rotary_dim must be even", "got 9"}},
      {"wrap negative rows",
       invalid,
       [](F& f) { posenc::wrap_cache(f.x.data(), -2, 8, posenc::CacheLayout::pairs); },
       {"wrap_cache: rows must be >= 0, got -2"}},
      {"wrap with magnitude 0",
       invalid,
       [](F& f) { posenc::wrap_cache(f.x.data(), 2, 8, posenc::CacheLayout::pairs, 0); },
       {"magnitude must be finite and > 0, got 0"}},
      {"wrap null cosines",
       invalid,
       [](F& f) { posenc::wrap_cos_sin<float>(nullptr, f.x.data(), 2, 8, posenc::CosSinLayout::halves); },
       {"posenc::wrap_cos_sin: cos must be a valid pointer, got null"}},
      {"wrap null sines",
       invalid,
       [](F& f) { posenc::wrap_cos_sin<float>(f.x.data(), nullptr, 2, 8, posenc::CosSinLayout::halves); },
       {"wrap_cos_sin: sin must be a valid pointer, got null"}},
      {"wrap zero width",
       invalid,
       [](F& f) { posenc::wrap_cos_sin(f.x.data(), f.x.data(), 2, 0, posenc::CosSinLayout::doubled); },
       {"wrap_cos_sin: rotary_dim", "> 0", "got 0"}},
      {"wrap with pair stride 3",
       invalid,
       [](F& f) { FrequencyTable<float>(f.x.data(), f.x.data() + 1, 2, 4, 16, 3, 1.0); },
       {"FrequencyTable: pair_stride must be 1 or 2, got 3"}},
      {"wrap rows that overlap",
       invalid,
       [](F& f) { FrequencyTable<float>(f.x.data(), f.x.data() + 4, 2, 4, 3, 1, 1.0); },
       {"FrequencyTable: row_stride must be at least 4, got 3"}},
      {"write a cache of another width",
       invalid,
       [](F& f) { posenc::write_cache(f.out, f.table, posenc::CacheLayout::cos_sin); },
       {"posenc::write_cache: cache.rows() must be 5, got 3"}},
      {"write sines of another width",
       invalid,
       [](F& f) {
         const auto three = posenc::make_table<float>(geometric_frequencies(32, 1e4), PositionRange{0, 3});
         posenc::write_cos_sin(f.out.leftCols(16), f.columns.leftCols(15), three, posenc::CosSinLayout::halves);
       },
       {"posenc::write_cos_sin: sin.cols() must be 16, got 15"}},
      {"rewrite a cache in its own memory",
       invalid,
       [](F& f) {
         const auto wrapped = posenc::wrap_cache(f.x.data(), 3, 16, posenc::CacheLayout::cos_sin);
         posenc::write_cache(f.x, wrapped, posenc::CacheLayout::pairs);
       },
       {"posenc::write_cache: cache must be disjoint from what is read, got overlapping memory"}},
      {"rewrite cosines over the sines of the table",
       invalid,
       [](F& f) {
         const auto wrapped = posenc::wrap_cos_sin(f.columns.data(), f.x.data(), 3, 16, posenc::CosSinLayout::halves);
         posenc::write_cos_sin(f.x.leftCols(8), f.out.leftCols(8), wrapped, posenc::CosSinLayout::halves);
       },
       {"posenc::write_cos_sin: cos must be disjoint from what is read, got overlapping memory"}},
      {"cosines and sines in one place",
       invalid,
       [](F& f) {
         const auto three = posenc::make_table<float>(geometric_frequencies(32, 1e4), PositionRange{0, 3});
         posenc::write_cos_sin(f.out, f.out, three, posenc::CosSinLayout::halves);
       },
       {"posenc::write_cos_sin: sin must be disjoint from what is read, got overlapping memory"}},

      // RoPE
      {"head_dim 0",
       invalid,
       [](F&) { RopeLayout::half_split(0); },
       {"posenc::RopeLayout::half_split: head_dim must be > 0, got 0"}},
      {"offset at the end of the head",
       invalid,
       [](F&) { RopeLayout::interleaved(8, 8); },
       {"posenc::RopeLayout::interleaved: offset must be in [0, head_dim 8), got 8"}},
      {"negative offset", invalid, [](F&) { RopeLayout::half_split(8, -2); }, {"offset", "[0, head_dim 8)", "got -2"}},
      {"rotary_dim larger than the head",
       invalid,
       [](F& f) { posenc::apply_rope(f.x, f.table, RopeLayout::half_split(4)); },
       {"posenc::apply_rope: table.rotary_dim() must be at most 4", "got 8"}},
      {"window outside of the head",
       invalid,
       [](F& f) { posenc::apply_rope(f.x, f.table, RopeLayout::interleaved(16, 9)); },
       {"apply_rope: table.rotary_dim() must be at most 7 (head_dim 16 - offset 9), got 8"}},
      {"columns no multiple of head_dim",
       invalid,
       [](F& f) { posenc::apply_rope(f.x.leftCols(12), f.table, f.layout); },
       {"apply_rope: x.cols() must be a multiple of head_dim 8, got 12"}},
      {"more tokens than rows",
       range,
       [](F& f) {
         posenc::apply_rope(f.x, posenc::make_table<float>(f.eight, PositionRange{0, 2}), f.layout);
       },
       {"apply_rope: table.rows() must be at least 3 (tokens), got 2"}},
      {"one row too few",
       range,
       [](F& f) { posenc::apply_rope(f.columns, f.table, f.layout, 3); },
       {"apply_rope: first_row must be at most 2 (5 rows of the table - 3 tokens), got 3"}},
      {"first row far outside",
       range,
       [](F& f) { posenc::apply_rope_inverse(f.x, f.table, f.layout, kMaxIndex); },
       {"apply_rope_inverse: first_row", "at most 2", "got 9223372036854775807"}},
      {"negative first row",
       range,
       [](F& f) { posenc::apply_rope_adjoint(f.x, f.table, f.layout, -1); },
       {"apply_rope_adjoint: first_row must be >= 0, got -1"}},
      {"too few ids",
       invalid,
       [](F& f) { posenc::apply_rope(f.x, f.table, f.layout, Eigen::Array2i(0, 1)); },
       {"apply_rope: rows.size() must be the number of tokens 3, got 2"}},
      {"id outside of a wrapped cache",
       range,
       [](F& f) {
         const std::vector<float> cache(5 * 8, 0.5f);
         const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CacheLayout::cos_sin);
         posenc::apply_rope(f.x, wrapped, f.layout, Eigen::Array3i(0, 5, 1));
       },
       {"apply_rope: rows[1] must be in [0, 5) (rows of the table), got 5"}},
      {"negative id in a wrapped cache",
       range,
       [](F& f) {
         const std::vector<float> cache(5 * 8, 0.5f);
         const auto wrapped = posenc::wrap_cache(cache.data(), 5, 8, posenc::CacheLayout::cos_sin);
         posenc::apply_rope(f.x, wrapped, f.layout, Eigen::Array3i(0, 1, -1));
       },
       {"apply_rope: rows[2] must be in [0, 5)", "got -1"}},
      {"null data",
       invalid,
       [](F& f) { posenc::apply_rope(Eigen::Map<RowMajor>(nullptr, 3, 16), f.table, f.layout); },
       {"posenc::apply_rope: x.data() must be a valid pointer, got null"}},
      {"result in null data",
       invalid,
       [](F& f) { posenc::apply_rope_into(Eigen::Map<RowMajor>(nullptr, 3, 16), f.x, f.table, f.layout); },
       {"posenc::apply_rope_into: out.data() must be a valid pointer, got null"}},
      {"cache in null data",
       invalid,
       [](F& f) { posenc::write_cache(Eigen::Map<RowMajor>(nullptr, 5, 8), f.table, posenc::CacheLayout::cos_sin); },
       {"posenc::write_cache: cache.data() must be a valid pointer, got null"}},
      {"sinusoid into null data",
       invalid,
       [](F&) { posenc::encode_sinusoidal(Eigen::Map<RowMajor>(nullptr, 3, 16), posenc::Sinusoidal(16)); },
       {"posenc::encode_sinusoidal: out.data() must be a valid pointer, got null"}},
      {"trained table into null data",
       invalid,
       [](F&) { posenc::add_learned(Eigen::Map<RowMajor>(nullptr, 3, 16), posenc::PositionTable<float>(4, 16)); },
       {"posenc::add_learned: x.data() must be a valid pointer, got null"}},
      {"null data of no tokens",
       Kind::no_error,
       [](F& f) { posenc::apply_rope(Eigen::Map<RowMajor>(nullptr, 0, 16), f.table, f.layout); },
       {}},
      {"wrapped cache beyond memory",
       length,
       [](F& f) { posenc::wrap_cache(f.x.data(), Index(1) << 62, 8, posenc::CacheLayout::cos_sin); },
       {"posenc::wrap_cache: rows must be at most 288230376151711743 for rows of 8 values, got 4611686018427387904"}},
      {"result of another width",
       invalid,
       [](F& f) { posenc::apply_rope_into(f.out.leftCols(8), f.x, f.table, f.layout); },
       {"posenc::apply_rope_into: out.cols() must be 16, got 8"}},
      {"result of another length",
       invalid,
       [](F& f) { posenc::apply_rope_inverse_into(f.out.topRows(2), f.x, f.table, f.layout); },
       {"apply_rope_inverse_into: out.rows() must be 3, got 2"}},
      {"result that overlaps",
       invalid,
       [](F& f) { posenc::apply_rope_into(f.x.topRows(2), f.x.bottomRows(2), f.table, f.layout); },
       {"apply_rope_into: out must be x itself or disjoint from it, got overlapping memory"}},
      {"result, one row too few",
       range,
       [](F& f) { posenc::apply_rope_adjoint_into(f.out, f.x, f.table, f.layout, 3); },
       {"apply_rope_adjoint_into: first_row must be at most 2", "got 3"}},
      {"view of null data",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 3, 2, 8), f.table, f.layout); },
       {"apply_rope: x.data must be a valid pointer, got null"}},
      {"view of other heads than the layout",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_packed(f.x.data(), 3, 4, 4), f.table, f.layout); },
       {"apply_rope: x.head_dim must be layout.head_dim() 8, got 4"}},
      {"view with negative batch",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), -1, 3, 2, 8), f.table, f.layout); },
       {"apply_rope: x.batch must be >= 0, got -1"}},
      {"view with negative length",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), 1, -3, 2, 8), f.table, f.layout); },
       {"apply_rope: x.seq_len must be >= 0, got -3"}},
      {"view with negative heads",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_blhd(f.x.data(), 1, 3, -2, 8), f.table, f.layout); },
       {"apply_rope: x.num_heads must be >= 0, got -2"}},
      {"view, rotary_dim larger than the head",
       invalid,
       [](F& f) { posenc::apply_rope(posenc::view_packed(f.x.data(), 3, 4, 4), f.table, RopeLayout::half_split(4)); },
       {"apply_rope: table.rotary_dim() must be at most 4", "got 8"}},
      {"view, one row too few",
       range,
       [](F& f) { posenc::apply_rope(f.view(), f.table, f.layout, 3); },
       {"apply_rope: first_row must be at most 2", "got 3"}},
      {"view, ids neither shared nor for each",
       invalid,
       [](F& f) {
         const auto view = posenc::view_blhd(f.x.data(), 3, 1, 2, 8);
         posenc::apply_rope(view, f.table, f.layout, Eigen::Array2i(0, 1));
       },
       {"apply_rope: rows.size() must be the number of tokens 3, got 2"}},
      {"view, id outside of the table",
       range,
       [](F& f) { posenc::apply_rope(f.view(), f.table, f.layout, Eigen::Array3i(1, 2, 77)); },
       {"apply_rope: rows[2] must be in [0, 5)", "got 77"}},
      {"views of different batch",
       invalid,
       [](F& f) { posenc::apply_rope_into(posenc::view_blhd(f.out.data(), 3, 1, 2, 8), f.view(), f.table, f.layout); },
       {"apply_rope_into: out.batch must be x.batch 1, got 3"}},
      {"views of different length",
       invalid,
       [](F& f) { posenc::apply_rope_into(posenc::view_packed(f.out.data(), 2, 2, 8), f.view(), f.table, f.layout); },
       {"apply_rope_into: out.seq_len must be x.seq_len 3, got 2"}},
      {"views of different heads",
       invalid,
       [](F& f) { posenc::apply_rope_into(posenc::view_packed(f.out.data(), 3, 1, 8), f.view(), f.table, f.layout); },
       {"apply_rope_into: out.num_heads must be x.num_heads 2, got 1"}},
      {"view into null data",
       invalid,
       [](F& f) { posenc::apply_rope_into(posenc::view_packed<float>(nullptr, 3, 2, 8), f.view(), f.table, f.layout); },
       {"apply_rope_into: out.data must be a valid pointer, got null"}},
      {"view without a head stride",
       invalid,
       [](F& f) {
         posenc::HeadsView<float> view = f.view();
         view.head_stride = 0;
         posenc::apply_rope(view, f.table, f.layout);
       },
       {"posenc::apply_rope: x.head_stride must be at least 8 forwards or backwards (what is written to may not "
        "overlap itself), got 0"}},
      {"view with tokens in one another",
       invalid,
       [](F& f) {
         posenc::HeadsView<float> out = f.out_view();
         out.token_stride = -7;
         posenc::apply_rope_into(out, f.view(), f.table, f.layout);
       },
       {"posenc::apply_rope_into: out.token_stride must be at least 8 forwards or backwards (what is written to may "
        "not overlap itself), got -7"}},
      {"view whose tokens lie in the heads",
       invalid,
       [](F& f) {
         posenc::HeadsView<float> view = f.view();
         view.token_stride = view.head_stride;
         posenc::apply_rope(view, f.table, f.layout);
       },
       {"posenc::apply_rope: x.token_stride must be at least 16 forwards or backwards (what is written to may not "
        "overlap itself), got 8"}},
      {"view whose sequences are a token apart",
       invalid,
       [](F& f) {
         posenc::HeadsView<float> view = posenc::view_blhd(f.x.data(), 1, 3, 2, 8);
         view.batch = 2;
         view.batch_stride = 16;
         posenc::apply_rope(view, f.table, f.layout);
       },
       {"posenc::apply_rope: x.batch_stride must be at least 48 forwards or backwards (what is written to may not "
        "overlap itself), got 16"}},
      {"view beyond memory",
       length,
       [](F& f) {
         const Index many = Index(1) << 32;
         const posenc::HeadsView<float> view{f.x.data(), many, many, 1, 8, 8 * many, 8, 8};
         posenc::apply_rope(view, f.table, f.layout, Eigen::ArrayXi());
       },
       {"posenc::apply_rope: x.batch must be at most 16777216 for a stride of 34359738368, got 4294967296"}},
      {"a source beyond memory",
       length,
       [](F& f) {
         posenc::HeadsView<float> source = posenc::view_blhd(f.x.data(), 2, 1, 2, 8);
         source.batch_stride = -(Index(1) << 61);
         posenc::apply_rope_into(posenc::view_blhd(f.out.data(), 2, 1, 2, 8), source, f.table, f.layout);
       },
       {"posenc::apply_rope_into: x.batch must be at most 1 for a stride of -2305843009213693952, got 2"}},
      {"view without a batch stride",
       invalid,
       [](F& f) {
         posenc::HeadsView<float> view = posenc::view_blhd(f.x.data(), 3, 1, 2, 8);
         view.batch_stride = 0;
         posenc::apply_rope_inverse(view, f.table, f.layout);
       },
       {"posenc::apply_rope_inverse: x.batch_stride must be at least 8 forwards or backwards (what is written to may "
        "not overlap itself), got 0"}},
      {"strides of axes with one entry say nothing",
       Kind::no_error,
       [](F& f) {
         posenc::HeadsView<float> view{f.x.data(), 1, 1, 1, 8, 0, 0, 0};
         const std::vector<float> before(f.x.data(), f.x.data() + 8);
         posenc::apply_rope(view, f.table, f.layout);
         std::copy(before.begin(), before.end(), f.x.data());
       },
       {}},
      {"views that overlap",
       invalid,
       [](F& f) {
         posenc::apply_rope_into(posenc::view_packed(f.x.data() + 16, 2, 2, 8),
                                 posenc::view_packed(f.x.data(), 2, 2, 8), f.table, f.layout);
       },
       {"apply_rope_into: out must be x itself or disjoint from it, got overlapping memory"}},

      // Sinusoids
      {"sinusoid of width 0",
       invalid,
       [](F&) { posenc::Sinusoidal(0); },
       {"posenc::Sinusoidal: width", "> 0", "got 0"}},
      {"sinusoid, shift NaN",
       invalid,
       [](F&) {
         posenc::SinusoidalOptions options;
         options.frequency_shift = kNan;
         posenc::Sinusoidal(8, options);
       },
       {"posenc::Sinusoidal: frequency_shift must be finite and less than width / 2 = 4, got nan"}},
      {"fairseq, padding at the last integer",
       range,
       [](F&) { posenc::presets::fairseq(kMaxPosition); },
       {"posenc::presets::fairseq: padding_idx must be at most 9223372036854775806, got 9223372036854775807"}},
      {"sinusoid of odd width",
       invalid,
       [](F&) { posenc::Sinusoidal(7); },
       {"Sinusoidal: width must be even (or set odd_width), got 7"}},
      {"sinusoid of width 1",
       invalid,
       [](F&) { posenc::Sinusoidal(1, posenc::presets::numpy_tutorial()); },
       {"Sinusoidal: width must be > 1", "got 1"}},
      {"sinusoid, base 1",
       invalid,
       [](F&) { posenc::Sinusoidal(8, posenc::presets::paper(1)); },
       {"Sinusoidal: base must be finite, > 0 and not 1, got 1"}},
      {"sinusoid, base NaN",
       invalid,
       [](F&) { posenc::Sinusoidal(8, posenc::presets::paper(kNan)); },
       {"posenc::Sinusoidal: base must be finite, > 0 and not 1, got nan"}},
      {"preset, minimum 0",
       invalid,
       [](F&) { posenc::presets::tensor2tensor(0, 1); },
       {"posenc::presets::tensor2tensor: min_timescale must be finite and > 0, got 0"}},
      {"preset, equal timescales",
       invalid,
       [](F&) { posenc::presets::tensor2tensor(3, 3); },
       {"presets::tensor2tensor: max_timescale must be finite, > 0 and not 3, got 3"}},
      {"preset, timescale NaN",
       invalid,
       [](F&) { posenc::presets::whisper(kNan); },
       {"presets::whisper: max_timescale must be finite, > 0 and not 1, got nan"}},
      {"preset, frequency 0",
       invalid,
       [](F&) { posenc::presets::mlx(8, 0, 1); },
       {"presets::mlx: min_freq must be finite and > 0, got 0"}},
      {"preset, negative frequency",
       invalid,
       [](F&) { posenc::presets::mlx(8, 1e-4, -1); },
       {"presets::mlx: max_freq must be finite, > 0 and not 0.0001, got -1"}},
      {"preset, width 0", invalid, [](F&) { posenc::presets::mlx(0); }, {"presets::mlx: width must be > 0, got 0"}},
      {"preset, negative width",
       invalid,
       [](F&) { posenc::presets::marian(-4); },
       {"presets::marian: width must be > 0, got -4"}},
      {"preset, theta 1",
       invalid,
       [](F&) { posenc::presets::x_transformers(8, 1); },
       {"presets::x_transformers: theta must be finite, > 0 and not 1, got 1"}},
      {"preset, period 0",
       invalid,
       [](F&) { posenc::presets::ggml_timestep(0); },
       {"presets::ggml_timestep: max_period must be finite, > 0 and not 1, got 0"}},
      {"preset, infinite period",
       invalid,
       [](F&) { posenc::presets::diffusers_timestep(false, 1, 1, kInfinity); },
       {"presets::diffusers_timestep: max_period must be finite, > 0 and not 1, got inf"}},
      {"sinusoid, shift as large as the pairs",
       invalid,
       [](F&) { posenc::Sinusoidal(8, posenc::presets::diffusers_timestep(false, 4)); },
       {"Sinusoidal: frequency_shift must be finite and less than width / 2 = 4, got 4"}},
      {"sinusoid, infinite scale",
       invalid,
       [](F&) { posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::position_scale, kInfinity)); },
       {"Sinusoidal: position_scale must be finite, got inf"}},
      {"sinusoid, amplitude NaN",
       invalid,
       [](F&) { posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::amplitude, kNan)); },
       {"Sinusoidal: amplitude must be finite, got nan"}},
      {"sinusoid, embedding scale NaN",
       invalid,
       [](F&) { posenc::Sinusoidal(8, with(SinusoidalOptions{}, &SinusoidalOptions::embedding_scale, kNan)); },
       {"Sinusoidal: embedding_scale must be finite, got nan"}},
      {"sinusoid into another width",
       invalid,
       [](F& f) { posenc::encode_sinusoidal(f.x, posenc::Sinusoidal(8)); },
       {"posenc::encode_sinusoidal: out.cols() must be encoding.width() 8, got 16"}},
      {"sinusoid, too few positions",
       invalid,
       [](F& f) { posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16), Eigen::Array2i(0, 1)); },
       {"posenc::add_sinusoidal: positions.size() must be x.rows() 3, got 2"}},
      {"sinusoid, position NaN",
       invalid,
       [](F& f) { posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16), Eigen::Array3d(0, 1, kNan)); },
       {"add_sinusoidal: positions[2] must be finite, got nan"}},
      {"sinusoid, range beyond 64 bits",
       range,
       [](F& f) { posenc::encode_sinusoidal(f.columns, posenc::Sinusoidal(16), kMaxPosition); },
       {"encode_sinusoidal: positions.first must be at most 9223372036854775804", "got 9223372036854775807"}},
      {"sinusoid, first_position beyond 64 bits",
       range,
       [](F& f) {
         const auto options = with(SinusoidalOptions{}, &SinusoidalOptions::first_position, std::int64_t(2));
         posenc::encode_sinusoidal(f.x, posenc::Sinusoidal(16, options), kMaxPosition - 3);
       },
       {"encode_sinusoidal: positions[2] must be from -9223372036854775808 to 9223372036854775805",
        "got 9223372036854775806"}},
      {"sinusoid, first_position below 64 bits",
       range,
       [](F& f) {
         const auto options = with(SinusoidalOptions{}, &SinusoidalOptions::first_position, std::int64_t(-2));
         const Eigen::Array<std::int64_t, 3, 1> positions(0, -kMaxPosition, 5);
         posenc::add_sinusoidal(f.x, posenc::Sinusoidal(16, options), positions);
       },
       {"add_sinusoidal: positions[1] must be from -9223372036854775806 to 9223372036854775807",
        "got -9223372036854775807"}},
      {"sinusoid, negative count",
       invalid,
       [](F&) {
         posenc::make_sinusoidal<float>(posenc::Sinusoidal(16), PositionRange{0, -5});
       },
       {"posenc::make_sinusoidal: positions.count must be >= 0, got -5"}},
      {"sinusoid too large",
       length,
       [](F&) {
         posenc::make_sinusoidal<double>(posenc::Sinusoidal(16), PositionRange{0, Index(1) << 59});
       },
       {"make_sinusoidal: positions.count must be at most", "rows of 16 values, got 576460752303423488"}},

      // Not errors
      {"zero tokens", Kind::no_error, [](F& f) { posenc::apply_rope(f.x.topRows(0), f.table, f.layout, 5); }, {}},
      {"zero heads", Kind::no_error, [](F& f) { posenc::apply_rope(f.x.leftCols(0), f.table, f.layout); }, {}},
      {"zero tokens in a null view",
       Kind::no_error,
       [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 0, 2, 8), f.table, f.layout); },
       {}},
      {"zero heads in a null view",
       Kind::no_error,
       [](F& f) { posenc::apply_rope(posenc::view_packed<float>(nullptr, 3, 0, 8), f.table, f.layout); },
       {}},
      {"a table of no rows",
       Kind::no_error,
       [](F& f) {
         posenc::make_table<float>(f.eight, PositionRange{kMaxPosition, 0});
       },
       {}},
      {"a wrapped cache of no rows",
       Kind::no_error,
       [](F&) { posenc::wrap_cache<float>(nullptr, 0, 8, posenc::CacheLayout::cos_sin); },
       {}},
      {"no sinusoids",
       Kind::no_error,
       [](F& f) { posenc::encode_sinusoidal(f.x.topRows(0), posenc::Sinusoidal(16)); },
       {}},
      {"negative positions",
       Kind::no_error,
       [](F& f) {
         posenc::make_table<float>(f.eight, PositionRange{-5, 3});
       },
       {}},
  };
}

/// How a case ended.
struct Outcome {
  Kind kind = Kind::no_error;
  std::string message;
  bool untouched = false;
  bool kind_known = true;
};

#if POSENC_HAS_EXCEPTIONS

Outcome run(const Case& test) {
  Fixture fixture;
  Outcome outcome;
  try {
    test.call(fixture);
  } catch (const std::invalid_argument& error) {
    outcome = {Kind::invalid_argument, error.what()};
  } catch (const std::out_of_range& error) {
    outcome = {Kind::out_of_range, error.what()};
  } catch (const std::length_error& error) {
    outcome = {Kind::length_error, error.what()};
  } catch (const std::exception& error) {
    outcome.message = std::string("another exception: ") + error.what();
  }
  outcome.untouched = fixture.untouched();
  return outcome;
}

#else

Fixture* current = nullptr;

/// Ends the child process: 'u' when nothing was written to the fixture, 'w' when something was.
[[noreturn]] void end_child() { _exit(current->untouched() ? 'u' : 'w'); }

#if defined(POSENC_TESTS_HANDLER)
constexpr bool kAborts = false;
#else
constexpr bool kAborts = true;
#endif

/// The case in a child process, whose stderr is read. `really_abort`: do not look at the fixture, let it abort.
Outcome run(const Case& test, bool really_abort = false) {
  int ends[2];
  Outcome outcome;
  if (pipe(ends) != 0) return outcome;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    Fixture fixture;
    current = &fixture;
    if (kAborts && !really_abort) std::signal(SIGABRT, [](int) { end_child(); });
    test.call(fixture);
    _exit(fixture.untouched() ? 'n' : 'w');
  }
  close(ends[1]);
  char buffer[512];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;) {
    outcome.message.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  outcome.untouched = code == 'u' || code == 'n';
  outcome.kind_known = code == 'n';
  if (really_abort && aborted) outcome.message += "aborted";
  return outcome;
}

#endif

/// An empty string, or what is wrong.
std::string judge(const Case& test, const Outcome& outcome) {
  if (test.kind != Kind::no_error && outcome.message.empty()) return "no error";
  if (test.kind == Kind::no_error && !outcome.message.empty()) return "an error: " + outcome.message;
  if (!outcome.untouched) return "something was written: " + outcome.message;
  if (outcome.kind_known && outcome.kind != test.kind) return "another kind of error: " + outcome.message;
  bool names_value = test.kind == Kind::no_error;
  for (const char* const part : test.expected) {
    if (outcome.message.find(part) == std::string::npos) {
      return std::string("no \"") + part + "\" in: " + outcome.message;
    }
    names_value = names_value || std::strstr(part, "got ") != nullptr;
  }
  return names_value ? "" : "the case expects no value";
}

}  // namespace

#if defined(POSENC_TESTS_HANDLER)
void fail_handler(const char* message) {
  std::fputs(message, stderr);
  end_child();
}
#endif

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // an assertion of Eigen must not swallow what failed before it
  int passed = 0;
  int failed = 0;
  const auto count = [&](const char* name, const std::string& wrong) {
    ++(wrong.empty() ? passed : failed);
    if (!wrong.empty()) std::printf("FAILED  %s: %s\n", name, wrong.c_str());
  };
  std::vector<Case> all = cases();
  for (const Case& one : axes_cases()) all.push_back(one);
  for (const Case& test : all) count(test.name, judge(test, run(test)));
#if !POSENC_HAS_EXCEPTIONS && !defined(POSENC_TESTS_HANDLER)
  const std::string message = run(all.front(), true).message;
  const bool right = message.find(all.front().expected.front()) == 0 && message.find("\naborted") != std::string::npos;
  count("without a handler: the message and a newline on stderr, then abort", right ? "" : message);
#endif
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
