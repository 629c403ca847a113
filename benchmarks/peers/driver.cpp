// SPDX-License-Identifier: MIT
// What peers.py calls of posenc, and of the C and C++ libraries that it finds (ggml, CTranslate2, SLEEF, libmvec): a
// shared library over raw buffers.
#include <cstdint>
#include <cstring>
#include <vector>

#include "posenc/posenc.hpp"

#if __has_include(<ggml-cpu.h>)
#include <ggml-cpu.h>
#include <ggml.h>
#define PEERS_HAVE_GGML 1
#else
#define PEERS_HAVE_GGML 0
#endif
#if __has_include(<ctranslate2/ops/rotary.h>)
#include <ctranslate2/ops/rotary.h>
#include <ctranslate2/storage_view.h>
#define PEERS_HAVE_CTRANSLATE2 1
#else
#define PEERS_HAVE_CTRANSLATE2 0
#endif
#if __has_include(<sleef.h>) && defined(__AVX2__)
#include <immintrin.h>
#include <sleef.h>
#define PEERS_HAVE_SLEEF 1
#else
#define PEERS_HAVE_SLEEF 0
#endif

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

const posenc::FrequencyTable<float>& table_made_anew(Index rows, std::int64_t first) {
  static const auto frequencies = posenc::geometric_frequencies(128, 10000);
  static std::vector<posenc::FrequencyTable<float>> kept;
  if (kept.empty() || kept.back().rows() != rows) kept.assign(1, posenc::FrequencyTable<float>(rows, 64));
  posenc::fill_table(kept.back(), frequencies, posenc::starting_at(first));
  return kept.back();
}

template <typename Scalar>
void make_table_and_rotate(Scalar* out, Scalar* x, Index tokens, Index heads, bool half_split) {
  const auto& table = table_made_anew(tokens, 0);
  Rows<Scalar> in(x, tokens, heads * 128);
  Rows<Scalar> to(out, tokens, heads * 128);
  posenc::apply_rope(to, in, table, layout_of(half_split, 128));
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

/// The same with a table of heads of 128 that is made anew in each call, for positions 0, 1, ...
void posenc_table_and_rope_float(float* out, float* x, std::int64_t tokens, std::int64_t heads, int half_split) {
  make_table_and_rotate(out, x, tokens, heads, half_split != 0);
}
void posenc_table_and_rope_half(void* out, void* x, std::int64_t tokens, std::int64_t heads, int half_split) {
  make_table_and_rotate(static_cast<Eigen::half*>(out), static_cast<Eigen::half*>(x), tokens, heads, half_split != 0);
}

/// [1, heads, tokens, head_dim].
void posenc_rope_by_head(float* out, float* x, const float* cos, const float* sin, std::int64_t tokens,
                         std::int64_t heads, std::int64_t head_dim, int half_split) {
  const auto table = posenc::wrap_cache(cos, sin, tokens, head_dim, posenc::CosSinStorage::cos_sin, 1.0);
  const auto shape = posenc::HeadsShape().batch(1).num_heads(heads).seq_len(tokens).head_dim(head_dim);
  const auto to = posenc::view_bhld(out, shape);
  posenc::apply_rope(to, posenc::view_bhld(x, shape), table, layout_of(half_split != 0, head_dim));
}

/// What moves as many bytes: out = a x.
void move_bytes(float* out, const float* x, std::int64_t count, float a) {
  Eigen::Map<Eigen::ArrayXf>(out, count) = Eigen::Map<const Eigen::ArrayXf>(x, count) * a;
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
  const auto& table = table_made_anew(rows, 1);
  std::memcpy(cos, table.cos_data(0), sizeof(float));
  std::memcpy(sin, table.sin_data(0), sizeof(float));
}
int have_ggml() { return PEERS_HAVE_GGML; }
int have_ctranslate2() { return PEERS_HAVE_CTRANSLATE2; }
int have_sleef() { return PEERS_HAVE_SLEEF; }
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

#if PEERS_HAVE_SLEEF
void sleef_table(float* cos, float* sin, const double* inv_freq, std::int64_t rows) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const double position = static_cast<double>(row + 1);
#ifdef __AVX512F__
    for (int j = 0; j < 64; j += 8) {
      const auto both =
          Sleef_sincosd8_u10avx512f(_mm512_mul_pd(_mm512_loadu_pd(inv_freq + j), _mm512_set1_pd(position)));
      _mm256_storeu_ps(sin + row * 64 + j, _mm512_cvtpd_ps(both.x));
      _mm256_storeu_ps(cos + row * 64 + j, _mm512_cvtpd_ps(both.y));
    }
#else
    for (int j = 0; j < 64; j += 4) {
      const auto both = Sleef_sincosd4_u10avx2(_mm256_mul_pd(_mm256_loadu_pd(inv_freq + j), _mm256_set1_pd(position)));
      _mm_storeu_ps(sin + row * 64 + j, _mm256_cvtpd_ps(both.x));
      _mm_storeu_ps(cos + row * 64 + j, _mm256_cvtpd_ps(both.y));
    }
#endif
  }
}
#endif

