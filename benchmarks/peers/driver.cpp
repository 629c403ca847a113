// SPDX-License-Identifier: MIT
// What peers.py calls of posenc, and libmvec where glibc has it: a shared library over raw buffers.
#include <cstdint>
#include <cstring>
#include <vector>

#include "posenc/posenc.hpp"

namespace {

using Eigen::Index;
template <typename Scalar>
using Rows = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

posenc::RopeLayout layout_of(bool half_split, Index head_dim) {
  return half_split ? posenc::RopeLayout::half_split(head_dim) : posenc::RopeLayout::interleaved(head_dim);
}

template <typename Scalar>
void rotate(Scalar* out, Scalar* x, const float* cos, const float* sin, Index tokens, Index heads, Index head_dim,
            bool half_split) {
  const auto table = posenc::wrap_cache(cos, sin, tokens, head_dim, posenc::CosSinStorage::cos_sin, 1.0);
  Rows<Scalar> in(x, tokens, heads * head_dim);
  if (out == x) return posenc::apply_rope(in, table, layout_of(half_split, head_dim));
  Rows<Scalar> to(out, tokens, heads * head_dim);
  posenc::apply_rope(to, in, table, layout_of(half_split, head_dim));
}

struct KeptSinusoids {
  posenc::SinusoidalEncoding encoding;
  posenc::FrequencyTable<float> table;
};

}  // namespace

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__AVX2__)
using Doubles = double __attribute__((vector_size(32)));
extern "C" Doubles _ZGVdN4v_sin(Doubles);
extern "C" Doubles _ZGVdN4v_cos(Doubles);
#define PEERS_HAVE_LIBMVEC 1
#else
#define PEERS_HAVE_LIBMVEC 0
#endif

extern "C" {

/// [1, tokens, heads * head_dim] by cosines and sines of tokens x head_dim / 2; out may be x.
void posenc_rope_float(float* out, float* x, const float* cos, const float* sin, std::int64_t tokens,
                       std::int64_t heads, std::int64_t head_dim, int half_split) {
  rotate(out, x, cos, sin, tokens, heads, head_dim, half_split != 0);
}
void posenc_rope_half(void* out, void* x, const float* cos, const float* sin, std::int64_t tokens, std::int64_t heads,
                      std::int64_t head_dim, int half_split) {
  rotate(static_cast<Eigen::half*>(out), static_cast<Eigen::half*>(x), cos, sin, tokens, heads, head_dim,
         half_split != 0);
}

/// The norm of each head, then the rotation, half-split, in place.
void posenc_norm_rope(float* x, const float* weight, const float* cos, const float* sin, std::int64_t tokens,
                      std::int64_t heads, std::int64_t head_dim) {
  const auto table = posenc::wrap_cache(cos, sin, tokens, head_dim, posenc::CosSinStorage::cos_sin, 1.0);
  const posenc::RmsNorm norm(Eigen::Map<const Eigen::VectorXf>(weight, head_dim), 1e-6, posenc::NormOver::head,
                             posenc::NormWeight::itself, posenc::NormOrder::before_rotation);
  Rows<float> in(x, tokens, heads * head_dim);
  posenc::apply_rope(in, table, layout_of(true, head_dim), norm);
}

/// x += sinusoids at positions 0, 1, .., kept in a table.
void* posenc_kept_sinusoids(std::int64_t tokens, std::int64_t width) {
  const auto encoding = posenc::presets::paper(width);
  return new KeptSinusoids{encoding,
                           posenc::make_table<float>(encoding.frequencies(), posenc::PositionRange(0, tokens))};
}
void posenc_add_kept_sinusoids(float* x, const void* given, std::int64_t tokens, std::int64_t width) {
  const auto& kept = *static_cast<const KeptSinusoids*>(given);
  Rows<float> rows(x, tokens, width);
  posenc::add_sinusoidal(rows, kept.table, kept.encoding, posenc::starting_at(0));
}

/// logits[window][head] += the bias of a Swin window; weights of (2 side - 1)^2 x heads.
void* posenc_window_table(const float* weights, std::int64_t side, std::int64_t heads) {
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> given(
      weights, (2 * side - 1) * (2 * side - 1), heads);
  return new decltype(posenc::make_window_table(Eigen::MatrixXf(), posenc::GridShape(1, 1), posenc::ClassToken::none))(
      posenc::make_window_table(Eigen::MatrixXf(given), posenc::GridShape(side, side), posenc::ClassToken::none));
}
void posenc_add_window_bias(float* logits, void* table, std::int64_t windows, std::int64_t side, std::int64_t heads) {
  using Table =
      decltype(posenc::make_window_table(Eigen::MatrixXf(), posenc::GridShape(1, 1), posenc::ClassToken::none));
  const Index size = side * side;
  for (Index i = 0; i < windows; ++i) {
    Rows<float> block(logits + i * heads * size * size, heads * size, size);
    posenc::add_window_bias(block, *static_cast<const Table*>(table));
  }
}

/// Cosines and sines of 64 pairs at `rows` positions.
void posenc_table(float* cos, float* sin, std::int64_t rows) {
  static const auto frequencies = posenc::geometric_frequencies(128, 10000);
  static std::vector<posenc::FrequencyTable<float>> kept;
  if (kept.empty() || kept.back().rows() != rows) {
    kept.assign(1, posenc::FrequencyTable<float>(rows, 64));
  }
  posenc::fill_table(kept.back(), frequencies, posenc::starting_at(1));
  std::memcpy(cos, kept.back().cos_data(0), sizeof(float));
  std::memcpy(sin, kept.back().sin_data(0), sizeof(float));
}
int have_libmvec() { return PEERS_HAVE_LIBMVEC; }
void libmvec_table(float* cos, float* sin, const double* inv_freq, std::int64_t rows) {
#if PEERS_HAVE_LIBMVEC
  for (std::int64_t row = 0; row < rows; ++row) {
    const double position = static_cast<double>(row + 1);
    for (int j = 0; j < 64; j += 4) {
      Doubles angle;
      std::memcpy(&angle, inv_freq + j, sizeof angle);
      angle *= position;
      const Doubles c = _ZGVdN4v_cos(angle);
      const Doubles s = _ZGVdN4v_sin(angle);
      for (int k = 0; k < 4; ++k) {
        cos[row * 64 + j + k] = static_cast<float>(c[k]);
        sin[row * 64 + j + k] = static_cast<float>(s[k]);
      }
    }
  }
#else
  static_cast<void>(cos), static_cast<void>(sin), static_cast<void>(inv_freq), static_cast<void>(rows);
#endif
}

}  // extern "C"
