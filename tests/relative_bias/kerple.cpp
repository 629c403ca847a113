// SPDX-License-Identifier: MIT
#include "relative_bias/scheme_support.hpp"

using namespace posenc_tests;
using posenc::DistanceRange;
using posenc::KerpleA;
using posenc::KerpleKernel;
using posenc::KerpleP;

namespace {

// A logarithm, power or exponential within an ulp or two of the same argument, then a product or two.
constexpr double kFunctionBound = 8 * kEpsilon;

}  // namespace

TEST_CASE("KERPLE: both kernels and their gradients", "[relative_bias][kerple][accuracy]") {
  MatrixD a = (random_matrix(2, 2, 30).array().abs() + 0.5).matrix();
  MatrixD p = (random_matrix(2, 2, 31).array().abs() + 0.05).matrix();
  const auto at = [](const MatrixD& x, Index h) { return x(h % 2, h / 2); };
  for (const KerpleKernel kernel : {KerpleKernel::logarithmic, KerpleKernel::power}) {
    const bool logarithmic = kernel == KerpleKernel::logarithmic;
    require_scheme(
        4,
        [&](DistanceRange range) { return posenc::make_kerple_table<double>(KerpleA(a), KerpleP(p), range, kernel); },
        [&](Index h, double d) {
          return logarithmic ? -at(p, h) * std::log(1 + at(a, h) * std::abs(d))
                             : -at(a, h) * std::pow(std::abs(d), at(p, h));
        },
        kFunctionBound);
    const DistanceRange range{-20, 3};
    const auto grad = random_gradient(4, range);
    MatrixD grad_a = MatrixD::Zero(2, 2);
    MatrixD grad_p = MatrixD::Zero(2, 2);
    posenc::kerple_table_backward(KerpleA(grad_a), KerpleP(grad_p), grad, KerpleA(a), KerpleP(p), kernel);
    const auto value = [&] {
      return loss(posenc::make_kerple_table<double>(KerpleA(a), KerpleP(p), range, kernel), grad);
    };
    // Third derivatives with respect to a are 2 p n^3 / (1 + a n)^3 < 2 p / a^3: largest where a is smallest.
    const double third = 2 * p.maxCoeff() / std::pow(a.minCoeff(), 3);
    const double size =
        24 * (logarithmic ? third : 1) +
        absolute_dot(posenc::make_kerple_table<double>(KerpleA(a), KerpleP(p), range, kernel).values(), grad.values());
    require_gradient(value, a, grad_a, size);
    require_gradient(value, p, grad_p, size);
  }
}
