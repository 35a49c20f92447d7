"""Small faults put into the sources one at a time, by a seed, to see whether the tests notice.

    python tools/mutate.py --language python --count 100 --seed 0 [--only held]
    python tools/mutate.py --language cpp --count 100 --seed 0

An operator, a comparison, a constant, an index or a condition is changed, the tests that run it are run against a copy
of the project, and changes that they do not notice are printed: a test is missing, or the change has no effect. Python
wants the built `_core` in `python/faceprint/`, and `.coverage`, which `coverage run -m pytest tests/python` writes, of
the same sources. C++ is built in the copy, which takes its first time, and all its tests are run.
"""

import argparse
import ast
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = Path("python/faceprint")
SECONDS = 900  # after which a mutant counts as caught: it does not end
EXAMPLES = "tests/python/test_docstrings.py::test_examples_of_module"
DEFAULTS = "tests/python/test_defaults.py::test_defaults_are_those_that_were_promised"  # runs no line that has one
# Whose tests look at pictures and texts, or want PyTorch or a card.
UNTESTED = {"__init__", "__main__", "_info", "cuda", "demo", "markup", "page", "sheets", "svg", "torch"}
ELSEWHERE = {"neon"}  # in C++, what this machine cannot run; kernels for cards have tests/cuda/plant_faults.py

COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in"}
COMPARED |= {ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
COMPUTED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.BitAnd: "|"}
COMPUTED |= {ast.BitOr: "&", ast.Pow: "*"}

# In C++, lines without anything to change, and those that change no answer but only when it comes: what is fetched
# ahead, how far the work is, and how much of it there is, from which the number of threads follows.
LEFT_OUT = re.compile(
    r"\s*(#|template|using|throw|(if .*)?__builtin_prefetch|progress_?\.add|(const int )?threads = worthwhile_threads"
    r"|const double work =)"
)
# Of the others: what is looked for, and what takes its place.
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
    (r"(?<!-)\b1\b(?![.x])", "2"),
    (r"-1\b(?![.x])", "0"),  # which stands for nobody, where -2 would stand for the same
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
    """Everything that can be changed in a module, but for docstrings, types and the texts of errors."""
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
    """All nodes below one but annotations, decorators, what is raised, and formatted texts."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not isinstance(node, (ast.Raise, ast.JoinedStr)):
                yield node
                yield from _code(node)


def cpp_mutants(file: Path) -> Iterator[Mutant]:
    """Everything in code that a rule fits, but for comments and lines that are left out."""
    start = 0
    for line in (ROOT / file).read_text("utf-8").splitlines(keepends=True):
        code = line.partition("//")[0]
        if not LEFT_OUT.match(code):
            for pattern, after in RULES:
                for found in re.finditer(pattern, code):
                    yield Mutant(file, start + found.start(), found[0], after)
        start += len(line)


def sources(language: str, only: str | None) -> list[Path]:
    """The files that are changed: those with `only` in their names, if that is given."""
    if language == "python":
        found = [file for file in (ROOT / PACKAGE).rglob("*.py") if file.stem not in UNTESTED]
    else:
        every = (file for folder in ("", "cpu", "graph") for file in (ROOT / "cpp/src" / folder).glob("*.[ch]pp"))
        found = [file for file in every if file.stem not in ELSEWHERE]
    return sorted(file.relative_to(ROOT) for file in found if only is None or only in file.name)


class Runs:
    """Which tests run which line, as coverage has seen."""

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
        return [f"{EXAMPLES}[{dotted}]", *sorted(tests, key=lambda test: (own not in test, test))]


def named(context: str) -> str:
    """A test as pytest calls it.

    >>> named("tests.python.test_x.test_y")
    'tests/python/test_x.py::test_y'
    """
    file, _, test = context.rpartition(".")
    return f"{file.replace('.', '/')}.py::{test}"


def fails(tests: list[str], language: str, copy: Path) -> bool:
    """Whether one of the tests fails in a copy of the project, or its build, or they do not end; C++ runs them all."""
    environment = dict(os.environ)
    if language == "python":
        found = os.pathsep.join([str(copy / "python"), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment |= {"PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"}
        commands = [[sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]]
    else:
        commands = [
            ["cmake", "--build", "build/default", "--parallel", "2"],
            ["ctest", "--test-dir", "build/default", "--stop-on-failure"],
        ]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=SECONDS, preexec_fn=limit
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def caught(mutant: Mutant, tests: list[str], language: str, copy: Path, sound: set[str]) -> bool:
    """Whether the tests notice a mutant; they must be green without it, which is looked at once for each."""
    unseen = [test for test in tests if test not in sound]
    if unseen and fails(unseen, language, copy):
        raise SystemExit(f"tests of {mutant.file} fail without any change")
    sound.update(unseen)
    mutant.put_into(copy)
    try:
        return fails(tests, language, copy)
    finally:
        (copy / mutant.file).write_bytes((ROOT / mutant.file).read_bytes())


def prepare(language: str, copy: Path) -> None:
    """Make the copy, configure its C++, and build it with the module where Python looks for it."""
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", ".venv", "__pycache__"))
    if language == "python":
        return
    for module in (copy / PACKAGE).glob("_core*.so"):
        module.unlink()
    # No test notices a warning. Links of the module are the slowest with optimisation, and are made for each mutant.
    options = ["-DFACEPRINT_WERROR=OFF", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF"]
    if shutil.which("ccache"):  # else a changed header is compiled again when it is put back
        options.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    python = ["-DFACEPRINT_PYTHON=ON", f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={copy / PACKAGE}"]
    for preset, more in (("default", python), ("asan", [])):
        if fails(["cmake", "--preset", preset, *options, *more], copy):
            raise SystemExit("the project cannot be configured")
    if not builds("default", copy):
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
    chosen = random.Random(arguments.seed).sample(every, min(arguments.count, len(every)))
    runs = Runs(ROOT / ".coverage") if arguments.language == "python" else None
    survivors, sound = 0, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", ".venv", "__pycache__"))
        if arguments.language == "cpp":
            subprocess.run(["cmake", "--preset", "default"], cwd=copy, check=True, capture_output=True)
        for number, mutant in enumerate(chosen, 1):
            tests = runs.of(mutant) if runs else ["all"]
            found = caught(mutant, tests, arguments.language, copy, sound)
            survivors += not found
            print(f"{number}/{len(chosen)} {'caught' if found else 'SURVIVED'} {mutant.told()}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} caught, of {len(every):,} places")
    sys.exit(survivors > 0.05 * len(chosen))


if __name__ == "__main__":
    main()
