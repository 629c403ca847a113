// SPDX-License-Identifier: MIT
// For a Catch2 2.13 that was built without Catch2WithMain.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
