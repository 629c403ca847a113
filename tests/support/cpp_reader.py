# SPDX-License-Identifier: MIT
"""What the scripts that read headers share: a reader of declarations, good enough for the headers of this repository.

read(text) -> [Declaration]: namespaces are entered, the inline one of the ABI and unnamed levels leave no trace, function
bodies are kept as tokens, and the comment block of /// lines above a declaration is kept as text.
"""
import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<doc>///[^\n]*)|(?P<comment>//[^\n]*|/\*.*?\*/)
      |(?P<preprocessor>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)
      |(?P<string>(?:u8|u|U|L)?R"(?P<d>[^()\s]*)\(.*?\)(?P=d)"|(?:u8|u|U|L)?"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
      |(?P<number>\d[\w.']*(?:[eEpP][+-]\d+)?)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<sign>::|->|\.\.\.|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|[^\s\w])
      |(?P<newline>\n)|(?P<space>[ \t\r\f]+)""",
    re.X | re.M | re.S,
)
OPEN = {"(": ")", "[": "]", "{": "}"}
NOT_A_NAME = {"decltype", "noexcept", "alignas", "static_assert", "sizeof", "__attribute__", "requires", "operator"}


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Parameter:
    text: str  # all of it, without the default
    name: str  # or ""
    default: str  # or ""
    pack: bool = False


@dataclasses.dataclass
class Declaration:
    kind: str  # function, type, alias, enum, constant, guide, member
    name: str
    scope: tuple  # namespaces and classes around it
    line: int
    doc: str
    parameters: list = dataclasses.field(default_factory=list)
    template: str = ""
    tokens: list = dataclasses.field(default_factory=list)  # in front of the body
    body: list = dataclasses.field(default_factory=list)
    members: list = dataclasses.field(default_factory=list)  # of a class: what is public; of an enum: its values
    static: bool = False
    deleted: bool = False

    def is_sentence(self):
        """An overload that only says, by a static_assert, what to write instead: f(const A&...), bare braces, a member
        of a temporary. Its body begins with the static_assert of a condition that is never true, or asks for one."""
        if self.kind != "function":
            return False
        if any((p.pack or "BareBraces" in p.text) and not p.name for p in self.parameters):
            return True
        words = [t.text for t in self.body if t.kind == "word"]
        never = any(word == "kMisuse" or word.startswith("explain_") for word in words)
        return "of_temporary" in words or (words[:1] == ["static_assert"] and never)


def tokens_of(text):
    line = 1
    tokens = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup if match.lastgroup != "d" else "string"
        if kind not in ("comment", "newline", "space", "preprocessor"):
            tokens.append(Token(kind, match.group(), line))
        line += match.group().count("\n")
    return tokens


def join(tokens):
    out = ""
    for token in tokens:
        if out and (out[-1].isalnum() or out[-1] in "_>&*,") and (token.text[0].isalnum() or token.text[0] == "_"):
            out += " "
        out += token.text
    return out


class Reader:
    def __init__(self, tokens):
        self.tokens = tokens

    def closing(self, at):
        """The index of what closes the bracket at `at`."""
        depth = 0
        for i in range(at, len(self.tokens)):
            if self.tokens[i].text in OPEN:
                depth += 1
            elif self.tokens[i].text in OPEN.values():
                depth -= 1
                if depth == 0:
                    return i
        raise ValueError(f"line {self.tokens[at].line}: no end of {self.tokens[at].text}")

    def closing_angle(self, at):
        depth = 0
        i = at
        while i < len(self.tokens):
            text = self.tokens[i].text
            if text in OPEN:
                i = self.closing(i)
            elif text == "<":
                depth += 1
            elif text == ">":
                depth -= 1
                if depth == 0:
                    return i
            i += 1
        raise ValueError(f"line {self.tokens[at].line}: no end of <")

    def read(self, begin, end, scope, inside=""):
        """The declarations between two indices. `inside`: the name of the class that this is the body of."""
        found = []
        doc = []
        doc_line = 0
        i = begin
        access = "public"
        while i < end:
            token = self.tokens[i]
            if token.kind == "doc":
                if doc and token.line > doc_line + 1:
                    doc = []
                doc.append(token.text[3:].strip())
                doc_line = token.line
                i += 1
                continue
            if token.text == ";":
                doc = []
                i += 1
                continue
            if inside and token.text in ("public", "private", "protected") and self.tokens[i + 1].text == ":":
                access = token.text
                doc = []
                i += 2
                continue
            if token.text == "namespace" or (token.text == "inline" and self.tokens[i + 1].text == "namespace"):
                inline = token.text == "inline"
                j = i
                while self.tokens[j].text not in "{;":
                    j += 1
                names = [t.text for t in self.tokens[i:j] if t.kind == "word" and t.text not in ("inline", "namespace")]
                if self.tokens[j].text == "{":
                    close = self.closing(j)
                    found += self.read(j + 1, close, scope if inline else scope + tuple(names))
                    i = close + 1
                else:
                    i = j + 1
                doc = []
                continue
            declaration, i = self.declaration(i, end, scope, inside, "\n".join(doc))
            if declaration and access == "public":
                found.append(declaration)
            doc = []
        return found

    def declaration(self, begin, end, scope, inside, doc):
        """The declaration that begins at an index, and the index behind it."""
        i = begin
        template = ""
        while self.tokens[i].text == "template" and self.tokens[i + 1].text == "<":
            close = self.closing_angle(i + 1)
            template += join(self.tokens[i : close + 1])
            i = close + 1
        head = i
        line = self.tokens[head].line
        # The end of the head: ; or a body. Brackets are jumped over, and `= {...}` or an initializer is not a body.
        parenthesis = None  # the first ( that follows a name
        equals = None
        initializers = None  # the : of a constructor
        j = i
        while j < end:
            text = self.tokens[j].text
            if text == "(" and self.tokens[j - 1].text == "operator":
                j += 2  # operator()
                continue
            if text == "(":
                before = self.tokens[j - 1]
                named = before.kind == "word" and before.text not in NOT_A_NAME or self.is_operator(head, j)
                if parenthesis is None and equals is None and named and j > head:
                    parenthesis = j
                j = self.closing(j) + 1
                continue
            if text == "<" and equals is None and self.tokens[j - 1].kind == "word" and self.tokens[j - 1].text != "operator":
                j = self.closing_angle(j) + 1
                continue
            if text == "[":
                j = self.closing(j) + 1
                continue
            if text == "=" and equals is None and self.tokens[j - 1].text != "operator":
                equals = j
            if text == ":" and parenthesis is not None and initializers is None:
                initializers = j
            if text == "{":
                before = self.tokens[j - 1]
                if equals is not None or (initializers is not None and (before.kind == "word" or before.text == ">")):
                    j = self.closing(j) + 1
                    continue
                break
            if text == ";":
                break
            j += 1
        if j >= end:
            return None, end
        head_tokens = [t for t in self.tokens[head:j] if t.kind != "doc"]
        body = []
        behind = j + 1
        if self.tokens[j].text == "{":
            close = self.closing(j)
            body = [t for t in self.tokens[j + 1 : close]]
            behind = close + 1
        words = [t.text for t in head_tokens]
        if not words or words[0] in ("static_assert", "friend", "extern") or words == ["using", "namespace"]:
            return None, behind
        make = lambda kind, name, **more: Declaration(
            kind, name, scope, line, doc, template=template, tokens=head_tokens, body=body, **more
        )
        if words[0] == "using":
            if len(words) > 2 and "=" in words:
                return make("alias", words[1]), behind
            return None, behind
        if words[0] == "enum":
            name = next(w for w in words[1:] if w not in ("class", "struct"))
            values = [
                Declaration("member", t.text, scope + (name,), t.line, "")
                for k, t in enumerate(body)
                if t.kind == "word" and (k == 0 or body[k - 1].text == "," or body[k - 1].kind == "doc")
            ]
            return make("enum", name, members=values), behind
        if words[0] in ("class", "struct", "union"):
            if len(words) == 1:
                return None, behind  # without a name
            name = words[1]
            if "<" in words[: words.index(":") if ":" in words else None]:
                return None, behind  # a specialization
            if not body and self.tokens[j].text == ";":
                return None, behind  # told ahead
            inner = self.read(j + 1, behind - 1, scope + (name,), name)
            if words[0] == "class":  # private until it is said otherwise
                first = next((t.line for k, t in enumerate(body) if t.text == "public" and body[k + 1].text == ":"), None)
                inner = [d for d in inner if first is not None and d.line >= first]
            return make("type", name, members=inner), behind
        if parenthesis is not None:
            operator = self.is_operator(head, parenthesis)
            if operator:
                at = next(k for k in range(head, parenthesis) if self.tokens[k].text == "operator")
                name = "operator " + join(self.tokens[at + 1 : parenthesis]) if self.tokens[at + 1].kind == "word" else (
                    "operator" + join(self.tokens[at + 1 : parenthesis])
                )
                start = at
            else:
                name = self.tokens[parenthesis - 1].text
                start = parenthesis - 1
                if self.tokens[start - 1].text == "~":
                    return None, behind
            close = self.closing(parenthesis)
            parameters = self.parameters(parenthesis + 1, close)
            front = [t.text for t in self.tokens[head:start]]
            plain = [w for w in front if w not in ("explicit", "constexpr", "inline")]
            if any(t.text == "->" for t in self.tokens[close:j]) and not plain and not inside:
                return make("guide", name, parameters=parameters), behind
            if front and front[-1] == "::":
                return None, behind  # a member, defined outside of its class
            deleted = any(t.text == "delete" for t in self.tokens[close:j])
            kind = "function"
            return make(kind, name, parameters=parameters, static="static" in front, deleted=deleted), behind
        # A variable or a field; the name is in front of = or [ or {, or the last word.
        k = len(head_tokens)
        if "=" in words:
            k = words.index("=")
        names = [t.text for t in head_tokens[:k] if t.kind == "word"]
        return make("constant" if not inside else "field", names[-1] if names else ""), behind

    def is_operator(self, head, parenthesis):
        return any(t.text == "operator" for t in self.tokens[head:parenthesis])

    def parameters(self, begin, end):
        parts = []
        current = []
        i = begin
        while i < end:
            text = self.tokens[i].text
            if text in OPEN:
                close = self.closing(i)
                current += self.tokens[i : close + 1]
                i = close + 1
                continue
            if text == "<" and self.tokens[i - 1].kind == "word" and not any(t.text == "=" for t in current):
                close = self.closing_angle(i)
                current += self.tokens[i : close + 1]
                i = close + 1
                continue
            if text == ",":
                parts.append(current)
                current = []
            else:
                current.append(self.tokens[i])
            i += 1
        if current:
            parts.append(current)
        result = []
        for part in parts:
            part = [t for t in part if t.kind != "doc"]
            texts = [t.text for t in part]
            default = ""
            if "=" in texts:
                default = join(part[texts.index("=") + 1 :])
                part = part[: texts.index("=")]
            name = ""
            if len(part) > 1 and part[-1].kind == "word" and part[-2].text not in ("::", "const", "unsigned", "long", "typename", "class"):
                name = part[-1].text
            if name in ("int", "double", "float", "const", "long", "char", "bool"):
                name = ""
            # A pointer to a function or a reference to an array: (*name) or (&name).
            for k, t in enumerate(part):
                if t.text == "(" and k + 2 < len(part) and part[k + 1].text in "*&" and part[k + 2].kind == "word":
                    name = part[k + 2].text
            result.append(Parameter(join(part), name, default, "..." in [t.text for t in part]))
        return result


def read(text):
    tokens = tokens_of(text)
    reader = Reader(tokens)
    return reader.read(0, len(tokens), ())
