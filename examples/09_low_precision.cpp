// SPDX-License-Identifier: MIT
// What sixteen bits cost: the error of attention scores by position, to 1,000,000, with q, k, the cache and the table
// in half and bfloat16 and the angles in float or double, for RoPE, sinusoids and ALiBi; and whether other codes would
// help.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/09_low_precision.cpp -o precision && ./precision
//
// Prints (the last digit varies with the compiler):
//   error of scores of size 1 at position       100    10,000   100,000 1,000,000
//     float    RoPE, angles in float         6.8e-07   6.8e-05   6.6e-04   6.0e-03
//              RoPE, angles in double        5.6e-08   6.0e-08   5.2e-08   6.5e-08
//     half     RoPE, angles in float         3.8e-04   3.6e-04   7.4e-04   6.0e-03
//              RoPE, angles in double        3.8e-04   3.5e-04   3.6e-04   3.3e-04
//     bfloat16 RoPE, angles in float         3.1e-03   3.2e-03   2.8e-03   6.9e-03
//              RoPE, angles in double        3.1e-03   3.2e-03   2.8e-03   2.7e-03
//              sinusoids, angles in double   3.5e-03   3.9e-03   4.2e-03   4.0e-03
//              ALiBi by key                  7.8e-03   1.5e+00   1.4e+00   1.4e+00
//              ALiBi by distance             4.7e-03   4.7e-03   4.7e-03   4.7e-03
//              RoPE, k rotated when read     5.6e-08   6.0e-08   5.2e-08   6.5e-08
//   and in bfloat16 at 1,000,000             error  moves by
//     RoPE, angles in double               2.7e-03   2.7e-03
//     RoPE, the table alone                1.8e-03   1.7e-03
//     RoPE, q, k and cache alone           2.3e-03   2.2e-03
//     wavelet basis, no positions          2.2e-03   1.1e-16
//     square waves, added                  4.6e-03   1.2e+00
//     rotations by quarters                0.0e+00   1.3e-01
//   of RoPE's squared error, float angles make
//     half                                      0.00      0.04      0.77      1.00
//     bfloat16                                  0.00      0.00      0.05      0.83
//   drew 09_low_precision.png
//   ok
//
// Whose error it is. Storage costs the same at every position: of scores of size 1, 3.5e-4 in half and 3e-3 in
// bfloat16, over a third of its square for the table, the rest for q, k and the cache. Float angles cost 6e-9 times the
// position: less than storage up to 50,000 positions in half and 450,000 in bfloat16, and most of the error beyond.
// ALiBi by distance, which is posenc's, is as good anywhere; by key, as BLOOM has it, the nearest keys look alike to a
// query at 10,000 in bfloat16 and at 100,000 in half.
//
// Would wavelets help, or another code that is made for few bits, as the articles expect of the future? No, because the
// error is not in the code: it is made where q and k are rounded to be kept. In a basis of Haar's wavelets, with no
// positions at all, they lose as much (2.2e-3 in bfloat16) as when RoPE rotates them (2.3e-3). Square waves, exact in
// every table, lose 4.6e-3 where they are added, no less than sinusoids (4.0e-3). Rotations by quarters of a circle, as
// digits say, round nothing at all; but with them the score of two tokens moves by 0.13 with where both are, because
// digits have carries, and that is 48 times what bfloat16 costs RoPE. What helps needs no other code, and is what
// posenc does: angles in double, rounded once; tables of floats for q and k of 16 bits (2.3e-3 instead of 3e-3); and
// apply_rope(out, cache, table, layout), which rotates keys of 16 bits into float when they are read (6e-8). What a
// projection loses when it rounds q and k, before there are positions, is counted nowhere here: these are numbers that
// bfloat16 holds.
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

using Eigen::bfloat16;
using Eigen::half;
using Eigen::Index;
using posenc::AngleMode;
template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kHeadDim = 128;
constexpr Index kKeys = 64;  // the query's own and those before it
constexpr int kHeads = 4;
const Index kPositions[] = {100, 316, 1000, 3162, 10000, 31623, 100000, 316228, 1000000};
const std::size_t kPrinted[] = {0, 4, 6, 8};  // of these, the others are drawn

