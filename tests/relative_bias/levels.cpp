// SPDX-License-Identifier: MIT
/// The kernels of biases at every level of vector instructions that this machine has, each bit, against scalar loops.
#include <cstddef>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "posenc/relative_bias.hpp"
#include "relative_bias/window_support.hpp"
#include "rope/level_twins.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc_tests;
using namespace posenc::detail;

/// Calls pair(t, u, number of the displacement from t to u) for the tokens of a window, query by query.
template <typename Pair>
void each_pair(std::ptrdiff_t height, std::ptrdiff_t width, const Pair& pair) {
  for (std::ptrdiff_t t = 0; t < height * width; ++t) {
    for (std::ptrdiff_t u = 0; u < height * width; ++u) {
      pair(t, u, (u / width - t / width + height - 1) * (2 * width - 1) + u % width - t % width + width - 1);
    }
  }
}

template <typename To>
void check_window(Level level, std::ptrdiff_t height, std::ptrdiff_t width) {
  const std::ptrdiff_t heads = 3;
  const std::ptrdiff_t tokens = height * width;
  const std::ptrdiff_t stride = tokens + 3;
  const std::ptrdiff_t values_stride = (2 * height - 1) * (2 * width - 1);
  std::mt19937 engine(static_cast<unsigned>(100 * height + width));
  const auto values = numbers<float>(engine, static_cast<std::size_t>(heads * values_stride));
  auto got = numbers<To>(engine, static_cast<std::size_t>(heads * tokens * stride + 1));
  auto expected = got;
  for (std::ptrdiff_t h = 0; h < heads; ++h) {
    each_pair(height, width, [&](std::ptrdiff_t t, std::ptrdiff_t u, std::ptrdiff_t m) {
      To& to = expected[static_cast<std::size_t>(1 + (h * tokens + t) * stride + u)];
      to = cast_scalar<To>(cast_scalar<float>(to) + values[static_cast<std::size_t>(h * values_stride + m)]);
    });
  }
  add_window_kernel<stored_as<To>>(level)(
      {got.data() + 1, stride, tokens * stride, values.data(), values_stride, heads, height, width});
  INFO(name_of(level) << ", window " << height << " x " << width);
  REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(To)) == 0);
}

/// Sums of products in order, as a level rounds them.
float product_twin(Level level, std::ptrdiff_t depth, const float* a, std::ptrdiff_t a_step, const float* b,
                   std::ptrdiff_t b_step) {
  float sum = 0;
  for (std::ptrdiff_t k = 0; k < depth; ++k) sum = multiply_add_twin(level, a[k * a_step], b[k * b_step], sum);
  return sum;
}

/// The sum of numbers in 64 parts, which are added in halves.
float sum_twin(const float* from, std::ptrdiff_t count) {
  float parts[64] = {};
  for (std::ptrdiff_t i = 0; i < count; ++i) parts[i % 64] += from[i];
  for (int half = 32; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) parts[k] += parts[k + half];
  }
  return parts[0];
}

bool same_floats(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

}  // namespace

TEMPLATE_TEST_CASE("windows are added the same at every level", "[relative_bias][add_window_bias][levels]", float,
                   Eigen::half, Eigen::bfloat16) {
  for (const Level level : levels()) {
    int checked = 0;
    for (std::ptrdiff_t height = 1; height <= 9; ++height) {
      for (std::ptrdiff_t width = 1; width <= 20; ++width) {
        if (!can_add_window(height, width)) continue;
        check_window<TestType>(level, height, width);
        ++checked;
      }
    }
    check_window<TestType>(level, 12, 12);
    check_window<TestType>(level, 32, 32);  // the largest square
    REQUIRE(checked > 120);
  }
  REQUIRE(can_add_window(32, 32));
  REQUIRE(!can_add_window(33, 33));
}

