// SPDX-License-Identifier: MIT
/// Catch2 2.13 and 3.x under one include.
#ifndef POSENC_TESTS_CATCH2_HPP
#define POSENC_TESTS_CATCH2_HPP

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // POSENC_TESTS_CATCH2_HPP
