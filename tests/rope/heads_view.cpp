// SPDX-License-Identifier: MIT
/// HeadsView: raw buffers in every layout, against the same tokens as a matrix.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::CosSinStorage;
using posenc::from_row;
using posenc::HeadsShape;
using posenc::HeadsStrides;
using posenc::HeadsView;
using posenc::RopeLayout;

namespace {

constexpr Index kHeadDim = 10;
constexpr Index kPositions = 80;

posenc::FrequencyTable<float> table(CosSinStorage layout = CosSinStorage::cos_sin) {
  return posenc::make_table<float>(posenc::geometric_frequencies(8, 1e4), posenc::PositionRange(5, kPositions),
                                   {layout});
}
std::vector<RopeLayout> layouts() {
  return {RopeLayout::half_split(kHeadDim).window(1, 8), RopeLayout::interleaved(kHeadDim).window(1, 8)};
}

/// The [batch * seq_len, heads * head_dim] matrix that a view describes.
template <typename Scalar>
RowMatrix<std::remove_const_t<Scalar>> gather(const HeadsView<Scalar>& view) {
  RowMatrix<std::remove_const_t<Scalar>> x(view.batch() * view.seq_len(), view.num_heads() * view.head_dim());
  for (Index b = 0; b < view.batch(); ++b) {
    for (Index t = 0; t < view.seq_len(); ++t) {
      for (Index h = 0; h < view.num_heads(); ++h) {
        for (Index c = 0; c < view.head_dim(); ++c) {
          x(b * view.seq_len() + t, h * view.head_dim() + c) =
              view.data()[b * view.batch_stride() + t * view.token_stride() + h * view.head_stride() + c];
        }
      }
    }
  }
  return x;
}

struct Shape {
  Index batch, seq_len, num_heads;
};
const Shape kShapes[] = {{1, 1, 1}, {1, 7, 5}, {3, 1, 4}, {4, 1, 1}, {2, 5, 9}, {3, 4, 2}, {1, 67, 6}};

/// Calls body(name, view) for buffers of noise in all layouts.
template <typename Body>
void for_each_view(const Shape& shape, Body&& body) {
  const auto [batch, length, heads] = shape;
  std::vector<float> buffer(static_cast<std::size_t>(batch * length * heads * kHeadDim * 2 + 64));
  const auto fill = [&] {
    Noise noise(51);
    for (float& value : buffer) value = static_cast<float>(noise());
    return buffer.data();
  };
  const auto sizes = posenc::HeadsShape().batch(batch).seq_len(length).num_heads(heads).head_dim(kHeadDim);
  body("blhd", posenc::view_blhd(fill(), sizes), buffer);
  body("bhld", posenc::view_bhld(fill(), sizes), buffer);
  if (batch == 1) {
    body("packed",
         posenc::view_packed(fill(), posenc::HeadsShape().seq_len(length).num_heads(heads).head_dim(kHeadDim)), buffer);
  }
  // Padded heads; heads outermost, [H, B, L, D]; and tokens in reverse.
  const Index head = kHeadDim + 3;
  const HeadsStrides padded = HeadsStrides().batch(length * heads * head).token(heads * head).head(head);
  body("padded", HeadsView(fill() + 1, sizes, padded), buffer);
  const HeadsStrides outermost =
      HeadsStrides().head(batch * length * kHeadDim).batch(length * kHeadDim).token(kHeadDim);
  body("heads outermost", HeadsView(fill(), sizes, outermost), buffer);
  const Index token = heads * kHeadDim;
  const HeadsStrides reverse = HeadsStrides().batch(length * token).token(-token).head(kHeadDim);
  body("reverse", HeadsView(fill() + (length - 1) * token, sizes, reverse), buffer);
}

}  // namespace