TEST_CASE("gradients of windows are summed column by column at every level",
          "[relative_bias][add_window_bias][levels]") {
  for (const Level level : levels()) {
    for (const std::ptrdiff_t height : {2, 3, 4, 6, 7, 8, 9, 12, 14, 16, 24, 33}) {
      for (std::ptrdiff_t width = 5; width <= 16; ++width) {
        REQUIRE(can_sum_window(height, width));
        const std::ptrdiff_t tokens = height * width;
        const std::ptrdiff_t stride = tokens + height % 3;
        std::mt19937 engine(static_cast<unsigned>(100 * height + width));
        // Exactly the gradient and the sums of two heads, so that a sanitizer sees what is read or written outside of
        // them.
        const std::ptrdiff_t head = tokens * stride;
        const std::ptrdiff_t displacements = (2 * height - 1) * (2 * width - 1);
        const auto grad = numbers<float>(engine, at(head + (tokens - 1) * stride + tokens));
        auto sums = numbers<float>(engine, at(2 * displacements));
        sums[0] = -0.0f;
        auto expected = sums;
        add_column_sums(height, width, grad.data(), stride, expected.data());
        add_column_sums(height, width, grad.data() + head, stride, expected.data() + displacements);
        sum_window_kernel<WindowSums>(level)({grad.data(), stride, head, sums.data(), displacements, 2, height, width});
        INFO(name_of(level) << ", window " << height << " x " << width);
        REQUIRE(same_floats(sums, expected));
      }
    }
  }
}

TEST_CASE("gradients of windows are read in their own rows", "[relative_bias][levels]") {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const posenc::GridShape window : {posenc::GridShape(1, 5), posenc::GridShape(2, 5), posenc::GridShape(3, 7)}) {
    const Eigen::Index tokens = window.tokens();
    for (const Eigen::Index stride : {-tokens, Eigen::Index(0), tokens + 2}) {
      // Exactly the gradient, so that a sanitizer sees what is read outside of it, and NaN between its rows.
      std::mt19937 engine(5);
      const Eigen::Index rows = stride == 0 ? 1 : tokens;
      auto all = numbers<float>(engine, at((rows - 1) * (stride < 0 ? -stride : stride) + tokens));
      for (Eigen::Index i = 0; i < static_cast<Eigen::Index>(all.size()); ++i) {
        if (stride > 0 && i % stride >= tokens) all[at(i)] = std::numeric_limits<float>::quiet_NaN();
      }
      const Eigen::Map<const Rows, 0, Eigen::OuterStride<>> grad(all.data() + (stride < 0 ? (tokens - 1) * tokens : 0),
                                                                 tokens, tokens, Eigen::OuterStride<>(stride));
      const Rows copied = grad;
      posenc::WindowTable<float> sums(1, window);
      posenc::WindowTable<float> expected(1, window);
      sums.values().setZero();
      expected.values().setZero();
      posenc::window_bias_backward(sums, grad);
      posenc::window_bias_backward(expected, copied);
      INFO("window " << window.height() << " x " << window.width() << ", stride " << stride);
      CHECK((sums.values() == expected.values()).all());
    }
  }
}

TEST_CASE("gradients of distances are summed row by row at every level", "[relative_bias][levels]") {
  for (const Level level : levels()) {
    for (const std::ptrdiff_t queries : {1, 2, 3, 4, 5, 8, 11}) {
      for (std::ptrdiff_t keys = kLeastBiases; keys < kLeastBiases + 20; ++keys) {
        const std::ptrdiff_t stride = keys + queries % 3;
        std::mt19937 engine(static_cast<unsigned>(100 * queries + keys));
        // Exactly the gradient and the sums, so that a sanitizer sees what is read or written outside of them.
        const auto grad = numbers<float>(engine, at((queries - 1) * stride + keys));
        auto sums = numbers<float>(engine, at(queries + keys - 1));
        auto expected = sums;
        for (std::ptrdiff_t i = 0; i < queries; ++i) {
          for (std::ptrdiff_t j = 0; j < keys; ++j) expected[at(queries - 1 - i + j)] += grad[at(i * stride + j)];
        }
        bias_sum_kernel<BiasSums>(level)({grad.data(), stride, sums.data() + queries - 1, queries, keys});
        INFO(name_of(level) << ", " << queries << " queries, " << keys << " keys");
        REQUIRE(same_floats(sums, expected));
      }
    }
  }
}

