// SPDX-License-Identifier: MIT
// main() for Catch2 2.13: where it was built without Catch2WithMain, and for the benchmarks (see their catch2.hpp).
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
