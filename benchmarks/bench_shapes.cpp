// SPDX-License-Identifier: MIT
// Shapes that are not plain rows of 32 heads of 128: views, other widths of heads, few heads, column-major matrices, a
// decode step, tables of several axes. Where a shape is held against the plain one, that is the "ceiling".

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "posenc/frequency.hpp"
#include "posenc/positions.hpp"
#include "posenc/relative_bias.hpp"
#include "posenc/rope.hpp"

#include "support/measure.hpp"

namespace {

using Eigen::Index;
using posenc::RopeLayout;
using posenc::RopePairs;
using posenc_benchmarks::measure;

template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kChannels = 32 * 128;

/// Numbers of magnitude 1, which rotations keep.
template <typename Matrix>
Matrix channels(Index rows, Index cols) {
  Matrix x(rows, cols);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<typename Matrix::Scalar>(0.5f + 0.125f * static_cast<float>(i % 7));
  }
  return x;
}

posenc::FrequencyTable<float> table_of(Index tokens, Index head_dim = 128) {
  return posenc::make_table<float>(posenc::geometric_frequencies(head_dim, 10000), posenc::PositionRange(0, tokens));
}

const char* name_of(RopePairs pairs) { return pairs == RopePairs::half_split ? "half_split" : "interleaved"; }

/// Beside x *= a over as many bytes of floats.
template <typename Run>
void measure_beside_bytes(const std::string& name, Index bytes, Run run) {
  Eigen::ArrayXf scaled = Eigen::ArrayXf::Ones(bytes / 4);
  volatile float one = 1.0f;
  measure(
      name, 2.0 * static_cast<double>(bytes), run, [&] { scaled *= static_cast<float>(one); }, [] {});
}

/// Beside the same rotation of a plain matrix in the memory from `data` on, so that neither finds the other one's bytes
/// in the caches.
template <typename Run>
void measure_beside_plain(const std::string& name, Index tokens, float* data, const RopeLayout& layout, Run run) {
  Eigen::Map<RowMatrix<float>> plain(data, tokens, kChannels);
  const auto table = table_of(tokens);
  measure(
      name, 8.0 * static_cast<double>(plain.size()), run, [&] { posenc::apply_rope(plain, table, layout); }, [] {});
}

}  // namespace

TEST_CASE("views, beside a plain matrix") {
  struct Size {
    const char* name;
    Index tokens;
  };
  for (const Size& size : {Size{"/L2/64_tokens", 64}, Size{"/last_level/1024_tokens", 1024}}) {
    const auto table = table_of(size.tokens);
    auto x = channels<RowMatrix<float>>(size.tokens, 3 * kChannels);
    const auto shape = posenc::HeadsShape().batch(1).seq_len(size.tokens).num_heads(32).head_dim(128);
    std::vector<std::int64_t> ids;
    for (Index token = 0; token < size.tokens; ++token) ids.push_back((token * 29) % size.tokens);
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, 128);
      const std::string name = std::string("views/") + name_of(pairs);
      const auto blhd = posenc::view_blhd(x.data(), shape);
      measure_beside_plain(name + "_blhd" + size.name, size.tokens, x.data(), layout,
                           [&] { posenc::apply_rope(blhd, table, layout); });
      const auto bhld = posenc::view_bhld(x.data(), shape);
      measure_beside_plain(name + "_bhld" + size.name, size.tokens, x.data(), layout,
                           [&] { posenc::apply_rope(bhld, table, layout); });
      auto q = x.leftCols(kChannels);
      measure_beside_plain(name + "_q_of_qkv" + size.name, size.tokens, x.data(), layout,
                           [&] { posenc::apply_rope(q, table, layout); });
      Eigen::Map<RowMatrix<float>> whole(x.data(), size.tokens, kChannels);
      measure_beside_plain(name + "_row_ids" + size.name, size.tokens, x.data(), layout,
                           [&] { posenc::apply_rope(whole, table, layout, posenc::rows(ids)); });
    }
  }
}

TEST_CASE("widths of heads, 64 tokens") {
  for (const Index head_dim : {64, 80, 96, 100, 256}) {
    const auto table = table_of(64, head_dim);
    auto x = channels<RowMatrix<float>>(64, kChannels / head_dim * head_dim);
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, head_dim);
      measure_beside_bytes(std::string("heads/") + name_of(pairs) + "/" + std::to_string(head_dim) + "_wide",
                           x.size() * 4, [&] { posenc::apply_rope(x, table, layout); });
    }
  }
}