TEST_CASE("every layout of a buffer, every batch and token", "[rope][heads_view]") {
  for (const Shape& shape : kShapes) {
    for (const RopeLayout& layout : layouts()) {
      // Rows that the kernels read as they are: split for half-split pairs, paired for interleaved ones.
      const bool interleaved = layout.pairs() == posenc::RopePairs::interleaved;
      const auto all_rows = table(interleaved ? CosSinStorage::paired : CosSinStorage::cos_sin);
      for_each_view(shape, [&](const char* name, HeadsView<float> view, std::vector<float>& buffer) {
        INFO(name << ": batch " << shape.batch << ", seq_len " << shape.seq_len << ", heads " << shape.num_heads);
        const RowMatrix<float> given = gather(view);
        const std::vector<float> before = buffer;
        const auto check = [&](const std::vector<Index>& rows, auto&& rotate, Direction direction = {}) {
          buffer = before;
          rotate();
          const Turned expected = turned(given, all_rows.cos(), all_rows.sin(), rows, layout, direction);
          REQUIRE((error_over_bound<float, float>(gather(view), expected) <= 1));
          // As many elements changed as rotate: nothing between the heads was touched.
          std::size_t changed = 0;
          for (std::size_t i = 0; i < buffer.size(); ++i) changed += buffer[i] != before[i] ? 1 : 0;
          REQUIRE(changed <= static_cast<std::size_t>(shape.batch * shape.seq_len * shape.num_heads * 8));
        };
        std::vector<Index> rows;
        for (Index b = 0; b < shape.batch; ++b) {
          for (const Index row : run(shape.seq_len, 3)) rows.push_back(row);
        }
        check(rows, [&] { apply_rope(view, all_rows, layout, from_row(3)); });
        check(rows, [&] { apply_rope(view, all_rows.adjoint(), layout, from_row(3)); }, {true, 1});
        check(rows, [&] { apply_rope(view, all_rows.inverse(), layout, from_row(3)); }, {true, 1});

        // Rows shared by the batch.
        Eigen::ArrayXi shared(shape.seq_len);
        for (Index t = 0; t < shape.seq_len; ++t) shared(t) = static_cast<int>(2 + 5 * t % 30);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = shared(static_cast<Index>(i) % shape.seq_len);
        check(rows, [&] { apply_rope(view, all_rows, layout, posenc::rows(shared)); });

        // One for each token of the batch, as [batch, seq_len] ids in either storage.
        Eigen::Matrix<std::int64_t, -1, -1, Eigen::RowMajor> ids(shape.batch, shape.seq_len);
        for (Index i = 0; i < ids.size(); ++i) ids.data()[i] = (7 * i + 1) % kPositions;
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(ids.data()[i]);
        check(rows, [&] { apply_rope(view, all_rows, layout, posenc::rows(ids)); });
        const Eigen::Matrix<std::int32_t, -1, -1> by_columns = ids.cast<std::int32_t>();
        check(rows, [&] { apply_rope(view, all_rows, layout, posenc::rows(by_columns)); });
      });
    }
  }
}

TEST_CASE("one decoded token of each sequence of a batch, all rotated", "[rope][heads_view]") {
  // A batch with seq_len 1 where only the first sequence was rotated has been a bug of others.
  const auto one_token = HeadsShape().batch(6).seq_len(1).num_heads(3).head_dim(kHeadDim);
  const auto all_rows = table();
  for (const RopeLayout& layout : layouts()) {
    RowMatrix<float> x = RowMatrix<float>::Ones(6, 3 * kHeadDim);
    apply_rope(posenc::view_blhd(x.data(), one_token), all_rows, layout, from_row(20));
    for (Index b = 1; b < 6; ++b) CHECK(same_bits(x.row(b), x.row(0)));
    CHECK(x(5, 1) != 1.0f);
    RowMatrix<float> other = RowMatrix<float>::Ones(6, 3 * kHeadDim);
    const Eigen::Array<int, 6, 1> lengths(20, 3, 11, 0, 39, 7);
    apply_rope(posenc::view_bhld(other.data(), one_token), all_rows, layout, posenc::rows(lengths));
    CHECK(same_bits(other.row(0), x.row(0)));
    for (Index b = 1; b < 6; ++b) CHECK(!same_bits(other.row(b), x.row(0)));
  }
}

TEST_CASE("a const view into another layout and scalar", "[rope][heads_view]") {
  const auto all_rows = table();
  const Index batch = 2, length = 5, heads = 3;
  const RowMatrix<float> given = Noise(52).matrix<float>(batch * length, heads * kHeadDim);
  const auto shape = HeadsShape().batch(batch).seq_len(length).num_heads(heads).head_dim(kHeadDim);
  const auto in = posenc::view_blhd(given.data(), shape);
  std::vector<Index> rows;
  for (Index i = 0; i < batch * length; ++i) rows.push_back(8 + i % length);
  for (const RopeLayout& layout : layouts()) {
    const Turned expected = turned(given, all_rows.cos(), all_rows.sin(), rows, layout);
    RowMatrix<float> same(batch * heads * length, kHeadDim);
    const auto out = posenc::view_bhld(same.data(), shape);
    apply_rope(out, in, all_rows, layout, from_row(8));
    CHECK((error_over_bound<float, float>(gather(out), expected) <= 1));

    RowMatrix<Eigen::half> halves(batch * heads * length, kHeadDim);
    const auto half_out = posenc::view_bhld(halves.data(), shape);
    apply_rope(half_out, in, all_rows, layout, from_row(8));
    CHECK((error_over_bound<float, float>(gather(half_out), expected) <= 1));

    RowMatrix<double> doubles(batch * heads * length, kHeadDim);
    const auto double_out = posenc::view_bhld(doubles.data(), shape);
    apply_rope(double_out, in, all_rows, layout, from_row(8));
    CHECK((error_over_bound<float, float>(gather(double_out), expected) <= 1));

    // Back again, from the other layout.
    RowMatrix<double> back(batch * length, heads * kHeadDim);
    apply_rope(posenc::view_blhd(back.data(), shape), double_out, all_rows.inverse(), layout, from_row(8));
    // Float cosines and sines: cos^2 + sin^2 is 1 within 4 u.
    CHECK((back - given.cast<double>()).cwiseAbs().maxCoeff() <= 4 * 0x1p-24 * 2 * std::sqrt(2.0));
  }
}