const posenc::Frequencies kFrequencies = posenc::geometric_frequencies(kHeadDim, 10000.0);

// One query and its 64 nearest keys, the query's own last: numbers that bfloat16 and half hold, so that there is no
// error in them before there are positions.
struct Head {
  Matrix<double> q;  // [1, head_dim]
  Matrix<double> k;  // [keys, head_dim]
};

Head random_head(int seed) {
  Matrix<double> x(1 + kKeys, kHeadDim);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(static_cast<std::uint64_t>(seed)));
  x = x.cast<bfloat16>().cast<double>().eval();
  return {x.topRows(1), x.bottomRows(kKeys)};
}

// The scores of the keys, less their mean, of which softmax sees nothing: their own size is 1.
Eigen::RowVectorXd centered(const Eigen::RowVectorXd& scores) { return scores.array() - scores.mean(); }

template <typename Q, typename K>
Eigen::RowVectorXd products(const Q& q, const K& k) {
  return q.template cast<double>() * k.template cast<double>().transpose() / std::sqrt(double{kHeadDim});
}

// ---------------------------------------------------------------------------------------------------------------------
// The encodings, with q and k kept as Store and the table as Table

using Encoding = std::function<Eigen::RowVectorXd(const Head&, Index position)>;

template <typename Table>
posenc::FrequencyTable<Table> table_at(Index position, AngleMode angles) {
  posenc::TableOptions options;
  options.angles = angles;
  return posenc::make_table<Table>(kFrequencies, posenc::PositionRange(position - kKeys + 1, kKeys), options);
}

// Rotated in float, and rounded once.
template <typename Store, typename Table>
Encoding rope(AngleMode angles) {
  return [=](const Head& head, Index position) {
    const auto layout = posenc::RopeLayout::half_split(kHeadDim);
    const auto table = table_at<Table>(position, angles);
    Matrix<Store> q = head.q.cast<Store>();
    Matrix<Store> k = head.k.cast<Store>();
    posenc::apply_rope(q, table, layout, posenc::starting_at(position));
    posenc::apply_rope(k, table, layout);
    return centered(products(q, k));
  };
}

// The cache holds keys as they were projected, and they are rotated when they are read, into float.
template <typename Cache>
Encoding rope_when_read() {
  return [](const Head& head, Index position) {
    const auto layout = posenc::RopeLayout::half_split(kHeadDim);
    const auto table = table_at<float>(position, AngleMode::exact);
    const Matrix<Cache> cache = head.k.cast<Cache>();
    Matrix<float> q = head.q.cast<float>();
    Matrix<float> k(kKeys, kHeadDim);
    posenc::apply_rope(q, table, layout, posenc::starting_at(position));
    posenc::apply_rope(k, cache, table, layout);
    return centered(products(q, k));
  };
}

// A code is added in float, and the sum rounded.
template <typename Store>
Eigen::RowVectorXd added(const Head& head, const Matrix<double>& code) {
  using Sum = std::conditional_t<std::is_same_v<Store, double>, double, float>;
  const Matrix<Sum> q = head.q.cast<Sum>() + code.bottomRows(1).cast<Sum>();
  const Matrix<Sum> k = head.k.cast<Sum>() + code.cast<Sum>();
  return centered(products(q.template cast<Store>(), k.template cast<Store>()));
}

// add_sinusoidal() with a kept table, but for float angles, which it refuses.
template <typename Store, typename Table>
Encoding sinusoid(AngleMode angles) {
  return [=](const Head& head, Index position) {
    const auto table = table_at<Table>(position, angles);
    Matrix<double> code(kKeys, kHeadDim);
    code << table.sin().template cast<double>(), table.cos().template cast<double>();
    return added<Store>(head, code);
  };
}

// Bias and scores kept as Store. The bias of distances, which is posenc's; or that of keys, slope * key as in BLOOM,
// which softmax cannot tell from it, formed in float.
enum class BiasOf { distance, key };

