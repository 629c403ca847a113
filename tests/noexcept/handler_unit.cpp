// SPDX-License-Identifier: MIT
// With a handler of its own.
[[noreturn]] void on_failure();
#define POSENC_FAIL_HANDLER(message) ((void)(message), on_failure())

#include "posenc/posenc.hpp"

void fail_with_handler();

void fail_with_handler() { posenc::geometric_frequencies(7, 10000); }
