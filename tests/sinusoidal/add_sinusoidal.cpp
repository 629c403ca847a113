// SPDX-License-Identifier: MIT
/// encode_sinusoidal() and add_sinusoidal(): every option, every kind of matrix, every kind of position.
#include <cmath>
#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/nearest.hpp"
#include "support/reference.hpp"
#include "support/worst.hpp"

namespace {

using posenc::ChannelOrder;
using posenc::FrequencySpacing;
using posenc::OddWidth;
using posenc::PositionRange;
using posenc::SinusoidalEncoding;
using posenc::SinusoidalOptions;
using posenc::starting_at;

template <typename Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColumnMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

const ChannelOrder kOrders[] = {ChannelOrder::interleaved, ChannelOrder::sin_cos, ChannelOrder::cos_sin};
const FrequencySpacing kSpacings[] = {FrequencySpacing::over_width, FrequencySpacing::over_pairs};
const OddWidth kOddWidths[] = {OddWidth::reject, OddWidth::zero_column, OddWidth::sine_column};
// 31: with a sine column, 16 sines are a whole block and 15 cosines are not.
constexpr int kWidths[] = {1, 2, 3, 5, 17, 31, 64, 130};

bool is_valid(int width, OddWidth odd) {
  if (width % 2 == 0) return true;
  return odd == OddWidth::sine_column || (odd == OddWidth::zero_column && width > 1);
}

/// What stands in a channel: nothing, or sin or cos number m.
struct Channel {
  enum { zero, sine, cosine } kind;
  int m;
};

Channel channel_of(int width, const SinusoidalOptions& options, int j) {
  const bool extra_sine = width % 2 != 0 && options.odd_width == OddWidth::sine_column;
  const int sines = width / 2 + (extra_sine ? 1 : 0);
  const int cosines = width / 2;
  if (j >= sines + cosines) return {Channel::zero, 0};
  switch (options.order) {
    case ChannelOrder::interleaved: return {j % 2 == 0 ? Channel::sine : Channel::cosine, j / 2};
    case ChannelOrder::sin_cos:
      if (j < sines) return {Channel::sine, j};
      return {Channel::cosine, j - sines};
    case ChannelOrder::cos_sin: break;
  }
  if (j < cosines) return {Channel::cosine, j};
  return {Channel::sine, j - cosines};
}

long double frequency_of(int width, const SinusoidalOptions& options, int m) {
  if (m == 0) return options.position_scale;
  const long double pairs = width / 2;
  const long double divisor = options.spacing == FrequencySpacing::over_width
                                  ? static_cast<long double>(width) / 2
                                  : pairs - static_cast<long double>(options.frequency_shift);
  return static_cast<long double>(options.position_scale) *
         std::pow(static_cast<long double>(options.base), -static_cast<long double>(m) / divisor);
}

/// Rows of doubles as floats, half or bfloat16, one rounding each.
template <typename Scalar>
bool is_rounded(const Scalar& value, double exact) {
  if constexpr (std::is_same_v<Scalar, double> || std::is_same_v<Scalar, float>) {
    return value == static_cast<Scalar>(exact);
  } else {
    return posenc_tests::is_nearest(value, exact);
  }
}

/// Whether `out` holds `exact`, rounded.
template <typename Derived>
bool is_rounded_matrix(const Eigen::DenseBase<Derived>& out, const RowMajor<double>& exact) {
  for (Eigen::Index i = 0; i < exact.rows(); ++i) {
    for (Eigen::Index j = 0; j < exact.cols(); ++j) {
      if (!is_rounded(out.derived().coeff(i, j), exact(i, j))) return false;
    }
  }
  return out.rows() == exact.rows() && out.cols() == exact.cols();
}

/// Encodes into every kind of matrix of one scalar; each must equal the doubles, rounded once.
template <typename Scalar>
void check_every_target(const SinusoidalEncoding& encoding, std::int64_t first) {
  constexpr Eigen::Index rows = 20;
  const Eigen::Index width = encoding.width();
  const RowMajor<double> exact = posenc::make_sinusoidal<double>(encoding, PositionRange(first, rows));
  const Scalar untouched(7);

  RowMajor<Scalar> row_major(rows, width);
  encode_sinusoidal(row_major, encoding, starting_at(first));
  CHECK(is_rounded_matrix(row_major, exact));
  CHECK(posenc::make_sinusoidal<Scalar>(encoding, PositionRange(first, rows)) == row_major);

  ColumnMajor<Scalar> column_major(rows, width);
  encode_sinusoidal(column_major, encoding, starting_at(first));
  CHECK(is_rounded_matrix(column_major, exact));

  ColumnMajor<Scalar> features_by_tokens(width, rows);
  encode_sinusoidal(features_by_tokens.transpose(), encoding, starting_at(first));
  CHECK(is_rounded_matrix(features_by_tokens.transpose(), exact));
  RowMajor<Scalar> transposed_rows(width, rows);
  encode_sinusoidal(transposed_rows.transpose(), encoding, starting_at(first));
  CHECK(is_rounded_matrix(transposed_rows.transpose(), exact));

  RowMajor<Scalar> around = RowMajor<Scalar>::Constant(rows + 2, width + 5, untouched);
  encode_sinusoidal(around.block(1, 3, rows, width), encoding, starting_at(first));
  CHECK(is_rounded_matrix(around.block(1, 3, rows, width), exact));
  around.block(1, 3, rows, width).setConstant(untouched);
  CHECK((around.array() == untouched).all());

  ColumnMajor<Scalar> twice(2 * rows, width);
  auto every_other = twice(Eigen::seqN(1, rows, Eigen::fix<2>), Eigen::all);
  encode_sinusoidal(every_other, encoding, starting_at(first));
  CHECK(is_rounded_matrix(every_other, exact));

  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::Index outer = 3 * width + 2;
  std::vector<Scalar> memory(static_cast<std::size_t>(rows * outer), untouched);
  Eigen::Map<RowMajor<Scalar>, Eigen::Unaligned, Stride> strided(memory.data(), rows, width, Stride(outer, 3));
  encode_sinusoidal(strided, encoding, starting_at(first));
  CHECK(is_rounded_matrix(strided, exact));
  strided.setConstant(untouched);
  CHECK((Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>(memory.data(), rows * outer) == untouched).all());
  Eigen::Map<ColumnMajor<Scalar>, Eigen::Unaligned, Stride> by_columns(memory.data(), rows, width, Stride(2 * rows, 1));
  encode_sinusoidal(by_columns, encoding, starting_at(first));
  CHECK(is_rounded_matrix(by_columns, exact));

  Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> array(rows, width);
  Eigen::Ref<Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> ref(array);
  encode_sinusoidal(ref, encoding, starting_at(first));
  CHECK(is_rounded_matrix(array, exact));
}

}  // namespace

