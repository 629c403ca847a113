// SPDX-License-Identifier: MIT
/// @file
/// The version of posenc, and a stop for two different copies of it in one translation unit.

// Compared before the include guard: inside it, a second and different copy would never be seen.
#if defined(POSENC_VERSION_MAJOR) && \
    (POSENC_VERSION_MAJOR != 0 || POSENC_VERSION_MINOR != 1 || POSENC_VERSION_PATCH != 0)
#error "two different versions of posenc are included in one translation unit"
#endif

#ifndef POSENC_VERSION_HPP
#define POSENC_VERSION_HPP

#define POSENC_VERSION_MAJOR 0
#define POSENC_VERSION_MINOR 1
#define POSENC_VERSION_PATCH 0

#endif  // POSENC_VERSION_HPP
