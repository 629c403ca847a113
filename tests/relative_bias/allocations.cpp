// SPDX-License-Identifier: MIT
/// Nothing allocates after a first call, except where a comment in the headers says so (FIRE, the make_ functions).
#include "support/allocations.hpp"
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceClip;

namespace {

/// The second call: the first grew the workspace.
template <typename Run>
std::size_t allocations_when_warm(Run&& run) {
  run();
  return count_allocations(run);
}

}  // namespace

TEST_CASE("the counter counts", "[relative_bias][allocations]") {
  REQUIRE(count_allocations([] { Eigen::VectorXd(1000).setZero(); }) == 1);
  REQUIRE(count_allocations([] { delete new int(3); }) <= 1);
}

TEST_CASE("extra memory of the content biases is O(k) and O(L), never O(L^2)", "[relative_bias][allocations]") {
  if (!kMeasuresHeap) return;
  constexpr std::size_t kRounding = 64;  // what an allocator adds to a request
  constexpr std::size_t kMegabyte = std::size_t(1) << 20;
  const std::size_t measured = peak_heap_bytes([] { Eigen::VectorXd(kMegabyte / sizeof(double)).setZero(); });
  REQUIRE(measured >= kMegabyte);
  constexpr std::size_t kPage = 4096;  // a block beyond 128 KiB may be whole pages
  REQUIRE(measured <= kMegabyte + kPage + kRounding);

  const Index len = 512;
  const auto span = AttentionSpan::square(len);
  const auto q = random_matrix<float>(len, 64, 1);
  auto logits = random_matrix<float>(len, len, 2);
  const auto attention = posenc::ContentAttention(q, q, 0.125F, span);
  posenc::Workspace<float> for_shaw;
  const auto clip = DistanceClip::symmetric(16);
  const auto table = random_matrix<float>(clip.rows(), 64, 3);
  REQUIRE(peak_heap_bytes([&] {
            posenc::add_shaw_logits(logits, posenc::ShawKeys(table, clip), attention, for_shaw);
          }) <= sizeof(float) * 32 * 33 + kRounding);
  posenc::Workspace<float> for_xl;
  const auto r = random_matrix<float>(2 * len - 1, 64, 4);
  const Eigen::VectorXf u = Eigen::VectorXf::Ones(64);
  REQUIRE(peak_heap_bytes([&] {
            posenc::add_transformer_xl_logits(logits, posenc::TransformerXl(r, u, u), attention, for_xl);
          }) <= sizeof(float) * 65 * (len + 31) + kPage + kRounding);  // 64 rows of scores and queries, 1 of u . k
}