TEST_CASE("orders, spacings and odd widths", "[sinusoidal][encode]") {
  if (posenc_tests::skip_without_reference("options against a formula in long double")) return;
  constexpr std::int64_t first = 11;
  constexpr Eigen::Index rows = 33;
  posenc_tests::Worst worst;
  int combinations = 0;
  for (const int width : kWidths) {
    for (const ChannelOrder order : kOrders) {
      for (const FrequencySpacing spacing : kSpacings) {
        for (const double shift : {0.0, 0.5, 1.0}) {
          for (const OddWidth odd : kOddWidths) {
            SinusoidalOptions options(order, spacing);
            options.frequency_shift = shift;
            options.odd_width = odd;
            options.base = 500;
            options.position_scale = 0.75;
            options.first_position = 2;
            options.amplitude = -1.5;
            const bool divides = spacing == FrequencySpacing::over_pairs && shift >= width / 2;
            const int sines = (width + (odd == OddWidth::sine_column ? 1 : 0)) / 2;
            if (!is_valid(width, odd) || (divides && sines > 1)) {
              CHECK_THROWS_AS(SinusoidalEncoding(width, options), std::invalid_argument);
              continue;
            }
            ++combinations;
            const SinusoidalEncoding encoding(width, options);
            const RowMajor<double> ours = posenc::make_sinusoidal<double>(encoding, PositionRange(first, rows));
            for (int j = 0; j < width; ++j) {
              const Channel channel = channel_of(width, options, j);
              for (Eigen::Index row = 0; row < rows; ++row) {
                const long double angle =
                    static_cast<long double>(first + row + 2) * frequency_of(width, options, channel.m);
                const long double value = channel.kind == Channel::zero   ? 0.0L
                                          : channel.kind == Channel::sine ? std::sin(angle)
                                                                          : std::cos(angle);
                const double error =
                    static_cast<double>(std::abs(static_cast<long double>(ours(row, j)) + 1.5L * value));
                worst.see(error, 1.5 * (0x1p-50 + static_cast<double>(angle) * 0x1p-51), width, j, row);
              }
            }
          }
        }
      }
    }
  }
  INFO(worst.where());
  CHECK(worst.share() <= 1);
  CHECK(combinations >= 200);
  worst.print("orders x spacings x odd widths, double");
}

