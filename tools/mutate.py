"""Small faults put into the sources one at a time, by a seed, to see whether the tests notice.

    python tools/mutate.py --language python --count 100 --seed 0 [--only held]
    python tools/mutate.py --language cpp --count 100 --seed 0

An operator, a comparison, a constant, an index or a condition is changed, the tests that run it are run against a copy
of the project, and changes that they do not notice are printed: a test is missing, or the change has no effect. Python
wants the built `_core` in `python/faceprint/`, and `.coverage`, which `coverage run -m pytest tests/python` writes, of
the same sources; C++ is built in the copy, which takes its first time. Its tests are those in C++, where they stay
green the Python tests that compare with `tests/reference`, and at last those in C++ under ASan and UBSan. What no
compiler takes is not counted, and another change takes its place.
"""

import argparse
import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = Path("python/faceprint")
SECONDS = 900  # after which a mutant counts as caught: it does not end; of one C++ test, a tenth of it
MEMORY = 8 << 30  # bytes that a mutant may ask for: some ask without end
EXAMPLES = "tests/python/test_docstrings.py::test_examples_of_module"
WANTS_SERVER = {"postgres"}  # modules whose examples test_postgres.py runs
DEFAULTS = "tests/python/test_defaults.py::test_defaults_are_those_that_were_promised"  # runs no line that has one
# Modules and folders whose tests look at pictures and texts, or want PyTorch, Ray or a card.
UNTESTED = {"__init__", "__main__", "_info", "cuda", "curves", "demo", "markup", "page", "plot", "ray", "sheets", "svg"}
UNTESTED |= {"torch"}
# So comments tell of constants that are no limits, and change no answer.
AT_A_TIME = re.compile(r"(?!MOST)[A-Z_]+ = .*  # (.* at a time|seconds between trials)\b")
ON_CARD = {"embed_on_card", "run_on_card", "_bind"}  # functions that run on cards alone
ELSEWHERE = {"neon"}  # in C++, what this machine cannot run; kernels for cards have tests/cuda/plant_faults.py

COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in"}
COMPARED |= {ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
COMPUTED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.BitAnd: "|"}
COMPUTED |= {ast.BitOr: "&", ast.Pow: "*"}

# In C++, what asks memory for what is needed soon, and changes no answer.
AHEAD = re.compile(r"^( *)void fetch\(.*?^\1}$|^[^\n]*__builtin_prefetch[^\n]*$", re.MULTILINE | re.DOTALL)
# Of the lines of code alone: what is looked for, and what takes its place.
RULES = [
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r"\b0\b(?![.x])", "1"),
    (r"\b1\b(?![.x])", "2"),
    (r"std::max\(", "std::min("),
    (r"std::min\(", "std::max("),
    (r"\+\+", "--"),
]


@dataclass(frozen=True)
class Mutant:
    """One change: in a file, relative to the project, `before` from `start` on becomes `after`."""

    file: Path
    start: int
    before: str
    after: str

    def line(self) -> int:
        """The number of the line that is changed."""
        return (ROOT / self.file).read_text("utf-8").count("\n", 0, self.start) + 1

    def told(self) -> str:
        """Where it is and what it does."""
        return f"{self.file}:{self.line()}: {self.before!r} -> {self.after!r}"

    def put_into(self, folder: Path) -> None:
        """Change the file of a copy of the project."""
        text = (ROOT / self.file).read_text("utf-8")
        (folder / self.file).write_text(
            text[: self.start] + self.after + text[self.start + len(self.before) :], "utf-8"
        )