TEST_CASE("wide heads, last level") {
  const auto table = table_of(1024, 256);
  auto x = channels<RowMatrix<float>>(1024, kChannels);
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, 256);
    measure_beside_bytes(std::string("heads/") + name_of(pairs) + "/256_wide/last_level/1024_tokens", x.size() * 4,
                         [&] { posenc::apply_rope(x, table, layout); });
  }
}

/// Beside y = a x.
TEST_CASE("into other memory, 4,096 tokens") {
  constexpr Index tokens = 4096;
  const auto table = table_of(tokens);
  auto x = channels<RowMatrix<float>>(tokens, kChannels);
  auto y = channels<RowMatrix<float>>(tokens, kChannels);
  const auto shape = posenc::HeadsShape().batch(1).seq_len(tokens).num_heads(32).head_dim(128);
  volatile float factor = 1.0f;
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, 128);
    const auto beside_scale = [&](const char* name, const auto& run) {
      measure(
          std::string("into/") + name_of(pairs) + name, 8.0 * static_cast<double>(x.size()), run,
          [&] { y.noalias() = static_cast<float>(factor) * x; }, [] {});
    };
    beside_scale("/4096_tokens", [&] { posenc::apply_rope(y, x, table, layout); });
    beside_scale("_bhld/4096_tokens", [&] {
      posenc::apply_rope(posenc::view_bhld(y.data(), shape), posenc::view_bhld(x.data(), shape), table, layout);
    });
  }
}

TEST_CASE("double") {
  for (const Index tokens : {64, 1024}) {
    const auto table =
        posenc::make_table<double>(posenc::geometric_frequencies(128, 10000), posenc::PositionRange(0, tokens));
    auto x = channels<RowMatrix<double>>(tokens, kChannels);
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, 128);
      measure_beside_bytes(std::string("heads/") + name_of(pairs) + "/double/" + std::to_string(tokens) + "_tokens",
                           x.size() * 8, [&] { posenc::apply_rope(x, table, layout); });
    }
  }
}

/// Beside x *= y: a row of the table is as long as one of x.
TEST_CASE("heads with rotations of their own") {
  for (const Index tokens : {64, 1024}) {
    const Eigen::ArrayXXf frequencies =
        posenc::initial_mixed_frequencies(128, 10.0, 0.5).cast<float>().replicate(1, 32);
    posenc::TableOptions options;
    options.num_heads = 32;
    const Eigen::Array<double, Eigen::Dynamic, 2> positions =
        Eigen::ArrayXd::LinSpaced(tokens, 0.0, static_cast<double>(tokens - 1)).replicate(1, 2);
    const auto table = posenc::make_mixed_table<float>(frequencies, positions, options);
    auto x = channels<RowMatrix<float>>(tokens, kChannels);
    Eigen::ArrayXf scaled = Eigen::ArrayXf::Ones(x.size());
    const Eigen::ArrayXf factors = Eigen::ArrayXf::Ones(x.size());
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, 128);
      measure(
          std::string("heads/") + name_of(pairs) + "/own_rotations/" + std::to_string(tokens) + "_tokens",
          12.0 * static_cast<double>(x.size()), [&] { posenc::apply_rope(x, table, layout); },
          [&] { scaled *= factors; }, [] {});
    }
  }
}

TEST_CASE("one head") {
  struct Size {
    const char* name;
    Index head_dim, tokens;
  };
  for (const Size& size : {Size{"one_of_8", 8, 65536}, Size{"one_of_16", 16, 65536}, Size{"one_of_64", 64, 65536},
                           Size{"one_of_64/L2/1024_tokens", 64, 1024}}) {
    const auto table = table_of(size.tokens, size.head_dim);
    auto x = channels<RowMatrix<float>>(size.tokens, size.head_dim);
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, size.head_dim);
      measure_beside_bytes(std::string("heads/") + name_of(pairs) + "/" + size.name, x.size() * 4,
                           [&] { posenc::apply_rope(x, table, layout); });
    }
  }
}