TEMPLATE_TEST_CASE("every kind of matrix holds the doubles, rounded once", "[sinusoidal][layout]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  for (const int width : kWidths) {
    for (const ChannelOrder order : kOrders) {
      for (const OddWidth odd : kOddWidths) {
        if (!is_valid(width, odd)) continue;
        INFO("width " << width << ", order " << static_cast<int>(order) << ", odd " << static_cast<int>(odd));
        SinusoidalOptions options(order, FrequencySpacing::over_width);
        options.odd_width = odd;
        check_every_target<TestType>(SinusoidalEncoding(width, options), 100);
      }
    }
  }
}

TEST_CASE("a scalar of another kind takes the doubles", "[sinusoidal][layout]") {
  const SinusoidalEncoding encoding = posenc::presets::numpy_tutorial(17);
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> wide(5, 17);
  encode_sinusoidal(wide, encoding, starting_at(3));
  const RowMajor<double> table = posenc::make_sinusoidal<double>(encoding, PositionRange(3, 5));
  CHECK(wide.cast<double>() == table);
  add_sinusoidal(wide, encoding, starting_at(3));
  CHECK(wide.cast<double>() == 2 * table);
}

TEMPLATE_TEST_CASE("range, ids, real positions and matrices of ids agree", "[sinusoidal][positions]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 40;
  for (const std::int64_t offset : {0, 1}) {
    SinusoidalOptions options = posenc::presets::tensor2tensor(131).options();
    options.first_position = offset;
    const SinusoidalEncoding encoding(131, options);  // more than one chunk of 64 pairs
    const RowMajor<TestType> whole = posenc::make_sinusoidal<TestType>(encoding, PositionRange(-7, rows));
    RowMajor<TestType> out(rows, 131);
    const auto cleared = [&]() -> RowMajor<TestType>& { return out.setZero(); };

    const Eigen::VectorXi ids = Eigen::VectorXi::LinSpaced(rows, -7, rows - 8);
    encode_sinusoidal(cleared(), encoding, ids);
    CHECK(out == whole);
    encode_sinusoidal(cleared(), encoding, ids.transpose());
    CHECK(out == whole);
    encode_sinusoidal(cleared(), encoding, ids.cast<std::int64_t>().array());
    CHECK(out == whole);
    encode_sinusoidal(cleared(), encoding, ids.cast<double>());
    CHECK(out == whole);
    encode_sinusoidal(cleared(), encoding, ids.cast<float>());
    CHECK(out == whole);
    const RowMajor<int> batch = Eigen::Map<const RowMajor<int>>(ids.data(), 4, rows / 4);
    encode_sinusoidal(cleared(), encoding, batch);
    CHECK(out == whole);
    const Eigen::MatrixXi batch_by_columns = batch;
    encode_sinusoidal(cleared(), encoding, batch_by_columns);
    CHECK(out == whole);

    for (const Eigen::Index chunk : {1, 7, 16}) {
      cleared();
      for (Eigen::Index begin = 0; begin < rows; begin += chunk) {
        encode_sinusoidal(out.middleRows(begin, (std::min)(chunk, rows - begin)), encoding, starting_at(-7 + begin));
      }
      CHECK(out == whole);
    }
  }
  const SinusoidalEncoding encoding = posenc::presets::paper(6);
  RowMajor<TestType> from_zero(3, 6);
  encode_sinusoidal(from_zero, encoding, starting_at(0));
  CHECK(from_zero == posenc::make_sinusoidal<TestType>(encoding, PositionRange(0, 3)));
}

TEST_CASE("real positions", "[sinusoidal][positions]") {
  const SinusoidalEncoding encoding = posenc::presets::diffusers_timestep(8, false, 1);
  const Eigen::Vector3d timesteps(998.39, 0.5, -2.75);
  RowMajor<double> out(3, 8);
  encode_sinusoidal(out, encoding, timesteps);
  for (Eigen::Index row = 0; row < 3; ++row) {
    for (Eigen::Index m = 0; m < 4; ++m) {
      // The product below is rounded as well: |angle| 2^-53 more.
      const double angle = timesteps[row] * encoding.frequencies().inv_freq()[m];
      const double bound = 0x1p-50 + std::abs(angle) * (0x1p-51 + 0x1p-53) + 0x1p-53;
      CHECK(std::abs(out(row, m) - std::sin(angle)) <= bound);
      CHECK(std::abs(out(row, 4 + m) - std::cos(angle)) <= bound);
    }
  }
}

