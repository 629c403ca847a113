// SPDX-License-Identifier: MIT
/// @file
/// Half types from and to float, a vector register at a time: the instructions that compilers do not find.
///
/// half: compilers do not know the conversions, and neither does Eigen 3.4.0 with gcc. bfloat16: for AVX-512, gcc makes
/// registers of half the width, whose values the next instruction of full width then waits for. bench_rope has both
/// beside the naive loop (`half`, `bfloat16`).
#ifndef POSENC_DETAIL_CAST_PACKET_HPP
#define POSENC_DETAIL_CAST_PACKET_HPP

#include "posenc/detail/abi.hpp"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

#if defined(__AVX512F__)

inline constexpr int kCastPacket = 16;  // values that cast_packet() converts

inline void cast_packet(float* to, const Eigen::half* from) {
  _mm512_storeu_ps(to, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
}

inline void cast_packet(Eigen::half* to, const float* from) {
  const __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves);
}

inline void cast_packet(float* to, const Eigen::bfloat16* from) {
  const __m512i upper = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  _mm512_storeu_ps(to, _mm512_castsi512_ps(_mm512_slli_epi32(upper, 16)));
}

inline void cast_packet(Eigen::bfloat16* to, const float* from) {  // as round_to_bfloat16()
  const __m512 values = _mm512_loadu_ps(from);
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i middle = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i nearest = _mm512_srli_epi32(_mm512_add_epi32(bits, middle), 16);
  const __m512i not_a_number = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_mov_epi32(nearest, is_nan, not_a_number);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(result));
}

#elif defined(__F16C__)

inline constexpr int kCastPacket = 8;

inline void cast_packet(float* to, const Eigen::half* from) {
  _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}

inline void cast_packet(Eigen::half* to, const float* from) {
  const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), halves);
}

#else

inline constexpr int kCastPacket = 1;

#endif

template <typename To, typename From, typename = void>
inline constexpr bool has_cast_packet = false;
template <typename To, typename From>
inline constexpr bool
    has_cast_packet<To, From, decltype(cast_packet(static_cast<To*>(nullptr), static_cast<const From*>(nullptr)))> =
        true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CAST_PACKET_HPP