TEST_CASE("rows are multiplied with rows in order at every level", "[relative_bias][products][levels]") {
  std::mt19937 engine(1);
  for (const Level level : levels()) {
    for (const std::ptrdiff_t rows : {1, 4, 15, 16, 17, 32}) {
      for (const std::ptrdiff_t columns : {1, 3, 4, 8, 16, 33, 40}) {
        for (const std::ptrdiff_t depth : {1, 5, 16, 30, 64, 256}) {
          const std::ptrdiff_t stride = depth + 1;
          const auto a = numbers<float>(engine, at(rows * stride - 1));
          const auto b = numbers<float>(engine, at(columns * stride - 1));
          auto got = numbers<float>(engine, at(rows * (columns + 2)));
          auto expected = got;
          for (std::ptrdiff_t i = 0; i < rows; ++i) {
            for (std::ptrdiff_t j = 0; j < columns; ++j) {
              expected[at(i * (columns + 2) + j)] =
                  0.3f * product_twin(level, depth, &a[at(i * stride)], 1, &b[at(j * stride)], 1);
            }
          }
          row_product_kernel<RowProduct>(level)(
              {got.data(), columns + 2, a.data(), stride, b.data(), stride, rows, columns, depth, 0.3f});
          INFO(name_of(level) << ", " << rows << " x " << columns << ", depth " << depth);
          REQUIRE(same_floats(got, expected));
        }
      }
    }
  }
}

TEST_CASE("matrices are multiplied in order at every level", "[relative_bias][products][levels]") {
  std::mt19937 engine(2);
  for (const Level level : levels()) {
    for (const std::ptrdiff_t rows : {1, 4, 7, 8, 32}) {
      for (const std::ptrdiff_t columns : {1, 3, 4, 16, 31, 64}) {
        for (const std::ptrdiff_t depth : {0, 1, 33, 300}) {
          for (const bool transposed : {false, true}) {
            const std::ptrdiff_t row_stride = transposed ? 1 : depth + 1;
            const std::ptrdiff_t column_stride = transposed ? rows + 1 : 1;
            const auto a = numbers<float>(engine, at((rows + 1) * (depth + 1)));
            const auto b = numbers<float>(engine, at((depth + 1) * (columns + 3)));
            auto got = numbers<float>(engine, at(rows * (columns + 2)));
            auto expected = got;
            for (std::ptrdiff_t i = 0; i < rows; ++i) {
              for (std::ptrdiff_t j = 0; j < columns; ++j) {
                float& to = expected[at(i * (columns + 2) + j)];
                const float sum =
                    product_twin(level, depth, &a[at(i * row_stride)], column_stride, &b[at(j)], columns + 3);
                to = multiply_add_twin(level, sum, 0.3f, to);
              }
            }
            matrix_product_kernel<MatrixProduct>(level)({got.data(), columns + 2, a.data(), row_stride, column_stride,
                                                         b.data(), columns + 3, rows, columns, depth, 0.3f});
            INFO(name_of(level) << ", " << rows << " x " << columns << ", depth " << depth);
            REQUIRE(same_floats(got, expected));
          }
        }
      }
    }
  }
}

