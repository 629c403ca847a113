#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the comments of the public headers, and prints what they lack.

    documentation.py REPOSITORY [--list] [--self-test]

Every public type has a sentence, and each of its members that has parameters a comment. Every public function has what
applies of a sentence, a @param for each parameter, @throws where its body can refuse, `Cost:` with a case of benchmarks/ or
why there is none, `Accuracy:` with the tags of a test, and `Source:` or `Matches:`. What does not apply is said in exempt.txt, by name. Comments and messages use the field's words:
dialect.txt lists those that they do not, with the phrases in which English needs them.

ratchet.txt has, for each folder, how much may still be lacking and how many such words are left. Its numbers only fall.
`Cost:` ends with (bench_rope: float in place), a file and cases of benchmarks/ or what their names begin with, or says
"not measured: " and why.
`Accuracy:` ends with [accuracy][rope], tags that one test has. "as make_table()" takes over what make_table() has.
"""
import argparse
import collections
import fnmatch
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import cpp_reader  # noqa: E402

PUBLIC_SCOPES = (("posenc",), ("posenc", "presets"))
PARAM = re.compile(r"@param(?:\[[^\]]*\])?\s+(\w+(?:,\s*\w+)*)")
SECTION = re.compile(r"^(Cost|Accuracy|Source|Matches|Threads|Note): *(.*?)(?=^\w+: |^@|\Z)", re.M | re.S)
INLINE_SECTION = re.compile(r"\b(Source|Matches): ")
AS_OTHER = re.compile(r"\b(?:as|like|that of|those of|see)(?: in| of| for| by| with| a)? `?((?:presets::)?\w+)\(\)")
BENCH = re.compile(r"\((bench_\w+): ([^()]*(?:\([^()]*\)[^()]*)*)\)\s*\.?$")
NOT_MEASURED = re.compile(r"\b(?:not measured|no benchmark|no bench case)\b", re.I)
TAGS = re.compile(r"(?:\[[\w.-]+\])+")


def sections(doc):
    return {match[1]: " ".join(match[2].split()) for match in SECTION.finditer(doc)}


class House:
    """The public functions and types of a repository, with their comments, and what tests and benchmarks there are."""

    def __init__(self, repository):
        include = repository / "include"
        self.functions = collections.OrderedDict()  # (header, name) -> overloads
        self.types = []  # (header, declaration)
        self.refusing = {"require", "refuse"}
        bodies = {}
        for path in sorted(include.glob("posenc/**/*.hpp")):
            header = path.relative_to(include).as_posix()
            private = "detail" in path.parts or "kernels" in path.parts
            for declaration in cpp_reader.read(path.read_text(encoding="utf-8")):
                if declaration.kind == "function":
                    bodies.setdefault(declaration.name, []).append(declaration.body)
                for member in declaration.members:
                    if member.kind == "function" and member.name == declaration.name:
                        bodies.setdefault(member.name, []).append(member.body)
                if private or declaration.scope not in PUBLIC_SCOPES:
                    continue
                prefix = "presets::" if declaration.scope[-1] == "presets" else ""
                if declaration.kind == "function" and not declaration.deleted:
                    if not declaration.is_sentence() and not declaration.name.startswith("operator"):
                        self.functions.setdefault((header, prefix + declaration.name), []).append(declaration)
                elif declaration.kind in ("type", "enum", "alias", "constant"):
                    self.types.append((header, prefix + declaration.name, declaration))
        # What refuses, or calls by name what refuses.
        grown = True
        while grown:
            grown = False
            for name, several in bodies.items():
                if name not in self.refusing and any(self.refuses(body) for body in several):
                    self.refusing.add(name)
                    grown = True
        self.test_tags = set()
        for path in sorted(repository.glob("tests/**/*.cpp")):
            for tags in re.findall(r'"((?:\[[^\]"]+\])+)"\s*[,)]', path.read_text(encoding="utf-8")):
                self.test_tags.add(frozenset(re.findall(r"\[([^\]]+)\]", tags)))
        self.bench_cases = set()
        for path in sorted(repository.glob("benchmarks/*.cpp")):
            for name in re.findall(r'(?:TEST_CASE|BENCHMARK|SECTION)\(\s*"([^"]+)"', path.read_text(encoding="utf-8")):
                self.bench_cases.add((path.stem, name))

    def has_bench(self, file, name):
        """Whether a case has this name, or begins with it."""
        return any(there == file and re.match(re.escape(name) + r"\b", case) for there, case in self.bench_cases)

    def refuses(self, body):
        for at, token in enumerate(body):
            if token.kind != "word" or at + 1 >= len(body):
                continue
            known = token.text in self.refusing or token.text.startswith(("require_", "refuse_"))
            if known and body[at + 1].text in ("(", "<", "{"):
                return True
        return False

    def doc_of(self, name):
        """The comments of all functions of this name."""
        return "\n".join(d.doc for (_, other), several in self.functions.items() if other == name for d in several)


def lacks_of_section(house, kind, text, seen=()):
    """What a Cost or an Accuracy lacks, or an empty string."""
    for other in AS_OTHER.findall(text):
        if other not in seen:
            theirs = sections(house.doc_of(other)).get(kind)
            if theirs is not None and not lacks_of_section(house, kind, theirs, (*seen, other)):
                return ""
    if kind == "Cost":
        bench = BENCH.search(text)
        if bench:
            whole = bench[2].strip()
            parts = [whole] if house.has_bench(bench[1], whole) else re.split(r",\s*", whole)
            unknown = [part for part in parts if not house.has_bench(bench[1], part)]
            return f"Cost: names a case that does not exist, {bench[1]}: {', '.join(unknown)}" if unknown else ""
        return "" if NOT_MEASURED.search(text) else "Cost: names neither a case of benchmarks/ nor why there is none"
    tags = TAGS.findall(text)
    if not tags:
        return "Accuracy: names no tags of a test"
    wanted = set(re.findall(r"\[([^\]]+)\]", tags[-1]))
    return "" if any(wanted <= there for there in house.test_tags) else f"Accuracy: no test has the tags {tags[-1]}"


def lacks_of_function(house, name, overloads, exempt):
    doc = "\n".join(d.doc for d in overloads)
    found = sections(doc)
    lacks = []
    if not doc.strip():
        lacks.append("a comment")
    documented = {p for names in PARAM.findall(doc) for p in re.split(r",\s*", names)}
    for other in AS_OTHER.findall(doc):
        documented |= {p for names in PARAM.findall(house.doc_of(other)) for p in re.split(r",\s*", names)}
    for parameter in dict.fromkeys(p.name for d in overloads for p in d.parameters if p.name):
        if parameter not in documented:
            lacks.append(f"@param {parameter}")
    if "@throws" not in doc and any(house.refuses(d.body) for d in overloads):
        if not any("@throws" in house.doc_of(other) for other in AS_OTHER.findall(doc)):
            lacks.append("@throws")
    for kind in ("Cost", "Accuracy"):
        if kind not in found:
            lacks.append(f"{kind}:")
        else:
            wrong = lacks_of_section(house, kind, found[kind])
            if wrong:
                lacks.append(wrong)
    if not INLINE_SECTION.search(doc):
        if not any(INLINE_SECTION.search(house.doc_of(other)) for other in AS_OTHER.findall(doc)):
            lacks.append("Source: or Matches:")
    return [lack for lack in lacks if not is_exempt(exempt, lack.split(":")[0].split(" ")[0].lower(), name)]


def is_copy(member, type_name):
    given = member.parameters[0].text.split("&")[0].replace("const ", "").strip()
    return len(member.parameters) == 1 and given.split("<")[0] == type_name


def lacks_of_type(house, name, declaration, exempt):
    lacks = [] if declaration.doc.strip() else ["a comment"]
    for member in declaration.members:
        if member.kind == "function" and not member.is_sentence() and house.refuses(member.body):
            if "@throws" not in member.doc and "@throws" not in declaration.doc:
                lacks.append(f"@throws of {member.name}()")
    # Of a const member and the other one, a comment on either counts.
    commented = {(m.name, len(m.parameters)) for m in declaration.members if m.doc.strip()}
    for member in declaration.members:
        if member.kind != "function" or not member.parameters or member.deleted or member.is_sentence():
            continue
        if (member.name, len(member.parameters)) not in commented and not is_copy(member, declaration.name):
            lacks.append(f"a comment on {member.name}()")
    return [lack for lack in lacks if not is_exempt(exempt, lack.split(" ")[0].lower(), name)]


def is_exempt(exempt, kind, name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in exempt.get(kind, ()))


def read_exempt(path):
    """Lines `kind: pattern pattern ...`; a line that begins with a space goes on."""
    exempt = collections.defaultdict(list)
    kind = None
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        if not line.startswith(" "):
            kind, line = line.split(":", 1) if re.match(r"[@\w]+:( |$)", line) else (kind, line)
        exempt[kind] += line.split()
    return exempt


def folder_of(header):
    return header.split("/")[1] if header.count("/") > 1 else "entry"


def comments_of(text):
    """(line, text) of each comment and string."""
    for match in cpp_reader.TOKEN.finditer(text):
        if match.lastgroup in ("doc", "comment") or (match.lastgroup in ("string", "d") and '"' in match.group()):
            yield text.count("\n", 0, match.start()) + 1, match.group()


def dialect(repository, words, allowed):
    """(header, line, word) for each word that is not the field's."""
    pattern = re.compile(r"\b(?:" + "|".join(words) + r")\b", re.I)
    allow = re.compile("|".join(allowed), re.I) if allowed else None
    for path in sorted((repository / "include").glob("posenc/**/*.hpp")):
        header = path.relative_to(repository / "include").as_posix()
        for line, text in comments_of(path.read_text(encoding="utf-8")):
            if allow:
                text = allow.sub("", text)
            for match in pattern.finditer(text):
                yield header, line, match.group()


