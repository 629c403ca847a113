// SPDX-License-Identifier: MIT
// main() for a Catch2 2.13 that was built without Catch2WithMain, and for the benchmarks, whose 2.13 has another layout.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