TEMPLATE_TEST_CASE("adding is x + encoding, rounded once", "[sinusoidal][add]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  constexpr Eigen::Index rows = 30;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (const int width : {1, 2, 17, 64, 130}) {
    for (const ChannelOrder order : kOrders) {
      for (const double scale : {1.0, 8.0}) {  // a power of two, so that scaling does not round
        SinusoidalOptions options(order, FrequencySpacing::over_width);
        options.odd_width = OddWidth::sine_column;
        options.embedding_scale = scale;
        options.amplitude = 0.25;
        const SinusoidalEncoding encoding(width, options);
        RowMajor<TestType> x(rows, width);
        for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = TestType(static_cast<float>(normal(random)));
        const RowMajor<double> expected =
            scale * x.template cast<double>() + posenc::make_sinusoidal<double>(encoding, PositionRange(50, rows));
        const ColumnMajor<TestType> start = x;
        add_sinusoidal(x, encoding, starting_at(50));
        CHECK(is_rounded_matrix(x, expected));
        ColumnMajor<TestType> column_major = start;
        add_sinusoidal(column_major, encoding, starting_at(50));
        CHECK(is_rounded_matrix(column_major, expected));
        ColumnMajor<TestType> with_ids = start;
        add_sinusoidal(with_ids.leftCols(width), encoding, Eigen::VectorXd::LinSpaced(rows, 50, 49 + rows));
        CHECK(is_rounded_matrix(with_ids, expected));
        // encode_sinusoidal() does not scale by embedding_scale
        RowMajor<double> table(rows, width);
        encode_sinusoidal(table, encoding, starting_at(50));
        CHECK(table == posenc::make_sinusoidal<double>(encoding, PositionRange(50, rows)));
        CHECK((table.array().abs() <= 0.25 * (1 + 0x1p-50)).all());
      }
    }
  }
}

TEST_CASE("amplitude and embedding scale", "[sinusoidal][add]") {
  SinusoidalOptions options(ChannelOrder::interleaved, FrequencySpacing::over_width);
  options.odd_width = OddWidth::zero_column;
  const RowMajor<double> plain = posenc::make_sinusoidal<double>(SinusoidalEncoding(9, options), PositionRange(4, 6));
  options.amplitude = 2;
  CHECK(posenc::make_sinusoidal<double>(SinusoidalEncoding(9, options), PositionRange(4, 6)) == 2 * plain);
  options.amplitude = 0;
  CHECK((posenc::make_sinusoidal<double>(SinusoidalEncoding(9, options), PositionRange(4, 6)).array() == 0).all());
  options.amplitude = 1;
  options.embedding_scale = 3;
  RowMajor<double> x = RowMajor<double>::Ones(6, 9);
  add_sinusoidal(x, SinusoidalEncoding(9, options), starting_at(4));
  // 3 + value is rounded once at a size below 4.
  CHECK(((x - plain).array() - 3).abs().maxCoeff() <= 0x1p-52);
  CHECK((x.col(8).array() == 3).all());  // the zero column scales too
}

TEST_CASE("an encoding larger than the caches equals its parts", "[sinusoidal][encode]") {
  constexpr Eigen::Index kRows = 2100;  // of 512 floats: 4 MiB
  constexpr Eigen::Index kPart = 700;
  for (const ChannelOrder order : {ChannelOrder::interleaved, ChannelOrder::sin_cos}) {
    SinusoidalOptions options(order, FrequencySpacing::over_width);
    options.padding_position = 1300;
    const SinusoidalEncoding encoding(512, options);
    RowMajor<float> whole(kRows, 512);
    RowMajor<float> parts(kRows, 512);
    posenc::encode_sinusoidal(whole, encoding, starting_at(0));
    for (Eigen::Index first = 0; first < kRows; first += kPart) {
      posenc::encode_sinusoidal(parts.middleRows(first, kPart), encoding, starting_at(first));
    }
    CHECK(whole == parts);
    CHECK(whole.row(1300).isZero(0));
    CHECK_FALSE(whole.row(1299).isZero(0));
  }
}