#if PEERS_HAVE_GGML
struct GgmlRope {
  ggml_context* context;
  ggml_cgraph* graph;
  ggml_cplan plan;
  std::vector<std::uint8_t> work;
  ggml_tensor* result;
};
/// A graph of one rope operation on a copy of x, for positions 0, 1, ...
void* ggml_make(const void* x, std::int64_t tokens, std::int64_t heads, std::int64_t head_dim, int half_split,
                int is_half) {
  const std::size_t bytes = static_cast<std::size_t>(tokens * heads * head_dim) * (is_half != 0 ? 2 : 4);
  ggml_init_params memory{2 * bytes + static_cast<std::size_t>(tokens) * 4 + (std::size_t(1) << 20), nullptr, false};
  auto* const rope = new GgmlRope{ggml_init(memory), nullptr, {}, {}, nullptr};
  ggml_tensor* const given =
      ggml_new_tensor_3d(rope->context, is_half != 0 ? GGML_TYPE_F16 : GGML_TYPE_F32, head_dim, heads, tokens);
  std::memcpy(given->data, x, bytes);
  ggml_tensor* const positions = ggml_new_tensor_1d(rope->context, GGML_TYPE_I32, tokens);
  for (std::int64_t i = 0; i < tokens; ++i) {
    static_cast<std::int32_t*>(positions->data)[i] = static_cast<std::int32_t>(i);
  }
  rope->result = ggml_rope(rope->context, given, positions, static_cast<int>(head_dim),
                           half_split != 0 ? GGML_ROPE_TYPE_NEOX : GGML_ROPE_TYPE_NORMAL);
  rope->graph = ggml_new_graph(rope->context);
  ggml_build_forward_expand(rope->graph, rope->result);
  ggml_threadpool_params one = ggml_threadpool_params_default(1);
  rope->plan = ggml_graph_plan(rope->graph, 1, ggml_threadpool_new(&one));
  rope->work.resize(rope->plan.work_size);
  rope->plan.work_data = rope->work.data();
  return rope;
}
void ggml_run(void* rope) {
  ggml_graph_compute(static_cast<GgmlRope*>(rope)->graph, &static_cast<GgmlRope*>(rope)->plan);
}
const void* ggml_result(void* rope) { return static_cast<GgmlRope*>(rope)->result->data; }
void ggml_drop(void* given) {
  auto* const rope = static_cast<GgmlRope*>(given);
  ggml_threadpool_free(rope->plan.threadpool);
  ggml_free(rope->context);
  delete rope;
}
#endif

#if PEERS_HAVE_CTRANSLATE2
struct CTranslate2Rope {
  ctranslate2::ops::Rotary rotary;
  ctranslate2::StorageView x, sin, cos, out;
};
/// Cosines and sines of tokens x head_dim, each number twice; out is memory of the caller.
void* ctranslate2_make(float* out, float* x, float* cos, float* sin, std::int64_t tokens, std::int64_t heads,
                       std::int64_t head_dim, int half_split) {
  using ctranslate2::StorageView;
  return new CTranslate2Rope{ctranslate2::ops::Rotary(head_dim, half_split == 0),
                             StorageView({1, heads, tokens, head_dim}, x), StorageView({tokens, head_dim}, sin),
                             StorageView({tokens, head_dim}, cos), StorageView({1, heads, tokens, head_dim}, out)};
}
void ctranslate2_run(void* given) {
  auto& rope = *static_cast<CTranslate2Rope*>(given);
  rope.rotary(rope.x, rope.sin, rope.cos, rope.out);
}
void ctranslate2_drop(void* rope) { delete static_cast<CTranslate2Rope*>(rope); }
#endif

}  // extern "C"
