// SPDX-License-Identifier: MIT
/// Catch2 2.13 and 3.x under one include, with benchmarks. For 2.13 every source of a program, catch_main.cpp among
/// them, is compiled with CATCH_CONFIG_ENABLE_BENCHMARKING: it changes the layout of Catch2's reporters.
#ifndef POSENC_BENCHMARKS_CATCH2_HPP
#define POSENC_BENCHMARKS_CATCH2_HPP

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/benchmark/catch_benchmark.hpp>
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // POSENC_BENCHMARKS_CATCH2_HPP
