"""The book: its Python examples are run, its reference has every public name, its figures are those of results."""

import doctest
import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import psycopg
import pytest
from PIL import Image

import faceprint as fp

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS.parent / "bench" / "results"
ELSEWHERE = {"ray.md", "training.md"}  # test_ray.py, test_torch.py and test_docstrings.py
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MODULES = tuple(f"faceprint{name}" for name in ("", ".blocks", ".evaluate", ".graph", ".plan", ".ray", ".synthetic"))
STRANGERS = {"faiss", "pymilvus"}  # of which the page on galleries tells; run where installed
PAGES = sorted(page.name for page in DOCS.glob("*.md") if page.name not in ELSEWHERE)


def blocks(page, language):
    """The fenced blocks of a page in a language, each with the number of its first line."""
    text = (DOCS / page).read_text("utf-8")
    return [(text.count("\n", 0, found.start(2)), found[2]) for found in BLOCK.finditer(text) if found[1] == language]


def run(page, line, source, names):
    """Run a block: as doctest does where it has prompts, or else as a program."""
    if not source.startswith(">>>"):
        exec(compile("\n" * line + source, str(DOCS / page), "exec"), names)
        return
    example = doctest.DocTestParser().get_doctest(source, names, page, str(DOCS / page), line)
    runner = doctest.DocTestRunner(verbose=False)
    said = []
    runner.run(example, out=said.append, clear_globs=False)
    names.update(example.globs)
    assert not runner.failures, "".join(said)


def imported(source):
    """The packages that a block imports."""
    return {found[1] for found in re.finditer(r"^(?:>>> )?(?:from|import) (\w+)", source, re.MULTILINE)}


def prepare_galleries(photos, fingerprint):
    """What the pages on galleries take for the reader's own: two photographs, and a gallery with people in it."""
    shutil.copy(photos / "obama.jpg", "ann.jpg")
    shutil.copy(photos / "obama2.jpg", "somebody.jpg")
    crowd = fp.synthetic.people(3_000, 600, label_noise=0, seed=7)
    with fp.Gallery("people.faceprint") as gallery:
        names = [f"person {person}" if person >= 0 else None for person in crowd.people]
        gallery.add(fp.Embedded(crowd.embeddings, fingerprint), names, quality=crowd.quality)


