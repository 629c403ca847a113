// SPDX-License-Identifier: MIT
/// @file
/// The version of posenc, and two stops: for two different copies of it in one translation unit, and for C++14.

// Compared before the include guard: inside it, a second and different copy would never be seen.
#if defined(POSENC_VERSION_MAJOR) && \
    (POSENC_VERSION_MAJOR != 0 || POSENC_VERSION_MINOR != 1 || POSENC_VERSION_PATCH != 0)
#error "two different versions of posenc are included in one translation unit"
#endif

#ifndef POSENC_VERSION_HPP
#define POSENC_VERSION_HPP

// A compiler goes on after #error, but not after a file that it does not find.
#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "posenc needs C++17: compile with -std=c++17 or later"
#include "posenc needs C++17: compile with -std=c++17 or later"
#endif

#define POSENC_VERSION_MAJOR 0
#define POSENC_VERSION_MINOR 1
#define POSENC_VERSION_PATCH 0

#endif  // POSENC_VERSION_HPP