TEST_CASE("no rows are no error, a wrong shape is", "[sinusoidal]") {
  const SinusoidalEncoding encoding = posenc::presets::paper(6);
  RowMajor<float> none(0, 6);
  encode_sinusoidal(none, encoding, starting_at(5));
  add_sinusoidal(none, encoding, Eigen::VectorXi(0));
  CHECK(posenc::make_sinusoidal<float>(encoding, PositionRange(3, 0)).rows() == 0);
  RowMajor<float> narrow = RowMajor<float>::Constant(2, 5, 7);
  CHECK_THROWS_AS(encode_sinusoidal(narrow, encoding, starting_at(0)), std::invalid_argument);
  RowMajor<float> right = RowMajor<float>::Constant(2, 6, 7);
  CHECK_THROWS_AS(add_sinusoidal(right, encoding, Eigen::Vector3i(1, 2, 3)), std::invalid_argument);
  CHECK_THROWS_AS(add_sinusoidal(right, encoding, Eigen::Vector2d(1, HUGE_VAL)), std::invalid_argument);
  CHECK((right.array() == 7).all());
  CHECK((narrow.array() == 7).all());
}

TEST_CASE("positions that first_position carries beyond 2^57 are refused", "[sinusoidal][positions]") {
  constexpr std::int64_t largest = std::int64_t(1) << 57;
  SinusoidalOptions options(ChannelOrder::interleaved, FrequencySpacing::over_width);
  options.first_position = 10;
  const SinusoidalEncoding later(4, options);
  options.first_position = -10;
  const SinusoidalEncoding earlier(4, options);
  RowMajor<float> x = RowMajor<float>::Constant(2, 4, 7);
  CHECK_THROWS_AS(encode_sinusoidal(x, posenc::presets::paper(4), starting_at(largest)), std::out_of_range);
  CHECK_THROWS_AS(encode_sinusoidal(x, later, starting_at(largest - 10)), std::out_of_range);
  CHECK_THROWS_AS(encode_sinusoidal(x, earlier, starting_at(9 - largest)), std::out_of_range);
  using Ids = Eigen::Matrix<std::int64_t, 2, 1>;
  CHECK_THROWS_AS(encode_sinusoidal(x, later, Ids(0, largest - 9)), std::out_of_range);
  CHECK_THROWS_AS(encode_sinusoidal(x, earlier, Ids(0, 9 - largest)), std::out_of_range);
  CHECK((x.array() == 7).all());
  encode_sinusoidal(x, later, Ids(largest - 10, -largest));
  encode_sinusoidal(x, earlier, Ids(largest, 10 - largest));
  CHECK((x.array().abs() <= 1).all());
}

TEST_CASE("encoding and adding allocate nothing", "[sinusoidal][allocations]") {
  if (posenc_tests::skip_without_allocation_count("allocations of encode_sinusoidal")) return;
  const SinusoidalEncoding encoding = posenc::presets::fairseq(130);
  RowMajor<float> row_major(50, 130);
  ColumnMajor<double> column_major(50, 130);
  RowMajor<Eigen::half> halves(50, 130);
  RowMajor<float> wide(50, 400);
  const Eigen::VectorXi ids = Eigen::VectorXi::LinSpaced(50, 3, 52);
  const Eigen::VectorXd real = ids.cast<double>();
  const auto count = [](auto&& work) { return posenc_tests::count_allocations(work); };
  CHECK(count([&] { encode_sinusoidal(row_major, encoding, starting_at(9)); }) == 0);
  CHECK(count([&] { encode_sinusoidal(row_major, encoding, ids); }) == 0);
  CHECK(count([&] { encode_sinusoidal(row_major, encoding, real); }) == 0);
  CHECK(count([&] { encode_sinusoidal(column_major, encoding, starting_at(9)); }) == 0);
  CHECK(count([&] { encode_sinusoidal(halves, encoding, ids); }) == 0);
  CHECK(count([&] { encode_sinusoidal(wide.middleCols(7, 130), encoding, ids); }) == 0);
  CHECK(count([&] { add_sinusoidal(row_major, encoding, starting_at(9)); }) == 0);
  CHECK(count([&] { add_sinusoidal(row_major, encoding, real); }) == 0);
  CHECK(count([&] { add_sinusoidal(column_major.topRows(5), encoding, ids.head(5)); }) == 0);
  CHECK(count([&] { add_sinusoidal(halves, encoding, ids); }) == 0);
  // The counter does count.
  CHECK(count([&] { posenc::make_sinusoidal<float>(encoding, PositionRange(0, 10)); }) == 1);
  CHECK(count([] { ::operator delete(::operator new(100)); }) == 1);
}
