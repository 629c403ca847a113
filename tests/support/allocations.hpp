// SPDX-License-Identifier: MIT
/// Counts heap allocations, so that a test can require none.
///
/// With glibc the program's malloc and its kin are replaced by ones that count and pass on; operator new and Eigen end
/// there. Under AddressSanitizer, which replaces them itself, its hook counts. Elsewhere nothing is counted, and
/// skip_without_allocation_count() says so. Every test that requires 0 stands beside one that requires 1.
#ifndef POSENC_TESTS_ALLOCATIONS_HPP
#define POSENC_TESTS_ALLOCATIONS_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>

#include <Eigen/Core>  // first: clang's mm_malloc.h declares posix_memalign again, without noexcept

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSENC_TESTS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define POSENC_TESTS_SANITIZED
#endif
#endif

namespace posenc_tests {

inline std::atomic<std::size_t> allocations_so_far{0};

/// Heap allocations of the whole program while `work` runs.
template <typename Work>
std::size_t count_allocations(Work&& work) {
  const std::size_t before = allocations_so_far;
  work();
  return allocations_so_far - before;
}

#if defined(__GLIBC__)
inline constexpr bool kCountsAllocations = true;
#else
inline constexpr bool kCountsAllocations = false;
#endif

inline bool skip_without_allocation_count(const std::string& what) {
  if (kCountsAllocations) return false;
  std::cout << "skipped: " << what << " (allocations are counted with glibc only)\n";
  return true;
}

}  // namespace posenc_tests

// Weak, so that several sources of one program may include this header.
#if defined(__GLIBC__) && defined(POSENC_TESTS_SANITIZED)

extern "C" __attribute__((weak)) void __sanitizer_malloc_hook(const volatile void*, std::size_t) {
  ++posenc_tests::allocations_so_far;
}

#elif defined(__GLIBC__)

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

__attribute__((weak)) void* malloc(std::size_t size) noexcept {
  ++posenc_tests::allocations_so_far;
  return __libc_malloc(size);
}
__attribute__((weak)) void* calloc(std::size_t count, std::size_t size) noexcept {
  ++posenc_tests::allocations_so_far;
  return __libc_calloc(count, size);
}
__attribute__((weak)) void* realloc(void* old, std::size_t size) noexcept {
  ++posenc_tests::allocations_so_far;
  return __libc_realloc(old, size);
}
__attribute__((weak)) void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++posenc_tests::allocations_so_far;
  return __libc_memalign(alignment, size);
}
__attribute__((weak)) int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept {
  ++posenc_tests::allocations_so_far;
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}
}

#endif

#endif  // POSENC_TESTS_ALLOCATIONS_HPP
