// SPDX-License-Identifier: MIT
/// Every kind of Eigen object, in place and as source and target: right, without an allocation, nothing else touched.
#include "support/allocations.hpp"

#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;
using posenc::starting_at;

namespace {

constexpr Index kTokens = 5;
constexpr Index kHeads = 5;
constexpr Index kHeadDim = 22;
constexpr Index kWidth = kHeads * kHeadDim;

/// The same numbers for each case, before rounding to its scalar.
template <typename Scalar>
const RowMatrix<Scalar>& noise() {
  static const RowMatrix<Scalar> values = Noise(21).matrix<Scalar>(kTokens, kWidth);
  return values;
}

const posenc::FrequencyTable<float>& table() {
  static const auto value =
      posenc::make_table<float>(posenc::geometric_frequencies(20, 1e4), posenc::PositionRange(1000, kTokens));
  return value;
}

int layouts_checked = 0;

/// `view(storage)` is a kTokens x kWidth object, or one token of it, that refers to `storage`.
template <typename Storage, typename View>
void check(const char* name, Storage storage, View&& view) {
  using Scalar = typename Storage::Scalar;
  ++layouts_checked;
  INFO(name << ", scalar of " << sizeof(Scalar) << " bytes");
  for (const bool half_split : {true, false}) {
    const RopeLayout layout =
        half_split ? RopeLayout::half_split(kHeadDim).window(1, 20) : RopeLayout::interleaved(kHeadDim).window(1, 20);
    for (Index i = 0; i < storage.size(); ++i) storage.data()[i] = static_cast<Scalar>(7 + static_cast<int>(i % 5));
    auto&& x = view(storage);
    const RowMatrix<Scalar> given = noise<Scalar>().topRows(x.rows());
    REQUIRE(x.cols() == given.cols());
    x = given.template cast<Scalar>();
    const Storage before = storage;
    const Turned expected = turned(given, table().cos(), table().sin(), run(x.rows()), layout);

    // In place, and nothing around it: with the old values back, the storage is what it was.
    CHECK(count_allocations([&] { apply_rope(x, table(), layout, starting_at(1000)); }) == 0);
    CHECK((error_over_bound<Scalar, float>(x, expected) <= 1));
    x = given;
    CHECK(same_bits(storage, before));

    // As the source: not written to.
    RowMatrix<Scalar> out(x.rows(), x.cols());
    CHECK(count_allocations([&] { apply_rope(out, x, table(), layout, starting_at(1000)); }) == 0);
    CHECK((error_over_bound<Scalar, float>(out, expected) <= 1));
    CHECK(same_bits(storage, before));

    // As the target.
    x.setConstant(Scalar(3));
    CHECK(count_allocations([&] { apply_rope(x, given, table(), layout, starting_at(1000)); }) == 0);
    CHECK((error_over_bound<Scalar, float>(x, expected) <= 1));
    x = given;
    CHECK(same_bits(storage, before));

    CHECK(count_allocations([&] { apply_rope(x, table().inverse(), layout, starting_at(1000)); }) == 0);
    CHECK(count_allocations([&] { apply_rope(x, table().adjoint(), layout, starting_at(1000)); }) == 0);
  }
}

}  // namespace

TEST_CASE("the counter counts", "[rope][layouts]") {
  Index size = 1000;
  double sum = 0;
  CHECK(count_allocations([&] {
          const Eigen::MatrixXd copy = Eigen::MatrixXd::Ones(size, size);
          sum = copy.sum();
        }) >= 1);
  CHECK(sum == 1e6);
  CHECK(count_allocations([&] {
          const std::vector<double> copy(static_cast<std::size_t>(size), 2.0);
          sum = copy[static_cast<std::size_t>(size) / 2];
        }) >= 1);
  CHECK(sum == 2);
  CHECK(count_allocations([&] { sum += 1; }) == 0);
}