TEST_CASE("column-major, last level") {
  auto x = channels<Eigen::MatrixXf>(1024, kChannels);
  const auto table = table_of(1024);
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, 128);
    measure_beside_bytes(std::string("heads/") + name_of(pairs) + "_column_major/last_level/1024_tokens", x.size() * 4,
                         [&] { posenc::apply_rope(x, table, layout); });
  }
}

namespace {

/// One token through 32 layers of 32 heads of queries and 8 of keys, its row of the table made anew.
template <typename Scalar>
void measure_decode(const std::string& scalar) {
  constexpr Index layers = 32;
  auto q = channels<RowMatrix<Scalar>>(layers, kChannels);
  auto k = channels<RowMatrix<Scalar>>(layers, 8 * 128);
  // The same bytes as floats, layer by layer.
  constexpr Index floats = 4 / static_cast<Index>(sizeof(Scalar));
  RowMatrix<float> scaled_q = RowMatrix<float>::Ones(layers, kChannels / floats);
  RowMatrix<float> scaled_k = RowMatrix<float>::Ones(layers, 8 * 128 / floats);
  volatile float one = 1.0f;
  const auto frequencies = posenc::geometric_frequencies(128, 10000);
  posenc::FrequencyTable<float> row(1, 64);
  std::int64_t position = 1000;
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, 128);
    measure(
        std::string("decode_step/") + name_of(pairs) + "_" + scalar,
        2.0 * static_cast<double>(q.size() + k.size()) * sizeof(Scalar),
        [&] {
          posenc::fill_table(row, frequencies, posenc::PositionRange(position++, 1));
          for (Index layer = 0; layer < layers; ++layer) {
            posenc::apply_rope(q.row(layer), row, layout);
            posenc::apply_rope(k.row(layer), row, layout);
          }
        },
        [&] {
          for (Index layer = 0; layer < layers; ++layer) {
            scaled_q.row(layer) *= static_cast<float>(one);
            scaled_k.row(layer) *= static_cast<float>(one);
          }
        },
        [] {});
  }
}

}  // namespace

TEST_CASE("decode step") {
  measure_decode<float>("float");
  measure_decode<Eigen::half>("half");
  measure_decode<Eigen::bfloat16>("bfloat16");
}

TEST_CASE("tables of several axes, beside one axis") {
  const auto frequencies = posenc::geometric_frequencies(128, 10000);
  const auto beside_one_axis = [&](const std::string& name, const posenc::AxisMap& axes, const auto& ids) {
    posenc::FrequencyTable<float> table(ids.rows(), 64);
    posenc::FrequencyTable<float> plain(ids.rows(), 64);
    measure(
        "table_axes/" + name, 512.0 * static_cast<double>(ids.rows()),
        [&] { posenc::fill_table(table, frequencies, axes, ids); },
        [&] { posenc::fill_table(plain, frequencies, posenc::PositionRange(1000, ids.rows())); }, [] {});
  };
  const posenc::AxisMap mrope = posenc::contiguous_axes({16, 24, 24});
  const auto prompt = posenc::mrope_positions({posenc::MropeSegment::text(256), posenc::MropeSegment::image(32, 32),
                                               posenc::MropeSegment::text(256)})
                          .ids;
  beside_one_axis("mrope_1536_rows", mrope, prompt);
  beside_one_axis("mrope_1_row", mrope, RowMatrix<std::int64_t>(RowMatrix<std::int64_t>::Constant(1, 3, 4711)));
  beside_one_axis("axial_32x32", posenc::contiguous_axes({32, 32}), posenc::grid_positions({32, 32}));
}

TEST_CASE("decode, 32 heads and 128 keys") {
  const Index heads = 32;
  const Index keys = 128;
  auto logits = channels<RowMatrix<float>>(heads, keys);
  const auto bias = channels<RowMatrix<float>>(heads, keys);
  const auto table = posenc::make_alibi_table<float>(posenc::alibi_slopes(heads), posenc::DistanceRange::causal(4096),
                                                     posenc::AlibiForm::causal);
  const auto span = posenc::AttentionSpan::cached(1, keys);
  measure(
      "decode: distance bias 32 heads x 128 keys", 8.0 * static_cast<double>(logits.size()),
      [&] { posenc::add_distance_bias(logits, table, span); }, [&] { logits += bias; }, [] {});
}