TEMPLATE_TEST_CASE("add and backward calls allocate nothing", "[relative_bias][allocations]", float, double) {
  using Scalar = TestType;
  using Matrix = RowMatrix<Scalar>;
  posenc::Workspace<Scalar> workspace;
  for (const AttentionSpan& span : {AttentionSpan::square(100), AttentionSpan::cached(1, 300),
                                    AttentionSpan::at(posenc::PositionRange(32, 33), 65)}) {
    INFO(span.query_len() << " x " << span.key_len());
    const Index d = 64;
    const Matrix q = random_matrix<Scalar>(span.query_len(), d, 1);
    const Matrix k = random_matrix<Scalar>(span.key_len(), d, 2);
    Matrix logits = random_matrix<Scalar>(span.query_len(), span.key_len(), 3);
    ColumnMatrix<Scalar> columns = logits;
    RowMatrix<Eigen::half> halves = logits.template cast<Eigen::half>();
    Matrix out = q;
    Matrix dq = Matrix::Zero(q.rows(), d);
    Matrix dk = Matrix::Zero(k.rows(), d);
    const auto attention = posenc::ContentAttention(q, k, Scalar(0.1), span);

    posenc::DistanceTable<Scalar> table(1, span.distances());
    REQUIRE(allocations_when_warm([&] { posenc::add_distance_bias(logits, table, span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::add_distance_bias(columns, table.head(0), span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::add_distance_bias(halves, table.head(0), span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::distance_bias_backward(table.head(0), logits, span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::distance_bias_backward(table, columns, span); }) == 0);
    const posenc::DistanceTable<Scalar> far(1, posenc::DistanceRange(-1000000, 1000000));  // a long text in a message
    REQUIRE(allocations_when_warm([&] { posenc::add_distance_bias(logits, far, span); }) == 0);
    const Matrix gates = random_matrix<Scalar>(span.query_len(), 1, 21);
    Matrix dgates_of_rows = Matrix::Zero(span.query_len(), 1);
    posenc::DistanceTable<Scalar> grad_table(1, span.distances());
    REQUIRE(allocations_when_warm([&] {
              posenc::add_distance_bias(logits, table, span, gates);
              posenc::add_distance_bias(columns, table.head(0), span, gates);
            }) == 0);
    REQUIRE(allocations_when_warm(
                [&] { posenc::distance_bias_backward(grad_table, dgates_of_rows, logits, table, span, gates); }) == 0);

    const posenc::T5Buckets buckets(32, 128, true);
    Matrix weights = Matrix::Zero(32, 1);
    REQUIRE(allocations_when_warm([&] { posenc::t5_table_backward(weights, table, buckets); }) == 0);
    Eigen::Array<Scalar, 1, 1> a(Scalar(0.5));
    Eigen::Array<Scalar, 1, 1> p(Scalar(0.5));
    Eigen::Array<Scalar, 1, 1> da(Scalar(0));
    Eigen::Array<Scalar, 1, 1> dp(Scalar(0));
    REQUIRE(allocations_when_warm([&] { posenc::alibi_table_backward(da, table, posenc::AlibiForm::causal); }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::kerple_table_backward(posenc::KerpleA(da), posenc::KerpleP(dp), table, posenc::KerpleA(a),
                                            posenc::KerpleP(p), posenc::KerpleKernel::logarithmic);
            }) == 0);

    const DistanceClip clip(16, 8);
    Matrix shaw = random_matrix<Scalar>(clip.rows(), d, 4);
    REQUIRE(allocations_when_warm([&] {
              posenc::add_shaw_logits(logits, posenc::ShawKeys(shaw, clip), attention, workspace);
              posenc::add_shaw_logits(columns, posenc::ShawKeys(shaw, clip), attention, workspace);
            }) == 0);
    REQUIRE(allocations_when_warm(
                [&] { posenc::add_shaw_values(out, posenc::ShawValues(shaw, clip), logits, span, workspace); }) == 0);
    Matrix dtable = Matrix::Zero(clip.rows(), d);
    REQUIRE(allocations_when_warm([&] {
              posenc::shaw_logits_backward(posenc::RelativeGradients(dq, dtable), logits, posenc::ShawKeys(shaw, clip),
                                           attention, workspace);
            }) == 0);
    Matrix dlogits = logits;
    REQUIRE(allocations_when_warm([&] {
              posenc::shaw_values_backward(posenc::RelativeGradients(dlogits, dtable), out,
                                           posenc::ShawValues(shaw, clip), logits, span, workspace);
            }) == 0);

    const posenc::DistanceRange all = span.distances();
    const Matrix r = random_matrix<Scalar>(all.size(), d, 5);
    Matrix dr = Matrix::Zero(r.rows(), d);
    REQUIRE(allocations_when_warm([&] {
              posenc::add_relative_logits(logits, posenc::RelativeKeys(r, all), attention, workspace);
              posenc::add_relative_logits(columns, posenc::RelativeKeys(r, all), attention, workspace);
            }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::relative_logits_backward(posenc::RelativeGradients(dq, dr), logits, posenc::RelativeKeys(r, all),
                                               attention, workspace);
            }) == 0);
    const Matrix band = random_matrix<Scalar>(d, 9, 5);
    Matrix dband = Matrix::Zero(d, 9);
    REQUIRE(allocations_when_warm([&] {
              posenc::add_banded_logits(logits, q, band, span, workspace);
              posenc::add_banded_logits(columns, q, band, span, workspace);
            }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::banded_logits_backward(posenc::RelativeGradients(dq, dband), logits, q, band, span, workspace);
            }) == 0);
    const Matrix u = random_matrix<Scalar>(1, d, 6);
    Matrix du = Matrix::Zero(1, d);
    Matrix dv = Matrix::Zero(1, d);
    REQUIRE(allocations_when_warm([&] {
              posenc::add_transformer_xl_logits(logits, posenc::TransformerXl(r, all, u, u), attention, workspace);
              posenc::add_transformer_xl_logits(columns, posenc::TransformerXl(r, all, u, u), attention, workspace);
            }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::transformer_xl_logits_backward(posenc::TransformerXlGradients(dq, dk, dr, du, dv), logits,
                                                     posenc::TransformerXl(r, all, u, u), attention, workspace);
            }) == 0);

    const posenc::DebertaBuckets deberta(64, 32);
    const Matrix positions = random_matrix<Scalar>(deberta.rows(), d, 7);
    Matrix dpositions = Matrix::Zero(deberta.rows(), d);
    Matrix dother = Matrix::Zero(deberta.rows(), d);
    const auto both =
        posenc::Deberta(deberta, posenc::ContentToPosition(positions), posenc::PositionToContent(positions));
    REQUIRE(allocations_when_warm([&] { posenc::add_deberta_logits(logits, both, attention, workspace); }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::deberta_logits_backward(
                  posenc::DebertaGradients(posenc::ContentToPositionGradients(dq, dpositions),
                                           posenc::PositionToContentGradients(dk, dother)),
                  logits, both, attention, workspace);
            }) == 0);

    const Matrix cope = random_matrix<Scalar>(20, d, 8);
    Matrix dcope = Matrix::Zero(20, d);
    REQUIRE(allocations_when_warm(
                [&] { posenc::add_cope_logits(logits, posenc::Cope(cope, 20), attention, workspace); }) == 0);
    REQUIRE(allocations_when_warm([&] {
              posenc::cope_logits_backward(posenc::CopeGradients(dlogits, dq, dcope), logits, posenc::Cope(cope, 20),
                                           attention, workspace);
            }) == 0);

    const Eigen::Array<Scalar, Eigen::Dynamic, 1> sums = random_matrix<Scalar>(span.key_len(), 1, 9).array();
    Eigen::Array<Scalar, Eigen::Dynamic, 1> dsums = sums;
    Eigen::Array<Scalar, Eigen::Dynamic, 1> dgates = sums;
    REQUIRE(allocations_when_warm([&] { posenc::add_forgetting_bias(logits, sums, span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::forgetting_bias_backward(dsums, logits, span); }) == 0);
    REQUIRE(allocations_when_warm([&] { posenc::forgetting_sums_backward(dgates, dsums, sums); }) == 0);
  }

  const posenc::GridShape window(7, 5);
  posenc::WindowTable<Scalar> table(2, window, posenc::ClassToken::first);
  Matrix logits = random_matrix<Scalar>(72, 36, 10);
  Matrix weights = Matrix::Zero(window.displacements() + 3, 2);
  REQUIRE(allocations_when_warm([&] { posenc::add_window_bias(logits, table); }) == 0);
  REQUIRE(allocations_when_warm([&] { posenc::window_bias_backward(table, logits); }) == 0);
  REQUIRE(allocations_when_warm([&] { posenc::window_table_backward(weights, table); }) == 0);

  const Matrix q = random_matrix<Scalar>(35, 64, 11);
  const Matrix rel_h = random_matrix<Scalar>(13, 64, 12);
  const Matrix rel_w = random_matrix<Scalar>(9, 64, 13);
  Matrix square = random_matrix<Scalar>(35, 35, 14);
  Matrix dq = Matrix::Zero(35, 64);
  Matrix dh = Matrix::Zero(13, 64);
  Matrix dw = Matrix::Zero(9, 64);
  REQUIRE(allocations_when_warm([&] {
            posenc::add_decomposed_logits(
                square, posenc::Decomposed(posenc::RelPosH(rel_h), posenc::RelPosW(rel_w), window, window), q);
          }) == 0);
  REQUIRE(allocations_when_warm([&] {
            posenc::decomposed_logits_backward(
                posenc::DecomposedGradients(dq, posenc::RelPosH(dh), posenc::RelPosW(dw)), square,
                posenc::Decomposed(posenc::RelPosH(rel_h), posenc::RelPosW(rel_w), window, window), q);
          }) == 0);
  Matrix scores = random_matrix<Scalar>(20, 49, 15);
  REQUIRE(count_allocations([&] {
            posenc::view_relative_shift(scores, AttentionSpan::cached(20, 30)) += Matrix::Ones(20, 30);
          }) == 0);
}