TEMPLATE_TEST_CASE("layouts, strides and scalars", "[rope][layouts]", float, double, Eigen::half, Eigen::bfloat16) {
  using Eigen::Dynamic;
  using Scalar = TestType;
  using RowMajor = RowMatrix<Scalar>;
  using ColMajor = Eigen::Matrix<Scalar, Dynamic, Dynamic>;
  layouts_checked = 0;
  const RowMajor rows(kTokens, kWidth);
  const RowMajor wide(kTokens + 2, 2 * kWidth + 3);
  const RowMajor tall(kWidth, kTokens);
  const RowMajor doubled(kTokens, 2 * kWidth);

  check(
      "row-major matrix", rows, [](auto& s) -> auto& { return s; });
  check(
      "column-major matrix", ColMajor(kTokens, kWidth), [](auto& s) -> auto& { return s; });
  check(
      "row-major array", Eigen::Array<Scalar, Dynamic, Dynamic, Eigen::RowMajor>(kTokens, kWidth),
      [](auto& s) -> auto& { return s; });
  check(
      "matrix of fixed size", Eigen::Matrix<Scalar, kTokens, kWidth, Eigen::RowMajor>(),
      [](auto& s) -> auto& { return s; });
  check("array of a matrix", rows, [](auto& s) { return s.array(); });
  check("map", rows, [](auto& s) { return Eigen::Map<RowMajor>(s.data(), s.rows(), s.cols()); });
  check("map of columns", rows, [](auto& s) { return Eigen::Map<ColMajor>(s.data(), kTokens, kWidth); });
  check("map with an outer stride", wide, [](auto& s) {
    return Eigen::Map<RowMajor, 0, Eigen::OuterStride<>>(s.data() + 1, kTokens, kWidth,
                                                         Eigen::OuterStride<>(s.outerStride()));
  });
  check("map with an inner stride", doubled, [](auto& s) {
    return Eigen::Map<RowMajor, 0, Eigen::Stride<Dynamic, 2>>(s.data() + 1, kTokens, kWidth,
                                                              Eigen::Stride<Dynamic, 2>(s.outerStride(), 2));
  });
  check("map with both strides known at run time", doubled, [](auto& s) {
    return Eigen::Map<RowMajor, 0, Eigen::Stride<Dynamic, Dynamic>>(
        s.data(), kTokens, kWidth, Eigen::Stride<Dynamic, Dynamic>(s.outerStride(), 2));
  });
  check("map of rows as a column-major matrix with strides", wide, [](auto& s) {
    return Eigen::Map<ColMajor, 0, Eigen::Stride<Dynamic, Dynamic>>(
        s.data(), kTokens, kWidth, Eigen::Stride<Dynamic, Dynamic>(1, s.outerStride()));
  });
  check("block", wide, [](auto& s) { return s.block(1, 2, kTokens, kWidth); });
  check("middle columns", wide, [](auto& s) { return s.topRows(kTokens).middleCols(kWidth, kWidth); });
  check("columns of a column-major matrix", ColMajor(kTokens, 3 * kWidth),
        [](auto& s) { return s.middleCols(kWidth, kWidth); });
  check("transpose of features x tokens", tall, [](auto& s) { return s.transpose(); });
  check("transpose of column-major features x tokens", ColMajor(kWidth, kTokens),
        [](auto& s) { return s.transpose(); });
  check("ref", wide,
        [](auto& s) -> Eigen::Ref<RowMajor, 0, Eigen::OuterStride<>> { return s.block(1, 2, kTokens, kWidth); });
  check("ref with an inner stride", tall,
        [](auto& s) -> Eigen::Ref<ColMajor, 0, Eigen::Stride<Dynamic, Dynamic>> { return s.transpose(); });
  check("every other token", RowMajor(2 * kTokens, kWidth),
        [](auto& s) { return s(Eigen::seqN(1, kTokens, Eigen::fix<2>), Eigen::all); });
  check("every other token of a column-major matrix", ColMajor(2 * kTokens, kWidth),
        [](auto& s) { return s(Eigen::seqN(0, kTokens, Eigen::fix<2>), Eigen::all); });
  check("tokens in reverse", rows, [](auto& s) { return s.colwise().reverse(); });
  check("reverse of a reverse", rows, [](auto& s) { return s.reverse().reverse(); });
  check(
      "row vector", Eigen::Matrix<Scalar, 1, Dynamic>(kWidth), [](auto& s) -> auto& { return s; });
  check("one row", wide, [](auto& s) { return s.row(2).segment(3, kWidth); });
  check("one row of a column-major matrix", ColMajor(3, kWidth), [](auto& s) { return s.row(1); });
  CHECK(4 * layouts_checked >= 40);
}

TEST_CASE("rows, views and other tables allocate nothing either", "[rope][layouts]") {
  RowMatrix<float> x = noise<float>();
  const RopeLayout layout = RopeLayout::interleaved(kHeadDim).prefix(20);
  const Eigen::Matrix<int, kTokens, 1> rows(4, 0, 3, 3, 1);
  const auto view =
      posenc::view_packed(x.data(), posenc::HeadsShape().seq_len(kTokens).num_heads(kHeads).head_dim(kHeadDim));
  CHECK(count_allocations([&] { apply_rope(x, table(), layout, posenc::rows(rows)); }) == 0);
  CHECK(count_allocations([&] { apply_rope(x.topRows(2), table(), layout, posenc::starting_at(1003)); }) == 0);
  CHECK(count_allocations([&] { apply_rope(view, table(), layout); }) == 0);
  CHECK(count_allocations([&] {
          apply_rope(
              x, posenc::wrap_cache(table().cos_data(0), table().sin_data(0), 1, 20, posenc::CosSinStorage::cos_sin, 1),
              layout, posenc::rows(Eigen::Matrix<int, 5, 1>::Zero()));
        }) == 0);
}

