"""The library as `cmake --install` leaves it: a program of docs/examples and one in C, built against it and run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "cpp"
BESIDE = str(Path(sys.executable).parent)  # cmake, ninja and pkgconf as pip installed them
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join([BESIDE, os.environ["PATH"]])}
OPTIONS = {
    "default": ["-DFACEPRINT_PYTHON=OFF", "-DFACEPRINT_CUDA=OFF"],  # as other builds of the preset may have left it
    "shared": ["-DCMAKE_BUILD_TYPE=Debug"],  # in half the time, and what it exports and needs is the same
}
SAID = "person 2 at 0.08\nperson 1 at 0.40\n"


def run(*command, **settings):
    done = subprocess.run(
        [str(part) for part in command],
        env={**ENVIRONMENT, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-10_000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def install(tmp_path_factory):
    """Installs the library of a preset, and moves it: nothing in it may tell where it was."""
    prefixes = {}

    def where(preset):
        if preset not in prefixes:
            folder = tmp_path_factory.mktemp(preset)
            run("cmake", "--preset", preset, *OPTIONS[preset])
            run("cmake", "--build", "--preset", preset, "--target", "faceprint")
            run("cmake", "--install", ROOT / "build" / preset, "--prefix", folder / "first")
            prefixes[preset] = (folder / "first").rename(folder / "moved")
        return prefixes[preset]

    return where


@pytest.fixture(params=OPTIONS)
def installed(request, install):
    return install(request.param)


@pytest.fixture
def shared(install):
    return install("shared")


def libraries(prefix):
    return sorted(prefix.glob("lib*/**/libfaceprint*"))


def test_installs_headers_and_library_alone(installed):
    headers = {path.name for path in (ROOT / "cpp" / "include" / "faceprint").iterdir()}
    assert {path.name for path in (installed / "include" / "faceprint").iterdir()} == headers
    names = [path.name for path in libraries(installed)]
    assert names in (
        ["libfaceprint.a"],
        ["libfaceprint.so", "libfaceprint.so.0.1", "libfaceprint.so.0.1.0"],
    )
    others = {path.name for path in installed.rglob("*") if path.is_file()} - headers - set(names)
    assert {re.sub("-(release|debug)", "", name) for name in others} == {
        *("faceprint-config.cmake", "faceprint-config-version.cmake", "faceprint.cmake", "faceprint.pc")
    }


def test_a_program_finds_it_by_cmake(installed, tmp_path):
    run("cmake", "-G", "Ninja", "-S", EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path)
    assert run(tmp_path / "who") == SAID


@pytest.mark.parametrize("version", ["0.0", "0.2"])
def test_another_version_is_not_found(installed, tmp_path, version):
    asked = (EXAMPLE / "CMakeLists.txt").read_text().replace("faceprint 0.1", f"faceprint {version}")
    (tmp_path / "CMakeLists.txt").write_text(asked)
    with pytest.raises(AssertionError, match=rf'compatible\s+with requested version "{version}"'):
        run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}")


def test_a_program_in_c_finds_it_by_pkg_config(installed, tmp_path):
    library = libraries(installed)[0]
    kind = ["--static"] if library.suffix == ".a" else []
    path = library.parent / "pkgconfig"
    flags = run("pkgconf", *kind, "--cflags", "--libs", "faceprint", PKG_CONFIG_PATH=path).split()
    assert ("-DFACEPRINT_STATIC" in flags) == bool(kind)
    source = ROOT / "tests" / "cpp" / "test_faceprint.c"
    run("cc", "-Wall", "-Wextra", "-Werror", source, "-o", tmp_path / "program", *flags)
    run(tmp_path / "program", LD_LIBRARY_PATH=library.parent)


def test_what_holds_the_static_library_exports_nothing_of_it(install):
    told = run("readelf", "-sW", *libraries(install("default")))
    found = re.findall(
        r" (?:GLOBAL|WEAK) +(DEFAULT|HIDDEN) +\d+ (_ZNK?9faceprint\S+|faceprint_\w+)$", told, re.MULTILINE
    )
    assert len(found) > 100
    assert {visibility for visibility, _ in found} == {"HIDDEN"}


def declared(headers):
    """The names of functions and classes in the public headers."""
    text = re.sub("//.*", "", "".join(path.read_text() for path in headers.iterdir()))
    return {*re.findall(r"(\w+)\(", text), *re.findall(r"(?:class|struct) (\w+)", text)}


def test_the_shared_library_exports_what_the_headers_declare(shared):
    listed = run("nm", "-D", "--defined-only", "-C", libraries(shared)[-1])
    names = {re.split(" [TWV] ", line, maxsplit=1)[1].split("(")[0] for line in listed.splitlines()}
    assert {"faceprint::nearest", "faceprint::Gallery::append", "typeinfo for faceprint::DeviceError"} <= names
    functions_of_c = {name for name in declared(shared / "include" / "faceprint") if name.startswith("faceprint_")}
    assert {name for name in names if name.startswith("faceprint_")} == functions_of_c - {"faceprint_gallery"}
    for name in names - functions_of_c:
        found = re.fullmatch(r"(?:(?:vtable|typeinfo|typeinfo name) for )?faceprint::(.*)", name)
        assert found, name
        assert {*found[1].split("::")} <= declared(shared / "include" / "faceprint"), name


def test_the_shared_library_needs_the_standard_library_alone(shared):
    told = run("readelf", "-d", libraries(shared)[-1])
    assert re.findall(r"soname: \[(.*)\]", told) == ["libfaceprint.so.0.1"]
    needed = {re.sub(r"\.so.*", "", name) for name in re.findall(r"NEEDED.*\[(.*)\]", told)}
    assert needed <= {"libstdc++", "libgcc_s", "libm", "libc", "ld-linux-x86-64", "ld-linux-aarch64"}