TEST_CASE("rows by clipped distance are added and summed the same at every level", "[relative_bias][shaw][levels]") {
  std::mt19937 engine(3);
  for (const Level level : levels()) {
    const auto kernels = clipped_kernels<ClippedRow>(level);
    for (std::ptrdiff_t keys = 0; keys < 300; keys += keys < 80 ? 7 : 31) {
      for (const std::ptrdiff_t left : {0, 2, 16}) {
        for (std::ptrdiff_t query = -20; query < keys + 20; query += 9) {  // some meet only clipped distances
          const std::ptrdiff_t right = left / 2;
          const posenc::AttentionSpan span = posenc::AttentionSpan::at(posenc::PositionRange(query + 20, 1), keys);
          const auto row =
              clipped_row(ShawRow(span, 0, posenc::DistanceClip(left, right)), posenc::DistanceClip(left, right), span);
          const auto values = numbers<float>(engine, at(row.rows));
          const auto x = numbers<float>(engine, at(keys + 2));
          auto expected = x;
          std::vector<float> expected_sums(at(row.rows), 0.0f);
          std::vector<float> before, after;
          for (std::ptrdiff_t j = 0; j < keys; ++j) {
            const float number = x[at(j + 1)];
            const std::ptrdiff_t m = posenc::DistanceClip(left, right)(span.distance(0, j));
            expected[at(j + 1)] += values[at(m)];
            if (j < row.first) {
              before.push_back(number);
            } else if (j >= row.last) {
              after.push_back(number);
            } else {
              expected_sums[at(m)] = number;
            }
          }
          expected_sums.front() += sum_twin(before.data(), static_cast<std::ptrdiff_t>(before.size()));
          expected_sums.back() += sum_twin(after.data(), static_cast<std::ptrdiff_t>(after.size()));
          auto got = x;
          kernels.add(got.data() + 1, values.data(), row);
          std::vector<float> sums(at(row.rows), 9.0f);
          kernels.sum(sums.data(), x.data() + 1, row);
          INFO(name_of(level) << ", keys " << keys << ", left " << left << ", query " << query);
          REQUIRE(same_floats(got, expected));
          REQUIRE(same_floats(sums, expected_sums));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("biases by distance are added the same at every level", "[relative_bias][add_distance_bias][levels]",
                   float, Eigen::half, Eigen::bfloat16) {
  std::mt19937 engine(4);
  for (const Level level : levels()) {
    for (std::ptrdiff_t keys = kLeastBiases; keys < 300; keys += keys < 110 ? 1 : 17) {
      const std::ptrdiff_t heads = 2, queries = 3, stride = keys + keys % 5, biases_stride = keys + queries + 1;
      const auto biases = numbers<float>(engine, at(heads * biases_stride));
      const auto x = numbers<TestType>(engine, at(heads * queries * stride + 1));
      auto expected = x;
      for (std::ptrdiff_t h = 0; h < heads; ++h) {
        for (std::ptrdiff_t i = 0; i < queries; ++i) {
          for (std::ptrdiff_t j = 0; j < keys; ++j) {
            TestType& to = expected[at(1 + (h * queries + i) * stride + j)];
            const float bias = biases[at(h * biases_stride + queries - 1 - i + j)];
            to = cast_scalar<TestType>(cast_scalar<float>(to) + bias);
          }
        }
      }
      auto got = x;
      bias_row_kernel<stored_as<TestType>>(level)(
          {got.data() + 1, stride, biases.data() + queries - 1, biases_stride, heads, queries, keys});
      INFO(name_of(level) << ", keys " << keys);
      REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(TestType)) == 0);
    }
  }
}

TEST_CASE("rows are added wherever they begin, with a gate and without, the same at every level",
          "[relative_bias][add_distance_bias][levels]") {
  std::mt19937 engine(7);
  for (const Level level : levels()) {
    for (std::ptrdiff_t keys = kLeastBiases; keys < 90; ++keys) {
      const std::ptrdiff_t queries = 2, stride = keys + 2, gates_stride = 3;
      for (std::ptrdiff_t first = 0; first < 16; ++first) {
        const auto biases = numbers<float>(engine, at(keys + queries));
        const auto gates = numbers<float>(engine, at(queries * gates_stride));
        const auto x = numbers<float>(engine, at(queries * stride + 16));
        auto expected = x, expected_gated = x;
        for (std::ptrdiff_t i = 0; i < queries; ++i) {
          for (std::ptrdiff_t j = 0; j < keys; ++j) {
            const float bias = biases[at(queries - 1 - i + j)];
            const volatile float product = gates[at(i * gates_stride)] * bias;  // never fused with the sum
            expected[at(first + i * stride + j)] += bias;
            expected_gated[at(first + i * stride + j)] += product;
          }
        }
        auto got = x, got_gated = x;
        BiasRows call = {got.data() + first, stride, biases.data() + queries - 1, 0, 1, queries, keys};
        bias_row_kernel<stored_as<float>>(level)(call);
        call.logits = got_gated.data() + first;
        gated_bias_row_kernel<BiasRows>(level)(call, gates.data(), gates_stride);
        INFO(name_of(level) << ", keys " << keys << ", first " << first);
        REQUIRE(same_floats(got, expected));
        REQUIRE(same_floats(got_gated, expected_gated));
      }
    }
  }
}

TEST_CASE("two rows are added to a third at every level", "[relative_bias][levels]") {
  std::mt19937 engine(5);
  for (const Level level : levels()) {
    for (std::ptrdiff_t count = 0; count < 300; count += count < 110 ? 1 : 17) {
      const auto a = numbers<float>(engine, at(count + 1));
      const auto b = numbers<float>(engine, at(count + 1));
      const auto x = numbers<float>(engine, at(count + 2));
      auto expected = x;
      for (std::ptrdiff_t i = 0; i < count; ++i) expected[at(i + 1)] += a[at(i)] + b[at(i)];
      auto got = x;
      two_row_kernel<float>(level)(got.data() + 1, a.data(), b.data(), count);
      INFO(name_of(level) << ", count " << count);
      REQUIRE(same_floats(got, expected));
    }
  }
}

TEST_CASE("scores by bucket are added the same at every level", "[relative_bias][deberta][levels]") {
  std::mt19937 engine(6);
  for (const Level level : levels()) {
    const auto kernels = bucket_kernels<BucketLines>(level);
    for (const std::ptrdiff_t tokens : {1, 7, 16, 32}) {
      for (const std::ptrdiff_t others : {1, 15, 16, 40, 90}) {
        for (const bool steady : {true, false}) {
          const std::ptrdiff_t rows = 200, stride = 100, scores_stride = rows + kBucketPadding;
          const auto scores = numbers<float>(engine, at(tokens * scores_stride));
          std::vector<float> row_of;
          float row = static_cast<float>(rows - 1);
          for (std::ptrdiff_t m = 0; m < tokens + others - 1; ++m) {
            row_of.push_back(row);
            const auto step = static_cast<float>(engine() % (steady ? 2 : 7));
            row = row < step ? 0 : row - step;
          }
          for (const bool queries : {true, false}) {
            const auto x = numbers<float>(engine, at((queries ? tokens : others) * stride));
            auto expected = x;
            for (std::ptrdiff_t t = 0; t < tokens; ++t) {
              for (std::ptrdiff_t o = 0; o < others; ++o) {
                const std::ptrdiff_t place = queries ? t * stride + o : (others - 1 - o) * stride + t;
                const auto found = static_cast<std::ptrdiff_t>(row_of[at(queries ? tokens - 1 - t + o : t + o)]);
                expected[at(place)] += scores[at(t * scores_stride + found)];
              }
            }
            auto got = x;
            const BucketLines call = {
                got.data() + (queries ? 0 : (others - 1) * stride), stride, scores.data(), scores_stride,
                row_of.data() + (queries ? tokens - 1 : 0),         tokens, others,        steady};
            (queries ? kernels.queries : kernels.keys)(call);
            INFO(name_of(level) << ", tokens " << tokens << ", others " << others << ", steady " << steady);
            REQUIRE(same_floats(got, expected));
          }
        }
      }
    }
  }
}

#endif  // POSENC_HAS_LEVELS
