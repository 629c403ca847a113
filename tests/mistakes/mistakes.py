#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types what users type wrong, and compares what they are told.

    mistakes.py CASES FOLDER FLAG... -- COMPILER...

CASES has a case for each block that begins with `## name`: the code as it is typed, then what follows, indented:

    error: posenc: ...    does not compile: the first error is a static_assert of exactly this sentence, within 15 lines of
                          what the compiler prints, and it prints 60 at most
    compiler: REGEX       does not compile, and none of our code is reached: the compiler says this, in 15 lines at most
    throws: posenc::...   refused when it runs, with exactly this message
    right: EXPRESSION     compiles, runs, and this is true then

Lines before the first block are put in front of each case's code. Blocks that compile run as one program. FOLDER keeps
prelude.hpp precompiled for each compiler, and what was run.
"""
import concurrent.futures
import dataclasses
import fcntl
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SENTENCE_WITHIN = 15
MOST_LINES = 60
MOST_LINES_OF_COMPILER = 15
EXPECTATION = re.compile(r"  (error|compiler|throws|right): (.*)$")


@dataclasses.dataclass
class Case:
    name: str
    line: int  # of the first line of code
    code: list
    expected: list  # pairs of kind and text


def read_cases(path):
    setting, cases = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = EXPECTATION.match(line)
        if line.startswith("## "):
            cases.append(Case(line[3:].strip(), number + 1, [], []))
        elif not cases:
            if line and not line.startswith("//"):
                setting.append(line)
        elif match:
            cases[-1].expected.append(match.groups())
        elif line.strip():
            if cases[-1].expected:
                raise SystemExit(f"{path}:{number}: code behind what is expected")
            cases[-1].code.append(line)
    for case in cases:
        kinds = {kind for kind, _ in case.expected}
        if not case.code or kinds not in ({"error"}, {"compiler"}, {"throws"}, {"right"}):
            raise SystemExit(f"{path}: {case.name}: no code, or not one kind of expectation")
        if kinds != {"right"} and len(case.expected) != 1:
            raise SystemExit(f"{path}: {case.name}: more than one thing is expected")
    if len({case.name for case in cases}) != len(cases):
        raise SystemExit(f"{path}: two cases of one name")
    return setting, cases


def body(path, setting, case):
    return "\n".join(setting) + f'\n#line {case.line} "{path.name}"\n' + "\n".join(case.code) + "\n"


class Compiler:
    def __init__(self, program, flags, folder):
        self.program = program
        self.name = os.path.basename(program)
        self.flags = ["-std=c++17", "-O0", *flags]
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clang = "clang" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout

    def precompile(self, headers):
        """prelude.hpp, again where a header is newer. One process at a time."""
        result = self.folder / ("prelude.pch" if self.clang else "prelude.hpp.gch")
        copy = self.folder / "prelude.hpp"
        with open(self.folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            newest = max(header.stat().st_mtime for header in headers)
            made_with = self.folder / "made_with"
            command = [self.program, *self.flags, "-x", "c++-header", str(copy), "-o", str(result)]
            same = made_with.exists() and made_with.read_text(encoding="utf-8") == " ".join(command)
            if same and result.exists() and result.stat().st_mtime > newest:
                return
            copy.write_text((HERE / "prelude.hpp").read_text(encoding="utf-8"), encoding="utf-8")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"prelude.hpp does not compile with {self.name}:\n{done.stderr}")
            made_with.write_text(" ".join(command), encoding="utf-8")

    def command(self, *more):
        prelude = ["-include-pch", str(self.folder / "prelude.pch")] if self.clang else (
            ["-include", str(self.folder / "prelude.hpp"), "-Winvalid-pch"]
        )
        return [self.program, *self.flags, *prelude, *more]

    def judge(self, path, setting, case, number):
        """A case that must not compile: what is wrong, or an empty string."""
        kind, expected = case.expected[0]
        source = self.folder / f"{path.stem}_{number}.cpp"
        source.write_text(f"void typed() {{\n{body(path, setting, case)}}}\n", encoding="utf-8")
        done = subprocess.run(self.command("-fsyntax-only", str(source)), capture_output=True, text=True, check=False)
        lines = done.stderr.replace('\\"', '"').splitlines()  # clang prints the quotes of a sentence escaped
        shown = "\n    ".join(line if "posenc: " in line else line[:200] for line in lines[:20])
        if done.returncode == 0:
            return "compiles"
        if kind == "compiler":
            if len(lines) > MOST_LINES_OF_COMPILER:
                return f"{len(lines)} lines:\n    {shown}"
            return "" if re.search(expected, done.stderr) else f"not as expected:\n    {shown}"
        first = next((i for i, line in enumerate(lines) if re.search(r"\b(error|warning):", line)), len(lines))
        at = next((i for i, line in enumerate(lines) if re.search(r"error: .*" + re.escape(expected) + r'("|$)', line)), len(lines))
        if at == len(lines):
            return f"not the sentence:\n    {shown}"
        if at > first:
            return f"another diagnostic before the sentence:\n    {shown}"
        if at >= SENTENCE_WITHIN or len(lines) > MOST_LINES:
            return f"the sentence is in line {at + 1} of {len(lines)}"
        return ""


def program(path, setting, cases):
    """One program of all that compiles."""
    text = "#define CHECK(...) \\\n  if (!(__VA_ARGS__)) return std::string(\"not true: \" #__VA_ARGS__)\n"
    for number, case in enumerate(cases):
        checks = "".join(f"CHECK({what});\n" for kind, what in case.expected if kind == "right")
        text += f'static std::string case_{number}() {{\n{body(path, setting, case)}{checks}return "";\n}}\n'
    text += "int main(int, char** argv) {\n"
    text += "  std::string (*const cases[])() = {" + ", ".join(f"case_{number}" for number in range(len(cases))) + "};\n"
    text += "  try {\n    std::fputs(cases[std::atoi(argv[1])]().c_str(), stdout);\n"
    text += '  } catch (const std::exception& error) {\n    std::printf("threw: %s", error.what());\n  }\n}\n'
    return text


def run_all(path, setting, cases, compilers):
    """What is wrong, for each case that must compile."""
    if not cases:
        return []
    failures = []
    for compiler in compilers:
        source = compiler.folder / f"{path.stem}.cpp"
        source.write_text(program(path, setting, cases), encoding="utf-8")
        runs = compiler is compilers[0]
        binary = compiler.folder / path.stem
        more = [str(source), "-o", str(binary)] if runs else ["-fsyntax-only", str(source)]
        done = subprocess.run(compiler.command(*more), capture_output=True, text=True, check=False)
        if done.returncode:
            failures.append(f"{compiler.name}: what should compile does not:\n{done.stderr[:6000]}")
        elif runs:
            for number, case in enumerate(cases):
                ran = subprocess.run([str(binary), str(number)], capture_output=True, text=True, check=False)
                kind, expected = case.expected[0]
                want = f"threw: {expected}" if kind == "throws" else ""
                if ran.returncode or ran.stdout != want:
                    got = ran.stdout or ran.stderr or "nothing"
                    failures.append(f"{case.name}:\n    expected {want or 'nothing'}\n    got      {got}")
    return failures


def main():
    path, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    end = sys.argv.index("--")
    flags = sys.argv[3:end]
    compilers = [Compiler(name, flags, folder) for name in sys.argv[end + 1 :]]
    if not compilers:
        raise SystemExit("skipped: no compiler whose diagnostics are known")
    setting, cases = read_cases(path)
    include = next(flag[2:] for flag in flags if flag.startswith("-I"))
    headers = [*pathlib.Path(include).glob("**/*.hpp"), HERE / "prelude.hpp", pathlib.Path(__file__)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda compiler: compiler.precompile(headers), compilers))
        stopped = [(n, case) for n, case in enumerate(cases) if case.expected[0][0] in ("error", "compiler")]
        running = [case for case in cases if case.expected[0][0] in ("throws", "right")]
        runs = pool.submit(run_all, path, setting, running, compilers)
        judged = [
            (compiler, case, pool.submit(compiler.judge, path, setting, case, number))
            for number, case in stopped
            for compiler in compilers
        ]
        failures = [f"{case.name}, {compiler.name}: {wrong.result()}" for compiler, case, wrong in judged if wrong.result()]
        failures += runs.result()
    for failure in failures:
        print(f"FAILED  {failure}")
    print(f"{path.name}: {len(stopped)} cases must not compile, {len(running)} must, {len(failures)} failures")
    sys.exit(1 if failures or len(cases) < 8 else 0)


if __name__ == "__main__":
    main()
