"""Every file says at its top what it is for, and every public declaration in a header has a `///`.

Public is what stands at namespace scope (types, functions, constants, aliases), and a public member
function that takes an argument. Not asked for: getters without argument, constructors, operators,
data members (the comment of their struct speaks for plain ones), a namespace called detail, and the
constants in a namespace that has a comment itself.
"""

import re

from guard import run

MAX_OPENING_LINES = 12

TOKEN = re.compile(
    r"""(?P<doc>///[^\n]*)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
      | (?P<text>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')
      | (?P<word>[A-Za-z_]\w*|[0-9](?:'?[0-9a-zA-Z_.])*)
      | (?P<blank>\n[ \t]*(?=\n))
      | (?P<mark2>\[\[|\]\]|::|[^\sA-Za-z0-9_])""",
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)


class Scope:
    def __init__(self, kind, asked, name=""):
        self.kind = kind  # namespace, type, other
        self.asked = asked  # do its declarations need a comment?
        self.name = name


def scope_of(words, outer, documented):
    """What a `{` after `words` opens."""
    if "namespace" in words:
        inner = [w for w in words if w not in ("namespace", "inline", "::")]
        hidden = not inner or "detail" in inner
        kind = "constants" if documented else "namespace"
        return Scope(kind, outer.asked and not hidden)
    if "enum" in words:
        return Scope("other", False)
    # The last one: those before it are template parameters.
    keywords = [at for at, word in enumerate(words) if word in ("class", "struct", "union")]
    if not keywords or "(" in words or "=" in words:
        return Scope("other", False)
    after = words[keywords[-1] + 1 :]
    if "]]" in after:
        after = after[after.index("]]") + 1 :]
    asked = outer.asked and words[keywords[-1]] != "class"
    return Scope("type", asked, after[0] if after else "")


def needs_comment(words, scope, defined):
    """Must the declaration of `words` have its own `///`? `defined`: a `{` follows."""
    if not scope.asked or not words:
        return False
    if words[0] in ("namespace", "static_assert", "using", "friend", "extern", "public", "private"):
        if words[0] != "using" or "namespace" in words or scope.kind == "type":
            return False
        return "=" in words
    if scope.kind == "namespace":
        return defined or words[0] not in ("class", "struct") or len(words) > 2
    if "(" not in words or "operator" in words:
        return False
    if scope.kind == "constants":
        return True
    at = words.index("(")
    name = words[at - 1] if at else ""
    if name == scope.name or words[at + 1] in (")", "*"):  # the star: a pointer to a function
        return False
    return "=" not in words[:at]


def undocumented(text):
    """(line, beginning) of each public declaration without a comment."""
    missing = []
    scopes = [Scope("namespace", True)]
    words, start, doc, depth = [], 0, False, 0
    skipping = None  # depth of scopes at which a body we do not look into ends

    def finish(defined=False):
        nonlocal words, doc
        if needs_comment(words, scopes[-1], defined) and not doc:
            missing.append((start, " ".join(words[:8])))
        words, doc = [], False

    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "doc":
            if token.startswith("///<"):
                continue
            if not words:
                doc = True
            continue
        if kind == "blank":
            if not words:
                doc = False
            continue
        if kind in ("comment", "directive"):
            continue
        if kind == "text":
            token = '""'
        if not words and token not in "{}":
            start = text.count("\n", 0, match.start()) + 1
        if token == "{" and depth == 0:
            if skipping is None:
                scope = scope_of(words, scopes[-1], doc)
                if scope.kind == "other":
                    skipping = len(scopes)
                else:
                    finish(defined=True)
            else:
                scope = Scope("other", False)
            scopes.append(scope)
        elif token == "}" and depth == 0:
            if len(scopes) > 1:
                closed = scopes.pop()
            if skipping == len(scopes):
                skipping = None
                # A function body ends the declaration; an initialiser goes on to its semicolon.
                if ")" in words and "=" not in words:
                    finish()
            elif skipping is None and closed.kind != "type":
                words, doc = [], False
        elif skipping is not None:
            continue
        elif token == ";" and depth == 0:
            finish()
        elif token == ":" and words in (["public"], ["private"], ["protected"]):
            scopes[-1].asked = words == ["public"] and all(s.asked or s.kind == "type" for s in scopes)
            words, doc = [], False
        else:
            depth += (token in "([") - (token in ")]")
            words.append(token)
    return missing


