// SPDX-License-Identifier: MIT
/// Runs the tables: the kind of error, the exact message, and nothing written. With an argument: the tables and cases
/// whose names have it in them.
#include "bad_input/tables.hpp"

#include "posenc/detail/check.hpp"

#include <csignal>
#include <cstdio>
#include <set>

#if !POSENC_HAS_EXCEPTIONS
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using posenc_tests::BadInputCase;
using posenc_tests::BadInputs;
using posenc_tests::Kind;
using posenc_tests::Trial;

/// How a case ended.
struct Outcome {
  Kind kind = Kind::allowed;
  std::string message;
  bool untouched = false;
  bool kind_known = true;
};

#if POSENC_HAS_EXCEPTIONS

Outcome run(const BadInputCase& test) {
  const std::unique_ptr<Trial> trial = test.make();
  Outcome outcome;
  try {
    trial->call();
  } catch (const std::invalid_argument& error) {
    outcome = {Kind::value, error.what()};
  } catch (const std::out_of_range& error) {
    outcome = {Kind::range, error.what()};
  } catch (const std::length_error& error) {
    outcome = {Kind::length, error.what()};
  } catch (const std::exception& error) {
    outcome.message = std::string("another exception: ") + error.what();
  }
  outcome.untouched = trial->untouched();
  return outcome;
}

#else

const Trial* current = nullptr;

/// Ends the child process: 'u' when nothing was written, 'w' when something was.
[[noreturn]] void end_child() { _exit(current->untouched() ? 'u' : 'w'); }

#if defined(POSENC_TESTS_HANDLER)
constexpr bool kAborts = false;
#else
constexpr bool kAborts = true;
#endif

/// The case in a child process, whose stderr is read. `really_abort`: let it abort, without a look at what it wrote.
Outcome run(const BadInputCase& test, bool really_abort = false) {
  int ends[2];
  Outcome outcome;
  if (pipe(ends) != 0) return outcome;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    const std::unique_ptr<Trial> trial = test.make();
    current = trial.get();
    if (kAborts && !really_abort) std::signal(SIGABRT, [](int) { end_child(); });
    trial->call();
    _exit(trial->untouched() ? 'n' : 'w');
  }
  close(ends[1]);
  char buffer[512];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;) {
    outcome.message.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  outcome.untouched = code == 'u' || code == 'n';
  outcome.kind_known = code == 'n';
  if (really_abort) {
    outcome.message += aborted ? "aborted" : "not aborted";
  } else if (kAborts && !outcome.message.empty() && outcome.message.back() == '\n') {
    outcome.message.pop_back();
  }
  return outcome;
}

#endif

/// A message as it is. With indices of 32 bits, where limits and the largest sizes are other numbers than the expected
/// ones, every long number in it is "#".
std::string comparable(const std::string& message) {
  if (posenc_tests::kWideIndex) return message;
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    std::size_t end = at;
    while (end < message.size() && message[end] >= '0' && message[end] <= '9') ++end;
    text += end - at >= 8 ? "#" : message.substr(at, end > at ? end - at : 1);
    at = end > at ? end : at + 1;
  }
  return text;
}

/// An empty string, or what is wrong.
std::string judge(const BadInputCase& test) {
  const Outcome outcome = run(test);
  const std::string expected = test.kind == Kind::allowed ? "" : "posenc::" + test.message;
  if (comparable(outcome.message) != comparable(expected))
    return "\n  expected: " + expected + "\n  got:      " + outcome.message;
  if (!outcome.untouched) return "something was written";
  if (outcome.kind_known && outcome.kind != test.kind) return "another kind of error: " + outcome.message;
  if (test.kind != Kind::allowed && test.message.find(" must ") == std::string::npos) return "the message has no rule";
  return "";
}

/// Cases that judge() must find wrong: a table that accepts everything would pass for ever.
std::vector<BadInputCase> wrong_cases() {
  struct Fixture {
    Eigen::ArrayXd x = Eigen::ArrayXd::Ones(3);
    std::string written() const { return posenc_tests::bytes_of(x); }
  };
  const auto refuse = [](int got) { posenc::detail::require(got == 0, "f", "x", got, "0"); };
  BadInputs<Fixture> wrong("wrong");
  wrong.value("no error", "f: x must be 0, got 1", [](Fixture&) {});
  wrong.value("another value", "f: x must be 0, got 1", [=](Fixture&) { refuse(2); });
  wrong.value("a part of the message", "f: x must be 0", [=](Fixture&) { refuse(1); });
  wrong.value("written before the check", "f: x must be 0, got 1", [=](Fixture& f) {
    f.x[1] = 2;
    refuse(1);
  });
  wrong.allowed("refused", [=](Fixture&) { refuse(1); });
  wrong.allowed("written to", [](Fixture& f) { f.x[2] = 0; });
#if POSENC_HAS_EXCEPTIONS
  wrong.range("another kind", "f: x must be 0, got 1", [=](Fixture&) { refuse(1); });
#endif
  return wrong.cases();
}

std::vector<BadInputCase> all_cases() {
  std::vector<BadInputCase> all;
#if defined(POSENC_TESTS_FEW_TABLES)
  const auto tables = {posenc_tests::bad_positions, posenc_tests::bad_npy_files};
#else
  const auto tables = {
      posenc_tests::bad_positions,        posenc_tests::bad_frequencies,   posenc_tests::bad_tables,
      posenc_tests::bad_head_tables,      posenc_tests::bad_rope,          posenc_tests::bad_sinusoids,
      posenc_tests::bad_fourier_features, posenc_tests::bad_learned,       posenc_tests::bad_npy_files,
      posenc_tests::bad_distance_biases,  posenc_tests::bad_bucket_biases, posenc_tests::bad_window_biases,
      posenc_tests::bad_content_biases,   posenc_tests::bad_configs,       posenc_tests::bad_config_rope,
      posenc_tests::bad_config_layers,    posenc_tests::bad_models,        posenc_tests::bad_gguf_metadata};
#endif
  for (const auto& table : tables) {
    for (BadInputCase& test : table()) all.push_back(std::move(test));
  }
  return all;
}

}  // namespace

#if defined(POSENC_TESTS_HANDLER)
void posenc_tests::fail_handler(const char* message) {
  std::fputs(message, stderr);
  end_child();
}
#endif

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // an assertion of Eigen must not swallow what failed before it
  int passed = 0;
  int failed = 0;
  const auto count = [&](const std::string& name, const std::string& wrong) {
    ++(wrong.empty() ? passed : failed);
    if (!wrong.empty()) std::printf("FAILED  %s: %s\n", name.c_str(), wrong.c_str());
  };
  const std::vector<BadInputCase> all = all_cases();
  std::set<std::string> names;
  for (const BadInputCase& test : all) {
    const std::string name = test.table + ", " + test.name;
    if (argc > 1 && name.find(argv[1]) == std::string::npos) continue;
    count(name, names.insert(name).second ? judge(test) : "another case has this name");
  }
  for (const BadInputCase& test : wrong_cases()) {
    count(test.table + ", " + test.name, judge(test).empty() ? "not noticed" : "");
  }
#if !POSENC_HAS_EXCEPTIONS && !defined(POSENC_TESTS_HANDLER)
  const std::string message = run(all.front(), true).message;
  count("without a handler: the message and a newline on stderr, then abort",
        message == "posenc::" + all.front().message + "\naborted" ? "" : message);
#endif
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
