// SPDX-License-Identifier: MIT
/// @file
/// Vectors of floats, at each level of instruction_sets.hpp, and the level of the machine.
///
/// A kernel is a file without include guard, includes or std, which is included once for each level in the namespaces
/// sse2, avx2 and avx512. It is written in vectors.inc, which gives it vectors and conversions, in templates alone:
/// what a program does not call is not compiled.
#ifndef POSENC_DETAIL_VECTORS_HPP
#define POSENC_DETAIL_VECTORS_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if POSENC_HAS_LEVELS

#define POSENC_INLINE inline __attribute__((always_inline))

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

enum class Level { sse2 = 1, avx2 = 2, avx512 = 3 };

/// The highest level that this unit has and this machine too: found at the first call, read at later ones.
inline Level level_of_machine() {
#if POSENC_LOWEST_LEVEL == POSENC_HIGHEST_LEVEL
  return Level(POSENC_LOWEST_LEVEL);
#else
  // AVX2 stands for F16C, which clang 14 cannot ask for: every processor with AVX2 has it.
  static const Level level = [] {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 ? Level::avx512 : avx2 || POSENC_LOWEST_LEVEL == 2 ? Level::avx2 : Level::sse2;
  }();
  return level;
#endif
}

/// What lies in memory as floats are computed from and rounded to.
enum class StoredAs { float32, half, bfloat16 };

template <typename Scalar>
inline constexpr StoredAs stored_as = std::is_same_v<Scalar, float>         ? StoredAs::float32
                                      : std::is_same_v<Scalar, Eigen::half> ? StoredAs::half
                                                                            : StoredAs::bfloat16;

template <StoredAs>
struct StoredElement {
  using type = std::uint16_t;
};
template <>
struct StoredElement<StoredAs::float32> {
  using type = float;
};
template <StoredAs S>
using StoredElementOf = typename StoredElement<S>::type;

/// A mask of 16 lanes, in the type that the compiler's instructions take.
#if defined(__clang__)
inline constexpr std::uint16_t kAllLanes = 0xffff;
#else
inline constexpr std::int16_t kAllLanes = -1;
#endif

template <int Value>
struct Constant {
  static constexpr int value = Value;
};

/// Vectors of N floats or of N words of 32 bits, in registers, and as they lie in memory: at any address, of any type.
template <int N>
struct VectorTypes;
#define POSENC_VECTOR_TYPES(n)                                                                  \
  template <>                                                                                   \
  struct VectorTypes<n> {                                                                       \
    typedef float Floats __attribute__((vector_size(4 * (n))));                                 \
    typedef std::uint32_t Words __attribute__((vector_size(4 * (n))));                          \
    typedef std::int32_t Signs __attribute__((vector_size(4 * (n))));                           \
    typedef std::int16_t Shorts __attribute__((vector_size(2 * (n))));                          \
    typedef std::uint16_t Pairs __attribute__((vector_size(4 * (n))));                          \
    typedef std::int16_t SignedPairs __attribute__((vector_size(4 * (n))));                     \
    typedef float FloatsAt __attribute__((vector_size(4 * (n)), aligned(4), may_alias));        \
    typedef std::uint32_t WordsAt __attribute__((vector_size(4 * (n)), aligned(2), may_alias)); \
    typedef std::int16_t ShortsAt __attribute__((vector_size(2 * (n)), aligned(2), may_alias)); \
  };
POSENC_VECTOR_TYPES(2)
POSENC_VECTOR_TYPES(4)
POSENC_VECTOR_TYPES(8)
POSENC_VECTOR_TYPES(16)
#undef POSENC_VECTOR_TYPES

template <int N>
using Floats = typename VectorTypes<N>::Floats;
template <int N>
using Words = typename VectorTypes<N>::Words;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/detail/vectors.inc"
#include "posenc/detail/each_level.inc"

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_DETAIL_VECTORS_HPP
