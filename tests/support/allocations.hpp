// SPDX-License-Identifier: MIT
/// Counts heap allocations, so that a test can require none, and measures them, so that a benchmark can print them.
///
/// With glibc the program's malloc and its kin are replaced by ones that count and pass on; operator new and Eigen end
/// there. Under AddressSanitizer, which replaces them itself, its hook counts, and nothing is measured. Elsewhere
/// nothing is counted, and skip_without_allocation_count() says so. Every test that requires 0 stands beside one that
/// requires 1.
#ifndef POSENC_TESTS_ALLOCATIONS_HPP
#define POSENC_TESTS_ALLOCATIONS_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

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

#if defined(__GLIBC__) && !defined(POSENC_TESTS_SANITIZED)
inline constexpr bool kMeasuresHeap = true;
#else
inline constexpr bool kMeasuresHeap = false;
#endif

inline std::atomic<std::ptrdiff_t> heap_bytes{0};       // what the program holds now
inline std::atomic<std::ptrdiff_t> most_heap_bytes{0};  // since the last peak_heap_bytes() began

/// Heap bytes that `work` holds at most, beyond what the program held before. One thread; 0 where !kMeasuresHeap.
template <typename Work>
std::size_t peak_heap_bytes(Work&& work) {
  const std::ptrdiff_t before = heap_bytes;
  most_heap_bytes = before;
  work();
  return static_cast<std::size_t>(most_heap_bytes - before);
}

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
void __libc_free(void* memory);
}

namespace posenc_tests {

inline void* count_allocation(void* memory) {
  ++allocations_so_far;
  const std::ptrdiff_t now = heap_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  if (now > most_heap_bytes) most_heap_bytes = now;
  return memory;
}

inline void count_release(void* memory) { heap_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory)); }

}  // namespace posenc_tests

extern "C" {
__attribute__((weak)) void* malloc(std::size_t size) noexcept {
  return posenc_tests::count_allocation(__libc_malloc(size));
}
__attribute__((weak)) void* calloc(std::size_t count, std::size_t size) noexcept {
  return posenc_tests::count_allocation(__libc_calloc(count, size));
}
__attribute__((weak)) void* realloc(void* old, std::size_t size) noexcept {
  posenc_tests::count_release(old);
  return posenc_tests::count_allocation(__libc_realloc(old, size));
}
__attribute__((weak)) void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return posenc_tests::count_allocation(__libc_memalign(alignment, size));
}
__attribute__((weak)) int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept {
  *result = posenc_tests::count_allocation(__libc_memalign(alignment, size));
  return *result == nullptr ? ENOMEM : 0;
}
__attribute__((weak)) void free(void* memory) noexcept {
  posenc_tests::count_release(memory);
  __libc_free(memory);
}
}

#endif

#endif  // POSENC_TESTS_ALLOCATIONS_HPP