def python_mutants(file: Path) -> Iterator[Mutant]:
    """Everything that can be changed in a module, but for docstrings, types and the texts of errors.

    Nor what changes no answer, as other tests say: how many threads work, and on how much at a time.
    """
    text = (ROOT / file).read_text("utf-8")
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))

    def place(line: int, column: int) -> int:
        start = lines[line - 1]
        return start + len(text[start : lines[line]].encode()[:column].decode())

    def between(left: ast.expr, right: ast.expr, after: str) -> Iterator[Mutant]:
        start, end = place(left.end_lineno or 0, left.end_col_offset or 0), place(right.lineno, right.col_offset)
        operator = text[start:end].strip(" ()\n")
        if operator and "#" not in operator:
            yield Mutant(file, text.index(operator, start), operator, after)

    for node in _code(ast.parse(text)):
        if AT_A_TIME.match(text, lines[getattr(node, "lineno", 1) - 1]):
            continue
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in COMPARED:
                yield from between(left, right, COMPARED[type(operator)])
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in COMPUTED:
                yield from between(left, right, COMPUTED[type(operator)])
            case ast.BoolOp(op=operator, values=[left, right]):
                yield from between(left, right, "or" if isinstance(operator, ast.And) else "and")
            case ast.Constant(value=bool() | int() | float() as value):
                start, end = place(node.lineno, node.col_offset), place(node.end_lineno or 0, node.end_col_offset or 0)
                yield Mutant(
                    file, start, text[start:end], repr(not value if value is True or value is False else value + 1)
                )


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one but annotations, decorators, what is raised or asserted, texts, and what wants a card."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr)):
                if getattr(node, "arg", None) in ("strict", "indent") or getattr(node, "name", None) in ON_CARD:
                    continue  # zip's strict asserts, and JSON reads the same
                if isinstance(node, ast.BoolOp) and ast.unparse(node) == "threads or 0":
                    continue
                if getattr(getattr(tree, "func", None), "attr", None) == "reshape" and ast.unparse(node) == "-1":
                    continue  # for which numpy takes any negative number
                yield node
                yield from _code(node)


def cpp_mutants(file: Path) -> Iterator[Mutant]:
    """Everything in code that a rule fits, but for includes, templates' brackets, comments and what fetches ahead."""
    start = 0
    text = AHEAD.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), (ROOT / file).read_text("utf-8"))
    for line in text.splitlines(keepends=True):
        code = line.partition("//")[0]
        if not re.match(r"\s*(#|template|using|throw)", code):
            for pattern, after in RULES:
                for found in re.finditer(pattern, code):
                    yield Mutant(file, start + found.start(), found[0], after)
        start += len(line)


def sources(language: str, only: str | None) -> list[Path]:
    """The files that are changed: those with `only` in their names, if that is given."""
    if language == "python":
        every = (ROOT / PACKAGE).rglob("*.py")
        found = [file for file in every if UNTESTED.isdisjoint(file.relative_to(ROOT).with_suffix("").parts)]
    else:
        every = (file for folder in ("", "cpu", "graph") for file in (ROOT / "cpp/src" / folder).glob("*.[ch]pp"))
        found = [file for file in every if file.stem not in ELSEWHERE]
    return sorted(file.relative_to(ROOT) for file in found if only is None or only in file.name)


class Runs:
    """Which tests run which line of Python, as coverage has seen."""

    def __init__(self, file: Path) -> None:
        from coverage import CoverageData

        self._data = CoverageData(str(file))
        self._data.read()
        self._files = {Path(name).as_posix().rpartition("/faceprint/")[2]: name for name in self._data.measured_files()}

    def of(self, mutant: Mutant) -> list[str]:
        """The examples of the changed module, and the tests that run the changed line; all of the module if none does.

        None runs what is run at import, by what tests share, or in another process.
        """
        module = mutant.file.relative_to(PACKAGE)
        lines = self._data.contexts_by_lineno(self._files[module.as_posix()])
        contexts = set(lines.get(mutant.line(), [])) - {""}
        tests = {named(context) for context in contexts or set().union(*lines.values()) if context.startswith("tests.")}
        tests = tests - {EXAMPLES} | (set() if contexts else {DEFAULTS})
        own = f"/test_{module.stem.lstrip('_')}"
        dotted = ".".join(module.with_suffix("").parts)
        examples = [] if dotted in WANTS_SERVER else [f"{EXAMPLES}[{dotted}]"]
        return [*examples, *sorted(tests, key=lambda test: (own not in test, test))]


def named(context: str) -> str:
    """A test as pytest calls it.

    >>> named("tests.python.test_x.test_y")
    'tests/python/test_x.py::test_y'
    """
    file, _, test = context.rpartition(".")
    return f"{file.replace('.', '/')}.py::{test}"


