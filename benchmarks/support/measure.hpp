// SPDX-License-Identifier: MIT
/// Times a case, its ceiling and the naive loop side by side, prints one line and appends it to the results file.
#ifndef POSENC_BENCHMARKS_MEASURE_HPP
#define POSENC_BENCHMARKS_MEASURE_HPP

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace posenc_benchmarks {

/// The least that the project asks of a case; 0 = reported only.
struct Asked {
  double ratio_to_ceiling = 0;
  double times_naive = 0;
};

constexpr double kRoundSeconds = 2e-4;  // long against the clock's step (0.01 %), short against a time slice (5 %)
constexpr int kLeastRounds = 21;
constexpr double kLeastSeconds = 0.2;  // of all rounds of a case and its ceiling together
constexpr double kMostNaiveSeconds = 0.5;

template <typename Run>
double time_round(Run& run, long repetitions) {
  const auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < repetitions; ++i) {
    run();
    Catch::Benchmark::keep_memory();  // what was written counts as read
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Repetitions that make a round last kRoundSeconds at least. Also warms up.
template <typename Run>
long repetitions_of_a_round(Run& run) {
  long repetitions = 1;
  while (time_round(run, repetitions) < kRoundSeconds) repetitions *= 2;
  return repetitions;
}

/// The file that the lines go to: POSENC_BENCH_RESULTS of the environment, else the one that CMake names.
inline std::string results_path() {
  const char* const path = std::getenv("POSENC_BENCH_RESULTS");
  return path != nullptr ? path : POSENC_BENCH_RESULTS;
}

inline void append_result(const std::string& line) {
  const std::filesystem::path path = results_path();
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  const bool is_new = !std::filesystem::exists(path);
  std::ofstream out(path, std::ios::app);
  if (is_new) out << "case,bytes,seconds,ceiling_seconds,ratio_to_ceiling,times_naive\n";
  out << line << "\n";
  REQUIRE(out.good());
}

/// What measure() found.
struct Measured {
  double ratio_to_ceiling;
  double times_naive;
};

inline const char* from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// What run.py asks for: cases whose names have POSENC_BENCH_ONLY in them, and are a line of the file POSENC_BENCH_NAMES
/// where that is given.
inline bool is_left_out(const std::string& name) {
  if (name.find(from_environment("POSENC_BENCH_ONLY")) == std::string::npos) return true;
  const std::string path = from_environment("POSENC_BENCH_NAMES");
  if (path.empty()) return false;
  std::ifstream names(path);
  for (std::string line; std::getline(names, line);) {
    if (line == name) return false;
  }
  return true;
}

/// Runs case, ceiling and naive loop in turn, round after round, and takes the fastest round of each. What else happens
/// on the machine only ever slows a round down; short rounds, and many of them, find the quiet moments, and taking
/// turns lets all three find the same ones.
template <typename Run, typename Ceiling, typename Naive>
Measured measure(const std::string& name, double bytes, Run run, Ceiling ceiling, Naive naive, Asked asked = {}) {
  if (is_left_out(name)) return {1, 1};
  const bool without_naive = *from_environment("POSENC_BENCH_WITHOUT_NAIVE") != 0;
  // Of the first call, in which a Workspace grows to what it needs.
  const double heap_bytes = static_cast<double>(posenc_tests::peak_heap_bytes(run));
  const long run_count = repetitions_of_a_round(run);
  const long ceiling_count = repetitions_of_a_round(ceiling);
  const long naive_count = without_naive ? 1 : repetitions_of_a_round(naive);
  // One of several processes, of which the median counts: half as long.
  const int share_of_rounds = *from_environment("POSENC_BENCH_NAMES") != 0 ? 2 : 1;
  double seconds = std::numeric_limits<double>::infinity();
  double ceiling_seconds = seconds;
  double naive_seconds = seconds;
  double spent = 0;
  double naive_spent = 0;
  for (int round = 0; round < kLeastRounds / share_of_rounds || spent < kLeastSeconds / share_of_rounds; ++round) {
    // What comes first after a slow scalar loop waits for the wide vector units and finds other caches: 10 to 20 % on
    // cases of a millisecond. Not timed, so that neither the case nor its ceiling pays.
    time_round(ceiling, 1);
    const double run_time = time_round(run, run_count);
    const double ceiling_time = time_round(ceiling, ceiling_count);
    seconds = std::min(seconds, run_time / static_cast<double>(run_count));
    ceiling_seconds = std::min(ceiling_seconds, ceiling_time / static_cast<double>(ceiling_count));
    spent += run_time + ceiling_time;
    // Enough of what is far slower.
    if (without_naive || round >= kLeastRounds || naive_spent > kMostNaiveSeconds) continue;
    const double naive_time = time_round(naive, naive_count);
    naive_seconds = std::min(naive_seconds, naive_time / static_cast<double>(naive_count));
    naive_spent += naive_time;
  }
  const double ratio = ceiling_seconds / seconds;
  const double times_naive = without_naive ? 0 : naive_seconds / seconds;

  char line[256];
  std::snprintf(line, sizeof line, "\"%s\",%.0f,%.4g,%.4g,%.3f,%.2f", name.c_str(), bytes, seconds, ceiling_seconds,
                ratio, times_naive);
  append_result(line);
  std::printf("%-52s %10.2f us %7.1f GB/s   %5.2f of ceiling   %6.1f x naive", name.c_str(), seconds * 1e6,
              bytes / seconds * 1e-9, ratio, times_naive);
  if (posenc_tests::kMeasuresHeap) std::printf("   %6.1f KiB heap", heap_bytes / 1024);
  if (asked.ratio_to_ceiling > 0) {
    std::printf("   %s %.2f of ceiling", ratio >= asked.ratio_to_ceiling ? "met:" : "BELOW", asked.ratio_to_ceiling);
  }
  if (asked.times_naive > 0) {
    std::printf("   %s %.0f x naive", times_naive >= asked.times_naive ? "met:" : "BELOW", asked.times_naive);
  }
  std::printf("\n");
  std::fflush(stdout);
  CHECK(seconds > 0);
  return {ratio, times_naive};
}

}  // namespace posenc_benchmarks

#endif  // POSENC_BENCHMARKS_MEASURE_HPP