TEST_CASE("a projection as the source is computed once", "[rope][layouts]") {
  // Reading a product element by element would compute all of it, on the heap, for each of kTokens * kWidth elements.
  // Whole numbers: every order of summation gives the same product.
  const auto whole_numbers = [](std::uint64_t seed, Index rows, Index columns) -> RowMatrix<float> {
    return (8 * Noise(seed).matrix<float>(rows, columns).array()).round();
  };
  const RowMatrix<float> hidden = whole_numbers(22, kTokens, 16);
  const RowMatrix<float> weights = whole_numbers(23, kWidth, 16);
  const Eigen::RowVectorXf bias = whole_numbers(24, 1, kWidth);
  const RopeLayout layout = RopeLayout::half_split(kHeadDim).window(1, 20);
  RowMatrix<float> out(kTokens, kWidth);

  const RowMatrix<float> product = hidden * weights.transpose();
  CHECK(count_allocations([&] { apply_rope(out, hidden * weights.transpose(), table(), layout); }) <= 1);
  CHECK(
      (error_over_bound<float, float>(out, turned(product, table().cos(), table().sin(), run(kTokens), layout)) <= 1));

  const RowMatrix<float> sum = product.rowwise() + bias;
  const auto projection = (hidden * weights.transpose()).rowwise() + bias;
  // One for the product, one for the sum.
  CHECK(count_allocations([&] { apply_rope(out, projection, table(), layout); }) <= 2);
  CHECK((error_over_bound<float, float>(out, turned(sum, table().cos(), table().sin(), run(kTokens), layout)) <= 1));
}

TEST_CASE("vision towers: Llama 4 rotates by columns and rows in one window, Gemma 4 in two", "[rope][axes]") {
  const Index head_dim = 16, quarter = 4;
  const auto given = Noise(11).matrix<double>(6, 2 * head_dim);  // a grid of 2 rows and 3 columns
  const auto turn = [](RowMatrix<double>& x, Index token, Index a, Index b, Wide angle) {
    const Wide left = x(token, a), right = x(token, b);
    x(token, a) = static_cast<double>(left * std::cos(angle) - right * std::sin(angle));
    x(token, b) = static_cast<double>(left * std::sin(angle) + right * std::cos(angle));
  };
  RowMatrix<double> llama = given, gemma = given, llama_expected = given, gemma_expected = given;
  for (Index token = 0; token < 6; ++token) {
    const Index position[2] = {token % 3, token / 3};  // column, row
    for (Index head = 0; head < 2 * head_dim; head += head_dim) {
      for (Index axis = 0; axis < 2; ++axis) {
        for (Index i = 0; i < quarter; ++i) {
          const Index pair = axis * quarter + i;
          turn(llama_expected, token, head + 2 * pair, head + 2 * pair + 1,
               static_cast<Wide>(position[axis] + 1) * std::pow(10000.0L, -static_cast<Wide>(i) / quarter));
          const Index half = head + axis * head_dim / 2;
          turn(gemma_expected, token, half + i, half + i + quarter,
               static_cast<Wide>(position[axis]) * std::pow(100.0L, -static_cast<Wide>(i) / quarter));
        }
      }
    }
  }
  const auto axial = posenc::axial_frequencies({4, 4}, 10000);
  const auto from_one = posenc::grid_positions({2, 3}, 1);
  apply_rope(llama, posenc::make_table<double>(axial.frequencies, axial.axes, from_one.rowwise().reverse()),
             RopeLayout::interleaved(head_dim));
  const auto positions = posenc::grid_positions({2, 3});
  const auto half = posenc::geometric_frequencies(head_dim / 2, 100);
  apply_rope(gemma, posenc::make_table<double>(half, positions.col(1)), RopeLayout::half_split(head_dim).prefix(8));
  apply_rope(gemma, posenc::make_table<double>(half, positions.col(0)), RopeLayout::half_split(head_dim).suffix(8));
  // One rotation of numbers below 2: 3 roundings of 2^-53 of up to 2 sqrt(2), and the tables' 2^-50.
  CHECK((llama - llama_expected).cwiseAbs().maxCoeff() <= 4 * (kRoundings * 0x1p-53 + 0x1p-50));
  CHECK((gemma - gemma_expected).cwiseAbs().maxCoeff() <= 4 * (kRoundings * 0x1p-53 + 0x1p-50));
}