@pytest.fixture
def own_schema(postgres, monkeypatch):
    """What psycopg connects to by itself: a schema of the test's own, of which nothing stays."""
    with psycopg.connect(**postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA page")
        for variable, value in zip(("PGHOST", "PGUSER", "PGDATABASE"), postgres.values(), strict=True):
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("PGOPTIONS", "-c search_path=page,public")
        yield
        connection.execute("DROP SCHEMA page CASCADE")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_of_page_runs(page, tmp_path, monkeypatch, photos, model, request):
    monkeypatch.chdir(tmp_path)
    if page in ("galleries.md", "served.md"):
        prepare_galleries(photos, model.recipe.fingerprint)
    if page == "served.md":
        request.getfixturevalue("own_schema")
    names = {"__name__": "__main__"}
    for line, source in blocks(page, "python"):
        if not any(importlib.util.find_spec(name) is None for name in STRANGERS & imported(source)):
            run(page, line, source, names)


def test_examples_are_found_and_can_fail():
    found = {page: len(blocks(page, "python")) for page in PAGES}
    assert {page for page, count in found.items() if not count} <= {
        *(
            "index.md",
            "app.md",
            "cli.md",
            "cpp.md",
            "cuda.md",
            "error-rates.md",
            "limits.md",
            "responsible-use.md",
            "threat-model.md",
        )
    }
    assert found["concepts.md"] >= 6
    with pytest.raises(AssertionError, match="Expected:"):
        run("concepts.md", 0, ">>> 1 + 1\n3\n", {})
    with pytest.raises(ZeroDivisionError):
        run("concepts.md", 0, "1 / 0\n", {})


@pytest.fixture
def declarations(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("declarations")


def test_every_header_is_in_the_reference(declarations):
    page = (DOCS / "reference" / "cpp.rst").read_text("utf-8")
    headers = {path.name for path in (DOCS.parent / "cpp" / "include" / "faceprint").iterdir()}
    assert {*re.findall(r"^\.\. header:: (\S+)$", page, re.MULTILINE)} == headers - {"export.h"}
    for name in headers - {"export.h"}:
        text = (DOCS.parent / "cpp" / "include" / "faceprint" / name).read_text("utf-8")
        found = list(declarations.parts(text))
        assert all(any(comment) for comment, code in found if "(" in code.split("{")[0]), f"{name}: a bare function"
        shown = " ".join(code for _, code in found)
        public = re.sub("//.*", "", re.sub(r"(?s)\n private:\n.*?(?=\n};)", "", text))
        assert {*re.findall(r"\w+(?=\()", public)} <= {*re.findall(r"\w+(?=\()", shown)}, (
            f"{name}: a function is missing"
        )


def test_declarations_have_their_comments(declarations):
    text = """#pragma once
// About the file.

#include <span>

namespace FACEPRINT_API faceprint {

// What it is.
//
//   rows  of something
class Thing {
 public:
  int size() const;  // of it

  void grow();

 private:
  int size_;
};

int bare();

}  // namespace faceprint
"""
    assert list(declarations.parts(text)) == [
        (["About the file."], ""),
        (
            ["What it is.", "", "  rows  of something"],
            "class Thing {\n public:\n  int size() const;  // of it\n\n  void grow();\n};",
        ),
        ([], "int bare();"),
    ]


def referred():
    """The full names of everything that a directive of the reference documents."""
    names = set()
    for page in (DOCS / "reference").glob("*.rst"):
        module = ""
        for line in page.read_text("utf-8").splitlines():
            if found := re.match(r"\.\. (?:currentmodule|automodule):: (\S+)", line):
                module = found[1]
            if found := re.match(r"\.\. auto(?:function|class):: (\S+)", line):
                names.add(f"{module}.{found[1]}")
            if found := re.match(r"   :members:$", line):
                names.add(f"{module}.*")
    return names


def public():
    """The full names of everything public: what `__all__` lists, or what a module without one defines itself."""
    for name in MODULES:
        module = importlib.import_module(name)
        own = [
            key for key, value in vars(module).items() if getattr(value, "__module__", None) == name and key[0] != "_"
        ]
        yield from (f"{name}.{key}" for key in getattr(module, "__all__", own))
    for module in ("postgres", "qdrant", "torch"):
        source = (Path(fp.__file__).parent / f"{module}.py").read_text("utf-8")
        listed = re.search(r"__all__ = (\[.*?\])", source, re.DOTALL)
        yield from (f"faceprint.{module}.{name}" for name in json.loads(listed[1]))


def test_every_public_name_is_in_the_reference():
    modules = {"faceprint.evaluate", "faceprint.graph", "faceprint.synthetic"}  # have pages of their own
    errors = {f"faceprint.{name}" for name in fp.__all__ if name.endswith(("Error", "Warning"))}  # listed as a whole
    assert "faceprint.errors.*" in referred()
    assert errors <= {f"faceprint.{name}" for name in vars(importlib.import_module("faceprint.errors"))}
    assert set(public()) - modules - errors - referred() == set()


@pytest.fixture
def performance(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("performance")


def test_the_contact_sheet_has_a_row_for_each_person(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(DOCS))
    pictures = importlib.import_module("pictures")
    pictures.draw_people(tmp_path)
    step, sheet = pictures.SIDE + pictures.GAP, np.asarray(Image.open(tmp_path / "people.png"))
    assert sheet.shape == (pictures.GAP + 3 * step, pictures.GAP + 3 * step, 3)
    rows = np.split(sheet[: -pictures.GAP], 3)
    shown = [[bool((cell != 255).any()) for cell in np.split(row[:, : -pictures.GAP], 3, axis=1)] for row in rows]
    assert shown == [[True, False, False], [True, False, False], [True, True, True]]


def test_the_performance_page_tells_the_results(performance, tmp_path):
    performance.write(RESULTS, tmp_path)
    page = (tmp_path / "performance.md").read_text("utf-8")
    one = json.loads((RESULTS / "search-128-2-threads.json").read_text())["workloads"]["one"]["contestants"]
    for told in one:
        assert f"{told['name']} " in page
        if told["name"] == "faiss Flat":
            assert f"faiss Flat {told['seconds'] * 1e3:.1f}" in page
    folds = json.loads((RESULTS / "lfw-dev.json").read_text())
    assert f"| faceprint | {100 * folds['faceprint']['accuracy']:.2f} % | {folds['faceprint']['wrong']} | 0 |" in page
    workers = json.loads((RESULTS / "workers.json").read_text())
    assert f"faceprint.ray {workers['seconds']['ray']:.0f}" in page
    assert "each of 1,000,000 rows" in page
    pictures = set(re.findall(r"\]\((\S+\.svg)\)", page))
    assert pictures == {picture.name for picture in tmp_path.glob("*.svg")}
    assert len(pictures) == 11


def test_the_performance_page_follows_the_results(performance, tmp_path):
    changed, before, after = (tmp_path / name for name in ("results", "before", "after"))
    shutil.copytree(RESULTS, changed)
    performance.write(changed, before)
    results = json.loads((changed / "search-128-2-threads.json").read_text())
    results["workloads"]["one"]["contestants"][0]["seconds"] *= 1000
    (changed / "search-128-2-threads.json").write_text(json.dumps(results))
    performance.write(changed, after)
    assert (before / "search-one.svg").read_text() != (after / "search-one.svg").read_text()
    assert (before / "search-few.svg").read_text() == (after / "search-few.svg").read_text()
    assert (before / "performance.md").read_text() != (after / "performance.md").read_text()


def test_the_migration_page_tells_the_results():
    page = " ".join((DOCS / "migration.md").read_text("utf-8").split())
    found = json.loads((RESULTS / "encodings.json").read_text())
    mixed, theirs, ours = (f"{100 * found[name]['val']:.1f} %" for name in ("mixed", "face_recognition", "faceprint"))
    assert f"on {found['photos']} photographs of {found['people']} people" in page
    assert f"{mixed} of mixed pairs" in page
    assert f"reach {theirs} and embeddings made here {ours}." in page
    assert f"the mix accepts {1e3 * found['mixed_at_the_recipe']['far']:.1f} in a thousand" in page
    rule = found["face_recognition_at_its_tolerance"]
    assert f"{100 * rule['val']:.1f} % of the pairs of the same person there, and {100 * rule['far']:.2f} %" in page
    assert f"length about {found['lengths'][1]:.1f}" in page


def test_bars_are_as_long_as_their_values_and_names_are_escaped(performance):
    picture = sys.modules["charts"].bars("a & b", {"faceprint": 1.0, "<other>": 4.0})
    wide = [float(width) for width in re.findall(r'<rect x="340" y="\d+" width="([\d.]+)"', picture)]
    assert wide[1] == pytest.approx(4 * wide[0], abs=0.2)
    assert "a &amp; b" in picture
    assert "&lt;other&gt;" in picture


def test_the_roc_has_a_point_for_each_rate(performance):
    charts = sys.modules["charts"]
    points = [charts.Point(1e-3, 0.9, 0.88, 0.92), charts.Point(1e-1, 1.0, 0.99, 1.0)]
    picture = charts.roc("rates", {"faceprint": points})
    x, y = zip(*re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', picture), strict=True)
    assert (float(x[0]), float(x[1])) == (charts.LEFT, charts.WIDTH - 20)
    assert float(y[1]) == charts.TOP < float(y[0])
    assert ">1e-2<" in picture
    assert "FAR 0.001: 90.0% [88.0%, 92.0%]" in picture
