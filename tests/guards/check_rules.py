"""What the product's code may not do: print or exit outside main and the control tool, ask the
preprocessor what was found, throw, define macros, own memory by hand.
"""

import re

from guard import code_only, numbered_lines, run

# The only places that talk to a person and end the process.
MAY_PRINT = ("src/daemon/main.cpp", "src/exporter/main.cpp", "src/ctl/")

PRINTS = re.compile(
    r"(?<![\w.>])(?:(?:::|std::|fmt::)\s*)?"
    r"(?:v?[fd]?printf|print|println|puts|fputs|putchar|putc|fputc|fwrite|perror|psignal|syslog|vsyslog"
    r"|v?errx?|v?warnx?)\s*\("
    r"|\bstd\s*::\s*(?:cout|cerr|clog|wcout|wcerr)\b"
)
ENDS = re.compile(
    r"(?<![\w.>])(?:(?:::|std::)\s*)?(?:exit|_exit|_Exit|quick_exit|abort|terminate)\s*\("
)
# A write to the terminal is the work of the sink of that name.
TERMINAL = re.compile(r"\bwrite\s*\(\s*(?:1|2|STDOUT_FILENO|STDERR_FILENO)\s*,")
RULES = [
    (re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\bHAVE_"), "absence of a library is CMake's business: no HAVE_"),
    (re.compile(r"^\s*#\s*define\b"), "no macros"),
    (re.compile(r"\bthrow\b(?!\s*\(\s*\))"), "no exceptions of our own: return a Result"),
    (re.compile(r"(?<!operator )\bnew\b"), "no new: a factory returns a value or a unique_ptr"),
    (re.compile(r"\b(?:malloc|calloc|realloc|free)\s*\("), "no malloc"),
    (re.compile(r"\bdelete\b(?!\s*[;,])"), "no delete"),
    (re.compile(r"\busing\s+namespace\s+(?!std::(?:chrono_)?literals)"), "no using namespace"),
]

# path -> (pattern of what is let through, why)
EXCEPTIONS = {}


def check(tree):
    complaints = []
    for path, text in tree.items():
        if not path.startswith("src/") or not path.endswith((".cpp", ".h")):
            continue
        rules = list(RULES)
        if not path.startswith(MAY_PRINT):
            rules.append((PRINTS, "only main and the control tool print"))
            rules.append((ENDS, "only main ends the process"))
            if path != "src/sink/stdout.cpp":
                rules.append((TERMINAL, "only the stdout sink writes to the terminal"))
        allowed, _ = EXCEPTIONS.get(path, (None, None))
        for number, line in numbered_lines(code_only(text)):
            for pattern, complaint in rules:
                match = pattern.search(line)
                if match and not (allowed and re.search(allowed, line)):
                    complaints.append(f"{path}:{number}: {complaint}: {line.strip()}")
    return complaints


def line_of(code, path="src/core/x.cpp"):
    return {path: code + "\n"}


if __name__ == "__main__":
    run(
        check,
        bad=[
            (line_of('  printf("%d", x);'), "print"),
            (line_of('  std::fprintf(stderr, "x");'), "print"),
            (line_of('  fmt::print("x");'), "print"),
            (line_of('  std::cerr << "x";'), "print"),
            (line_of('  ::syslog(LOG_ALERT, "x");'), "print"),
            (line_of("  if (bad) exit(1);"), "ends"),
            (line_of("  ::_exit(0);"), "ends"),
            (line_of("  std::abort();"), "ends"),
            (line_of("  (void)::write(STDERR_FILENO, text, size);"), "terminal"),
            (line_of("#ifdef HAVE_PCAP"), "HAVE_"),
            (line_of("#if defined(HAVE_PCAP)"), "HAVE_"),
            (line_of("#define LIMIT 3"), "macros"),
            (line_of("  throw 1;"), "exceptions"),
            (line_of("  auto* x = new int[3];"), "no new"),
            (line_of("  delete x;"), "no delete"),
            (line_of("  int* x = (int*)malloc(3);"), "malloc"),
            (line_of("using namespace std;"), "using namespace"),
            (line_of("  throw 1;", "src/daemon/main.cpp"), "exceptions"),
        ],
        good=[
            line_of('  std::snprintf(buffer, 3, "printf(x) and exit(1)");  // abort() is not called'),
            line_of("  limiter.abort(); sink->print(x); reprint(x); formatter.exit(3);"),
            line_of("  Key(const Key&) = delete;  /* new\n throw */ int renewed = 1'000;"),
            line_of("  ::write(fd, text, size); ::write(log_.get(), text, size);"),
            line_of('  const auto text = R"(throw new "x")";'),
            line_of('  fmt::print("x"); std::exit(1);', "src/daemon/main.cpp"),
            line_of('  fmt::print("x"); exit(1);', "src/ctl/top.cpp"),
            line_of("  ::write(STDOUT_FILENO, text, size);", "src/sink/stdout.cpp"),
            line_of('  printf("a test may");', "tests/unit/core/x_test.cpp"),
        ],
    )