def tests_of_core() -> list[str]:
    """The Python tests that compare the core with `tests/reference`."""
    compared = re.compile(r"^(from|import) reference\b", re.MULTILINE)
    files = sorted((ROOT / "tests" / "python").glob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if compared.search(file.read_text("utf-8"))]


def fails(command: list[str], copy: Path, memory: int | str = MEMORY, seconds: int | None = SECONDS) -> bool:
    """Whether a command fails in a copy of the project, or does not end in time."""
    found = os.pathsep.join([str(copy / "python"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"}
    limited = ["prlimit", f"--as={memory}", *command]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen(limited, cwd=copy, env=environment, **silent) as process:
        try:
            return process.wait(seconds) != 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with what it has started
            return True


def pytest(tests: list[str]) -> list[str]:
    """The command that runs tests up to the first that fails."""
    return [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]


def builds(copy: Path, preset: str = "default", seconds: int | None = SECONDS) -> bool:
    """Whether C++ compiles, the module among it, which is put where Python finds it."""
    return not fails(["cmake", "--build", f"build/{preset}", "--parallel", "2"], copy, seconds=seconds)


def noticed(tests: list[str], language: str, copy: Path) -> bool:
    """Whether a test fails in a copy of the project: one of those in Python, or around them any in C++."""
    if language == "python":
        return fails(pytest(tests), copy)
    if fails(ctest("default"), copy) or fails(pytest(tests), copy):
        return True
    return builds(copy, "asan") and fails(ctest("asan"), copy, "unlimited")


def ctest(preset: str) -> list[str]:
    """The command that runs the C++ tests up to the first that fails."""
    return ["ctest", "--test-dir", f"build/{preset}", "--stop-on-failure", "--timeout", str(SECONDS // 10)]


def result(mutant: Mutant, tests: list[str], language: str, copy: Path) -> str:
    """What comes of a mutant: "caught", "SURVIVED" or "does not compile"."""
    mutant.put_into(copy)
    try:
        if language == "cpp" and not builds(copy):
            return "does not compile"
        return "caught" if noticed(tests, language, copy) else "SURVIVED"
    finally:
        (copy / mutant.file).write_bytes((ROOT / mutant.file).read_bytes())


def prepare(language: str, copy: Path) -> None:
    """Make the copy, and configure and build its C++. A warning is no error: no test noticed it."""
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", ".venv", "__pycache__"))
    if language == "cpp":
        for module in (copy / PACKAGE).glob("_core*.so"):
            module.unlink()
        bound = ["-DFACEPRINT_PYTHON=ON", f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={copy / PACKAGE}"]
        configure = ["cmake", "-DFACEPRINT_WERROR=OFF", "--preset"]
        configured = not fails([*configure, "default", *bound], copy) and not fails([*configure, "asan"], copy)
        if not (configured and builds(copy, seconds=None) and builds(copy, "asan", seconds=None)):
            raise SystemExit("the project does not build without any change")


def main() -> None:
    """Try so many mutants, and end with 1 where fewer than 95 % are caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=["python", "cpp"], required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="part of the names of files")
    arguments = parser.parse_args()
    mutants = python_mutants if arguments.language == "python" else cpp_mutants
    every = [mutant for file in sources(arguments.language, arguments.only) for mutant in mutants(file)]
    chosen = random.Random(arguments.seed).sample(every, min(2 * arguments.count, len(every)))
    survivors = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        prepare(arguments.language, copy)
        runs = Runs(ROOT / ".coverage") if arguments.language == "python" else None
        sound = set[str]()
        for mutant in chosen:
            if tried == arguments.count:
                break
            tests = runs.of(mutant) if runs else tests_of_core()
            unseen = [test for test in tests if test not in sound]
            if unseen and noticed(unseen, arguments.language, copy):
                raise SystemExit(f"tests of {mutant.file} fail without any change")
            sound.update(unseen)
            found = result(mutant, tests, arguments.language, copy)
            tried += found != "does not compile"
            survivors += found == "SURVIVED"
            print(f"{tried}/{arguments.count} {found} {mutant.told()}", flush=True)
    print(f"{tried - survivors} of {tried} caught, of {len(every):,} places")
    sys.exit(survivors > 0.05 * tried)


if __name__ == "__main__":
    main()
