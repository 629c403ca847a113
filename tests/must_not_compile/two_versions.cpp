// SPDX-License-Identifier: MIT
// Two different copies of posenc in one translation unit.
// expect: two different versions of posenc are included in one translation unit
#include "posenc/posenc.hpp"

#if defined(WRONG)
#include "other_version.hpp"
#else
#include "../../single_include/posenc/posenc.hpp"
#endif