def read_dialect(path):
    words, allowed = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].rstrip()
        if line.startswith("allow "):
            allowed.append(re.escape(line[6:].strip()) + r"\b")
        elif line:
            words += line.split()
    return words, allowed


def findings(repository, exempt, words, allowed):
    """(folder, kind, text) of all that is wrong."""
    house = House(repository)
    for (header, name), overloads in house.functions.items():
        for lack in lacks_of_function(house, name, overloads, exempt):
            yield folder_of(header), "lacks", f"{header}:{overloads[0].line}: {name}() lacks {lack}"
    for header, name, declaration in house.types:
        for lack in lacks_of_type(house, name, declaration, exempt):
            yield folder_of(header), "lacks", f"{header}:{declaration.line}: {name} lacks {lack}"
    for header, line, word in dialect(repository, words, allowed):
        yield folder_of(header), "words", f"{header}:{line}: {word}"


SAMPLE = """
namespace posenc {
/// A good one.
///
/// @param x  tokens.
/// @param a, b  both.
/// @throws std::invalid_argument  x is 0.
///
/// Cost:     little
///           or none (bench_rope: float, column-major).
/// Accuracy: 1 ulp [accuracy][rope].
/// Source:   Su.
inline void good(int x, int a, int b) { require(x != 0, "good"); }
/// As good().
///
/// Cost: as good(). Accuracy is missing, and
inline void good_backward(int x) {}
/// Cost: little (bench_rope: no such case).
/// Accuracy: 1 ulp [accuracy][nothing].
inline void bad(int x, int y) { good(x, x, y); }
inline void bare() {}
/// Cost: little (not measured: it runs once for a model).
/// Accuracy: exact.
/// Matches: it turns in turn; and "stands".
inline void rule(int) {}
template <typename... A>
void rule(const A&...) { static_assert(sizeof...(A) > 9, "posenc: this stands apart"); }
struct Undocumented { Undocumented(const Undocumented& other); explicit Undocumented(int n) { require(n > 0, "n"); } };
namespace detail { inline void hidden(int y) {} }
}
"""
SAMPLE_LACKS = [
    "Undocumented lacks @throws of Undocumented()", "Undocumented lacks a comment",
    "Undocumented lacks a comment on Undocumented()", "bad() lacks @param x", "bad() lacks @param y",
    "bad() lacks @throws", "bad() lacks Accuracy: no test has the tags [accuracy][nothing]",
    "bad() lacks Cost: names a case that does not exist, bench_rope: no such case", "bad() lacks Source: or Matches:",
    "bare() lacks Accuracy:", "bare() lacks Cost:", "bare() lacks Source: or Matches:", "bare() lacks a comment",
    "good_backward() lacks Accuracy:", "rule() lacks Accuracy: names no tags of a test",
]
SAMPLE_WORDS = ["apart", "stands", "stands", "turns"]


