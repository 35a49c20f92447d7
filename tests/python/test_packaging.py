"""What the packaging files say of one another: versions, requirements, and what goes into which."""

import io
import re
import tomllib
import zipfile
from pathlib import Path

import faceprint as fp

ROOT = Path(__file__).parents[2]
MAIN = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CUDA = tomllib.loads((ROOT / "packaging" / "cuda" / "pyproject.toml").read_text("utf-8"))
VERSION = MAIN["project"]["version"]


def test_one_version_everywhere():
    cmake = (ROOT / "CMakeLists.txt").read_text("utf-8")
    assert re.findall(r"^project\(faceprint VERSION (\S+)", cmake, re.MULTILINE) == [VERSION]
    assert fp.__version__ == VERSION
    assert re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE) == [VERSION]
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert CUDA["project"]["version"] == VERSION


def test_the_extra_gpu_and_the_cuda_backend_ask_for_each_other():
    assert f"faceprint-cuda=={VERSION}" in MAIN["project"]["optional-dependencies"]["gpu"]
    assert CUDA["project"]["dependencies"] == [f"faceprint=={VERSION}"]
    assert {*MAIN["build-system"]["requires"]} < {*CUDA["build-system"]["requires"]}
    assert CUDA["project"]["requires-python"] == MAIN["project"]["requires-python"]
    assert CUDA["tool"]["cibuildwheel"]["build"] == MAIN["tool"]["cibuildwheel"]["build"]


def test_each_part_of_the_build_is_in_one_distribution():
    rules = [ROOT / "cpp" / "install.cmake", ROOT / "python" / "bindings" / "CMakeLists.txt"]
    text = "".join(path.read_text("utf-8") for path in rules)
    components = [re.findall(r"COMPONENT (\w+)", rule) for rule in re.findall(r"(?ms)^ *install\((.*?)\)$", text)]
    assert len(components) == 6
    assert {name for names in components for name in names or ["none"]} == {"core", "cuda", "library"}
    assert MAIN["tool"]["scikit-build"]["install"]["components"] == ["core"]
    assert CUDA["tool"]["scikit-build"]["install"]["components"] == ["cuda"]


def test_wheels_are_built_for_every_python_that_is_promised():
    promised = re.findall(r":: (3\.\d+)$", "\n".join(MAIN["project"]["classifiers"]), re.MULTILINE)
    built = MAIN["tool"]["cibuildwheel"]["build"].split()
    assert [f"cp{version.replace('.', '')}-*" for version in promised] == [name for name in built if "t-" not in name]
    assert MAIN["project"]["requires-python"] == f">={promised[0]}"


def test_a_wheel_is_small():
    package, sizes = Path(fp.__file__).parent, {"models": 0, "all else": 0}
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for file in package.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(package)
                archive.write(file, name)
                sizes["models" if name.parts[0] == "models" else "all else"] += archive.getinfo(str(name)).compress_size
    assert 1_000_000 < sizes["all else"] <= 5_000_000
    assert 5_000_000 < sum(sizes.values()) <= 20_000_000