template <typename Store>
Encoding alibi(BiasOf of) {
  return [=](const Head& head, Index position) {
    const Eigen::Array<double, 1, 1> slope(1.0 / 16);
    const auto span = posenc::AttentionSpan::cached(1, kKeys);
    Matrix<Store> scores = products(head.q, head.k).cast<Store>();
    if (of == BiasOf::distance) {
      const auto bias = posenc::make_alibi_table<Store>(slope, span.distances(), posenc::AlibiForm::causal);
      posenc::add_distance_bias(scores, bias, span);
    } else {
      Matrix<float> keys(1, kKeys);
      posenc::encode_integers(keys.transpose(), slope[0], posenc::PositionRange(position - kKeys + 1, kKeys));
      const Matrix<Store> bias = keys.cast<Store>();
      scores = (scores.template cast<float>() + bias.template cast<float>()).template cast<Store>();
    }
    return centered(scores.template cast<double>());
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// What would have less error

// No positions at all: the channels of q and k in another orthogonal basis, Haar's wavelets.
Matrix<double> haar(Matrix<double> x) {
  for (Index width = kHeadDim; width > 1; width /= 2) {
    const Matrix<double> left = x(Eigen::all, Eigen::seqN(0, width / 2, 2));
    const Matrix<double> right = x(Eigen::all, Eigen::seqN(1, width / 2, 2));
    x.leftCols(width / 2) = (left + right) / std::sqrt(2.0);
    x.middleCols(width / 2, width / 2) = (left - right) / std::sqrt(2.0);
  }
  return x;
}

template <typename Store>
Encoding wavelet_basis() {
  return [](const Head& head, Index) {
    return centered(products(haar(head.q).cast<Store>(), haar(head.k).cast<Store>()));
  };
}

// Sinusoids that have only their signs: the waves of Haar's wavelet, 1 and -1, exact in every scalar.
template <typename Store>
Encoding square_waves() {
  return [](const Head& head, Index position) {
    const auto table = table_at<double>(position, AngleMode::exact);
    Matrix<double> code(kKeys, kHeadDim);
    code << table.sin().array().sign(), table.cos().array().sign();
    return added<Store>(head, code);
  };
}

// Rotations by as many quarters of a circle as the digits of the position to the base 4 say: they swap and negate
// numbers, and round none.
template <typename Store>
Matrix<Store> quarter_rotated(const Matrix<double>& x, Index first) {
  constexpr Index pairs = kHeadDim / 2;
  Matrix<float> digits(x.rows(), pairs);
  posenc::encode_digits(digits, 4, posenc::starting_at(first));
  Matrix<Store> out = x.cast<Store>();
  for (Index t = 0; t < x.rows(); ++t) {
    for (Index i = 0; i < pairs; ++i) {
      for (int quarter = 0; quarter < static_cast<int>(digits(t, i)); ++quarter) {
        const Store a = out(t, i);
        out(t, i) = -out(t, i + pairs);
        out(t, i + pairs) = a;
      }
    }
  }
  return out;
}

template <typename Store>
Encoding quarters() {
  return [](const Head& head, Index position) {
    return centered(
        products(quarter_rotated<Store>(head.q, position), quarter_rotated<Store>(head.k, position - kKeys + 1)));
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Measuring

struct Row {
  std::string name;
  Encoding encoding;
  Encoding exact;
  std::vector<double> errors;  // by position, root mean square
  double moves;                // how far a score moves with the position of both tokens, root mean square
};

void measure(Row& row) {
  std::vector<Matrix<double>> by_position;  // scores of all heads
  for (const Index position : kPositions) {
    Matrix<double> scores(kHeads, kKeys), exact(kHeads, kKeys);
    for (int h = 0; h < kHeads; ++h) {
      const Head head = random_head(h + 1);
      scores.row(h) = row.encoding(head, position);
      exact.row(h) = row.exact(head, position);
    }
    row.errors.push_back((scores - exact).norm() / std::sqrt(double{kHeads * kKeys}));
    by_position.push_back(scores);
  }
  Matrix<double> mean = Matrix<double>::Zero(kHeads, kKeys);
  for (const auto& scores : by_position) mean += scores / static_cast<double>(by_position.size());
  double sum = 0;
  for (const auto& scores : by_position) sum += (scores - mean).squaredNorm();
  row.moves = std::sqrt(sum / static_cast<double>(by_position.size()) / (kHeads * kKeys));
}

enum {
  kFloatAngles,
  kExactAngles,
  kSinusoidFloat,
  kSinusoidExact,
  kOfKeys,
  kOfDistances,
  kTable,
  kCache,
  kWhenRead,
  kWaveletBasis,
  kSquareWaves,
  kQuarters
};

// The rows of one scalar, in the order of the enumeration.
template <typename Store>
std::vector<Row> rows_of() {
  const auto exact = AngleMode::exact;
  const auto float32 = AngleMode::float32;
  const Encoding exact_rope = rope<double, double>(exact);
  const Encoding exact_sinusoid = sinusoid<double, double>(exact);
  const Encoding exact_alibi = alibi<double>(BiasOf::distance);
  std::vector<Row> rows = {{"RoPE, angles in float", rope<Store, Store>(float32), exact_rope, {}, 0},
                           {"RoPE, angles in double", rope<Store, Store>(exact), exact_rope, {}, 0},
                           {"sinusoids, angles in float", sinusoid<Store, Store>(float32), exact_sinusoid, {}, 0},
                           {"sinusoids, angles in double", sinusoid<Store, Store>(exact), exact_sinusoid, {}, 0},
                           {"ALiBi by key", alibi<Store>(BiasOf::key), exact_alibi, {}, 0},
                           {"ALiBi by distance", alibi<Store>(BiasOf::distance), exact_alibi, {}, 0}};
  if constexpr (sizeof(Store) == 2) {
    rows.push_back({"RoPE, the table alone", rope<float, Store>(exact), exact_rope, {}, 0});
    rows.push_back({"RoPE, q, k and cache alone", rope<Store, float>(exact), exact_rope, {}, 0});
    rows.push_back({"RoPE, k rotated when read", rope_when_read<Store>(), exact_rope, {}, 0});
    rows.push_back({"wavelet basis, no positions", wavelet_basis<Store>(), wavelet_basis<double>(), {}, 0});
    rows.push_back({"square waves, added", square_waves<Store>(), square_waves<double>(), {}, 0});
    rows.push_back({"rotations by quarters", quarters<Store>(), quarters<double>(), {}, 0});
  }
  for (Row& row : rows) measure(row);
  return rows;
}

struct Scalar {
  std::string name;
  std::vector<Row> rows;
};

int main() {
  const std::vector<Scalar> scalars = {
      {"float", rows_of<float>()}, {"half", rows_of<half>()}, {"bfloat16", rows_of<bfloat16>()}};
  std::cout << "error of scores of size 1 at position       100    10,000   100,000 1,000,000\n"
            << std::scientific << std::setprecision(1);
  for (const Scalar& scalar : scalars) {
    std::string name = scalar.name;
    for (const std::size_t row : {kFloatAngles, kExactAngles, kSinusoidExact, kOfKeys, kOfDistances, kWhenRead}) {
      if (scalar.name != "bfloat16" && row > kExactAngles) continue;
      std::cout << "  " << std::left << std::setw(9) << name << std::setw(27) << scalar.rows[row].name << std::right;
      for (const std::size_t i : kPrinted) std::cout << std::setw(10) << scalar.rows[row].errors[i];
      std::cout << "\n";
      name.clear();
    }
  }
  std::cout << "and in bfloat16 at 1,000,000             error  moves by\n";
  for (const std::size_t row : {kExactAngles, kTable, kCache, kWaveletBasis, kSquareWaves, kQuarters}) {
    const Row& of = scalars[2].rows[row];
    std::cout << "  " << std::left << std::setw(34) << of.name << std::right << std::setw(10) << of.errors.back()
              << std::setw(10) << of.moves << "\n";
  }
  const std::vector<Row>& in_float = scalars[0].rows;
  std::cout << "of RoPE's squared error, float angles make\n" << std::fixed << std::setprecision(2);
  for (const Scalar& scalar : {scalars[1], scalars[2]}) {
    std::cout << "  " << std::left << std::setw(36) << scalar.name << std::right;
    for (const std::size_t i : kPrinted) {
      const double angles = std::pow(in_float[kFloatAngles].errors[i], 2);
      std::cout << std::setw(10) << angles / (angles + std::pow(scalar.rows[kExactAngles].errors[i], 2));
    }
    std::cout << "\n";
  }

  // Columns: position, the error that float angles alone make, then the rows of half, then those of bfloat16.
  std::ofstream data("09_low_precision.dat");
  for (std::size_t i = 0; i < in_float[kFloatAngles].errors.size(); ++i) {
    data << kPositions[i] << " " << in_float[kFloatAngles].errors[i];
    for (const Scalar& scalar : {scalars[1], scalars[2]}) {
      for (const Row& row : scalar.rows) data << " " << row.errors[i];
    }
    data << "\n";
  }
  data.close();
  bool ok = plot("09_low_precision", 1400, 550, R"gnuplot(
set multiplot layout 1,2 margins 0.06,0.76,0.12,0.86 spacing 0.06 \
    title "Error of attention scores of size 1, root mean square: whose it is" font ",15"
file = '09_low_precision.dat'
set logscale xy
set xrange [100:1e6]
set yrange [1e-8:10]
set format x "10^{%T}"
set format y "10^{%T}"
set ytics 10
set grid lt 1 lw 1 lc rgb '#dddddd'
set tics nomirror
set border 3
set xlabel "position [tokens]"
set ylabel "error of a score"
set key at screen 0.775,0.5 left center Left reverse samplen 3 spacing 1.6
do for [n=0:1] {
  c = 2 + 12 * n
  set title n == 0 ? "stored as half" : "stored as bfloat16"
  if (n == 0) { set key off } else { set key on; unset ylabel }
  plot file using 1:(column(c+5)) with linespoints lw 2 pt 9 lc rgb '#CC79A7' title "ALiBi by key", \
       '' using 1:(column(c+6)) with lines lw 2 dt (8,4) lc rgb '#CC79A7' title "ALiBi by distance", \
       '' using 1:(column(c+1)) with linespoints lw 2 pt 7 lc rgb '#D55E00' title "RoPE, angles in float", \
       '' using 1:(column(c+2)) with lines lw 3 lc rgb '#0072B2' title "RoPE, angles in double", \
       '' using 1:(column(c+7)) with lines lw 2 dt (2,3) lc rgb '#0072B2' title "of which the table", \
       '' using 1:2 with lines lw 2 dt (2,3) lc rgb '#D55E00' title "of which the angles", \
       '' using 1:(column(c+4)) with lines lw 2 lc rgb '#009E73' title "sinusoids, angles in double", \
       '' using 1:(column(c+9)) with lines lw 3 lc rgb '#000000' title "RoPE, rotated when read"
}
unset multiplot
)gnuplot");

  // Storage costs the same at every position, float angles cost more and more; and what the paragraph above says.
  for (const Scalar& scalar : scalars) {
    for (const std::size_t flat : {kExactAngles, kSinusoidExact, kOfDistances}) {
      const std::vector<double>& errors = scalar.rows[flat].errors;
      ok &= errors.back() < 1.5 * errors.front() && errors.front() < 1.5 * errors.back();
    }
    ok &= scalar.rows[kFloatAngles].errors.back() > 0.004 && scalar.rows[kOfKeys].errors.back() > 5e-4;
    if (scalar.rows.size() <= kTable) continue;
    const double whole = scalar.rows[kExactAngles].errors.back();
    const double storage = scalar.rows[kCache].errors.back();
    ok &= whole < std::hypot(storage, scalar.rows[kTable].errors.back()) * 1.3;
    ok &= std::abs(scalar.rows[kWaveletBasis].errors.back() / storage - 1) < 0.3;
    ok &= scalar.rows[kWhenRead].errors.back() < 1e-6;
    ok &= scalar.rows[kQuarters].errors.back() == 0 &&
          scalar.rows[kQuarters].moves > 20 * scalar.rows[kExactAngles].moves;
  }
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