def check(tree):
    complaints = []
    for path, text in tree.items():
        if path.startswith("src/") and path.endswith(".h"):
            for line, beginning in undocumented(text):
                complaints.append(f"{path}:{line}: no /// before: {beginning}")
        if path.startswith(("src/", "tests/", "bench/", "fuzz/")) and path.endswith((".cpp", ".h")):
            opening = re.match(r"(?:// [^\n]*\n|//\n)*", text).group().count("\n")
            if not 1 <= opening <= MAX_OPENING_LINES:
                complaints.append(f"{path}: opens with {opening} comment lines")
    return complaints


def header(code):
    return {"src/core/x.h": "// What it is.\nnamespace scanlogd {\n" + code + "\n}\n"}


if __name__ == "__main__":
    run(
        check,
        bad=[
            ({"src/core/x.cpp": "int x;\n"}, "opens with 0"),
            ({"src/core/x.h": "// x\n" * 13}, "opens with 13"),
            (header("int size(int x);"), "int size"),
            (header("\nint size() {\n  return 3;\n}"), "int size"),
            (header("/// Lost.\n\nint size();"), "int size"),
            (header("// Not it.\nint size();"), "int size"),
            (header("struct S {\n};"), "struct S"),
            (header("enum class E : int { a, b };"), "enum class E"),
            (header("inline constexpr int kX = 3;"), "inline constexpr int kX"),
            (header("inline constexpr std::array kX = {1, 2};"), "inline constexpr"),
            (header("using Port = int;"), "using Port"),
            (header("template <class T>\nclass X : public Y<T, 3> {\n};"), "template < class"),
            (header("/// S.\nstruct S {\n  int size(int x) const;\n};"), "int size"),
            (header("/// S.\nclass S {\n public:\n  S(int);\n  int size(int x);\n};"), "int size"),
            (
                header("/// S.\nclass S {\n  int f(int);\n public:\n  int g() { return f(1); }\n"
                       "  virtual int size(int x) = 0;\n};"),
                "virtual int size",
            ),
            (header("/// A.\nint a();\nint b();"), "int b"),
            (header("/// A.\nstruct A {\n  int x{};\n};\nint b();"), "int b"),
            (header("/// A.\nint a() { if (x) { y(); } return 1; }\nint b();"), "int b"),
            (header("/// Bits.\nnamespace bits {\nint f(int);\n}"), "int f"),
            (header("namespace detail {\nint f(int);\n}\nint b();"), "int b"),
        ],
        good=[
            header(
                "/// Port.\nusing Port = int;\n\n/// E.\nenum class E : int { a, b };\n"
                "/// A.\ntemplate <class T>\nclass [[nodiscard]] A : public B<T> {\n public:\n"
                "  using B<T>::B;\n  explicit A(int);\n  ~A() { (void)f(3); }\n"
                "  A& operator=(A&&) noexcept;\n  A(const A&) = delete;\n"
                "  [[nodiscard]] int size() const { return 3; }\n"
                "  /// F.\n  int f(int x) noexcept {\n    for (;;) { g(x); }\n  }\n"
                "  static constexpr int kX = 3;\n  std::array<int, 3> x{f(3)};\n"
                " private:\n  int h(int);\n  struct Entry { int k(int); };\n};\n"
                "static_assert(sizeof(A) == 3);\n\n/// Bits.\nnamespace bits {\n"
                "inline constexpr int a = 1;\n\n/// F.\nint f(int);\n}\n"
                "namespace detail {\nint g(int);\n}\nstruct Later;\n"
                "/// I.\n[[nodiscard]] inline int i(int x = 3) {\n  return S{1, 2}.x;\n}\n"
                "/// P.\nstruct P {\n  int name;  ///< N.\n  int (*open)(const A& x);\n};\n"
                "/// C.\ntemplate <class T>\nstruct C {\n  explicit C(T&& x) noexcept;\n};\n"
                "/// T.\ninline constexpr std::array kT = {1, 2};\n"
            ),
            {"src/core/x.cpp": "// X.\nint f(int x) { return x; }\n"},
        ],
    )
