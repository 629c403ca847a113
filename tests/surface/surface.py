#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the public names of posenc, one a line by header, and counts its functions.

    surface.py INCLUDE_FOLDER [--write FILE] [--check FILE] [--at-most COUNT] [--self-test]

Public is what is in the namespace posenc or posenc::presets. A function's overloads are lines of their own, with the
names of their parameters (a default is marked with =); what a type has is listed under it. The count is of the names
of functions in posenc: presets, operators and members are not in it.
"""
import argparse
import difflib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import cpp_reader  # noqa: E402

PUBLIC_SCOPES = (("posenc",), ("posenc", "presets"))


def call(declaration):
    names = []
    for parameter in declaration.parameters:
        name = parameter.name or "..." if parameter.pack else parameter.name or f"<{parameter.text}>"
        names.append(name + (" =" if parameter.default else ""))
    return f"{declaration.name}({', '.join(names)})"


def is_copy(member, type_name):
    """A copy or a move: every type here has them, or has them deleted."""
    if member.name not in (type_name, "operator=") or len(member.parameters) != 1:
        return False
    given = member.parameters[0].text.split("&")[0].replace("const ", "").strip()
    return given == type_name


def members(declaration):
    lines = []
    for member in declaration.members:
        if member.deleted or not member.name or member.is_sentence() or is_copy(member, declaration.name):
            continue
        if member.kind == "function":
            lines.append(("static " if member.static else "") + call(member))
        elif member.kind in ("field", "member"):
            lines.append(member.name)
        elif member.kind in ("type", "enum"):
            lines.append(member.name)
            lines += ["  " + line for line in members(member)]
        elif member.kind == "alias":
            lines.append(member.name)
    return lines


def surface_of_header(text, functions):
    lines = []
    for declaration in cpp_reader.read(text):
        if declaration.scope not in PUBLIC_SCOPES or declaration.deleted or declaration.kind == "guide":
            continue
        prefix = "presets::" if declaration.scope[-1] == "presets" else ""
        if declaration.kind == "function":
            if not prefix and not declaration.name.startswith("operator"):
                functions.add(declaration.name)
            if not declaration.is_sentence():
                lines.append(prefix + call(declaration))
        else:
            kind = {"type": "type", "enum": "enum", "alias": "alias", "constant": "constant"}[declaration.kind]
            lines.append(f"{kind} {prefix}{declaration.name}")
            lines += ["  " + line for line in members(declaration)]
    # A forward declaration with defaults and the definition read the same: once is enough.
    return list(dict.fromkeys(lines)) if not any(line.startswith("  ") for line in lines) else lines


def surface(folder):
    functions = set()
    text = ""
    for path in sorted(folder.glob("posenc/**/*.hpp")):
        if {"detail", "kernels"} & set(path.relative_to(folder).parts):
            continue
        lines = surface_of_header(path.read_text(encoding="utf-8"), functions)
        if lines:
            text += f"{path.relative_to(folder).as_posix()}\n" + "".join(f"  {line}\n" for line in lines) + "\n"
    return f"{len(functions)} functions, presets aside\n\n" + text.rstrip("\n") + "\n", functions


SAMPLE = """
namespace posenc {
inline namespace POSENC_ABI {
namespace detail { inline void hidden(int x); }
/// Doc; with a (bracket.
enum class Storage { one,  ///< first, (
                     two = 3 };
template <typename T, std::enable_if_t<(sizeof(T) > 2), int> = 0>
class Table : public Base<T> {
  int secret_;
 public:
  Table(int rows, int width = 3) : rows_(rows), width_{width} { if (rows < 0) refuse("(;"); }
  static Table wrap(const T* data);
  ~Table() = default;
  Table(const Table&) = delete;
  Table(Table&& other) noexcept;
  Table& operator=(const Table&) = default;
  auto values() const -> int { return {}; }
  T& operator()(int i, int j);
  struct Row { int at = 0; };
  std::vector<T> list = {1, 2};
 private:
  void hidden();
};
template <typename T>
Table(T) -> Table<T>;
template <typename A, typename B>
void rotate(A&& x, const B& table = {1, 2}, double (*rule)(double) = nullptr, Index rows = Index(1) << 3);
template <typename... A>
void rotate(const A&...) { static_assert(always_false<A...>, "posenc: x is missing"); }
template <typename B>
void rotate(const B& table, detail::BareBraces) { static_assert(always_false<B>, "posenc: no braces"); }
template <typename B>
void rotate(const B& table, double speed) { static_assert(detail::kMisuse<B>, "posenc: write a table"); }
inline bool operator==(const Row& a, const Row& b) { return a.at == b.at; }
constexpr double kHalf = 0.5;
using Ids = std::vector<int>;
std::pair<int, std::map<int, int>> twice(const std::function<void(int, int)>& call, const char* text = "a, (b");
namespace presets { inline Table<float> paper(int width) { return {width}; } }
}  // namespace
}
"""
SAMPLE_LINES = [
    "enum Storage", "  one", "  two", "type Table", "  Table(rows, width =)", "  static wrap(data)", "  values()",
    "  operator()(i, j)", "  Row", "    at", "  list", "rotate(x, table =, rule =, rows =)", "operator==(a, b)",
    "constant kHalf", "alias Ids", "twice(call, text =)", "presets::paper(width)",
]


def self_test():
    functions = set()
    lines = surface_of_header(SAMPLE, functions)
    sys.stdout.writelines(line + "\n" for line in difflib.unified_diff(SAMPLE_LINES, lines, "expected", "read", lineterm=""))
    return lines == SAMPLE_LINES and functions == {"rotate", "twice"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--at-most", type=int)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        sys.exit(0 if self_test() else 1)
    text, functions = surface(options.folder)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    elif not options.check:
        sys.stdout.write(text)
    wrong = False
    if options.check:
        committed = options.check.read_text(encoding="utf-8")
        if committed != text:
            wrong = True
            sys.stdout.writelines(
                difflib.unified_diff(committed.splitlines(True), text.splitlines(True), "committed", "headers", n=1)
            )
            print(f"{options.check} is stale: build the target surface, and look at what changes")
    if options.at_most is not None and len(functions) > options.at_most:
        wrong = True
        print(f"{len(functions)} functions, presets aside, are more than {options.at_most}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
