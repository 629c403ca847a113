// SPDX-License-Identifier: MIT
// Runs every unit that this machine can run and compares it with the formula.
#include <cmath>
#include <cstdio>
#include <string>

#define RUN(unit) void unit(double* score);
UNITS
#undef RUN

namespace {

/// q.k for ones is the sum over 32 pairs of 2 cos(7 w[j]); the encoding's last value is cos(10 w[31]).
double expected_score() {
  double score = std::cos(10 * std::pow(10000.0, -62.0 / 64));
  for (int j = 0; j < 32; ++j) score += 2 * std::cos(7 * std::pow(10000.0, -2.0 * j / 64));
  return score;
}

/// 64 products of float values of size <= sqrt(2), each within 4 eps of exact, and 64 additions of sums <= 64.
constexpr double kBound = 64 * (2 * 4 + 64) * 0x1p-24;

bool can_run(const std::string& unit) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (unit == "unit_avx2" || unit == "unit_pinned_avx2")
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return !unit.empty();
}

int run(const char* name, void (*unit)(double*)) {
  if (!can_run(name)) {
    std::printf("%s skipped: this machine lacks the instructions\n", name);
    return 0;
  }
  double score = 0;
  unit(&score);
  const double error = std::abs(score - expected_score());
  std::printf("%s: %.6f, error %.2g of %.2g\n", name, score, error, kBound);
  return error <= kBound ? 0 : 1;
}

}  // namespace

int main() {
  int failures = 0;
#define RUN(unit) failures += run(#unit, unit);
  UNITS
#undef RUN
  return failures;
}