def self_test():
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        for name, text in {
            "include/posenc/rope/sample.hpp": SAMPLE,
            "tests/rope/sample.cpp": 'TEST_CASE("a", "[rope][accuracy]") {}\n',
            "benchmarks/bench_rope.cpp": 'TEST_CASE("float in place") {}\nTEST_CASE("column-major, 8 heads") {}\n',
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        words, allowed = read_dialect(HERE / "dialect.txt")
        found = list(findings(root, {}, words, allowed))
    lacks = sorted(text.split(": ", 1)[1] for _, kind, text in found if kind == "lacks")
    left = sorted(text.split(": ", 1)[1] for _, kind, text in found if kind == "words")
    for line in sorted(set(lacks) ^ set(SAMPLE_LACKS)):
        print(f"{'missed' if line in SAMPLE_LACKS else 'unexpected'}: {line}")
    if left != SAMPLE_WORDS:
        print(f"words: {left}")
    return lacks == SAMPLE_LACKS and left == SAMPLE_WORDS


def read_ratchet(path):
    """folder lacks words"""
    ratchet = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].split()
        if line:
            ratchet[line[0]] = {"lacks": int(line[1]), "words": int(line[2])}
    return ratchet


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=pathlib.Path)
    parser.add_argument("--list", nargs="?", const="", metavar="FOLDER", help="print all that is wrong, in one folder or in all")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        sys.exit(0 if self_test() else 1)
    words, allowed = read_dialect(HERE / "dialect.txt")
    found = collections.defaultdict(list)
    for folder, kind, text in findings(options.repository, read_exempt(HERE / "exempt.txt"), words, allowed):
        found[folder, kind].append(text)
        if options.list is not None and options.list in ("", folder):
            print(text)
    ratchet = read_ratchet(HERE / "ratchet.txt")
    folders = sorted({folder for folder, _ in found} | set(ratchet))
    failed = False
    print(f"{'folder':<16}{'lacks':>7} of {'words':>7} of")
    for folder in folders:
        limits = ratchet.get(folder, {"lacks": 0, "words": 0})
        counts = {kind: len(found[folder, kind]) for kind in ("lacks", "words")}
        print(f"{folder:<16}" + " ".join(f"{counts[kind]:>7} {limits[kind]:>3}" for kind in ("lacks", "words")))
        for kind in ("lacks", "words"):
            if counts[kind] > limits[kind]:
                failed = True
                print("\n".join(found[folder, kind]))
            elif counts[kind] < limits[kind]:
                print(f"  {folder}: ratchet.txt may go down to {counts[kind]} {kind}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
