"""What importing loads, and what works without ONNX Runtime or the command line's packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import faceprint as fp

BLOCK = "import sys; sys.modules.update(dict.fromkeys({names}));"


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_loads_nothing_heavy():
    code = "import sys, faceprint; print(sorted({'numpy', 'PIL', 'onnxruntime', 'click', 'tqdm'} & sys.modules.keys()))"
    assert python(code).stdout == "[]\n"


def test_embeddings_need_neither_runtime_nor_pillow():
    code = BLOCK.format(names=["onnxruntime", "PIL", "click", "tqdm"]) + (
        "import numpy, faceprint as fp; x = numpy.eye(4, dtype='f4'); g = fp.Gallery(); g.add(x); "
        "print(fp.distances(x, x)[0, 1], fp.nearest(x, g, 1)[1].ravel(), fp.neighbours(x, 2)[1].shape, "
        "len(fp.cluster(x, threshold=0)), g.search(x, 2).ids.shape, fp.info()['providers'])"
    )
    done = python(code)
    assert done.stdout == "2.0 [0 1 2 3] (4, 2) 4 (4, 2) []\n", done.stderr


def test_load_without_runtime_says_what_to_install():
    done = python(BLOCK.format(names=["onnxruntime"]) + "import faceprint; faceprint.load()")
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "faceprint.errors.DeviceError: networks need ONNX Runtime: pip install 'faceprint[cpu]', "
        "or 'faceprint[gpu]' for an NVIDIA card"
    )


def test_torch_module_says_what_it_lacks():
    done = python(BLOCK.format(names=["torch"]) + "import faceprint.torch")
    assert done.stderr.endswith("ImportError: faceprint.torch needs PyTorch: pip install 'faceprint[torch]'\n")


@pytest.mark.parametrize(("module", "package"), [("postgres", "psycopg"), ("qdrant", "qdrant-client")])
def test_modules_of_databases_say_what_they_lack(module, package):
    done = python(BLOCK.format(names=[package.replace("-", "_")]) + f"import faceprint.{module}")
    text = f"ImportError: faceprint.{module} needs {package}: pip install 'faceprint[{module}]'\n"
    assert done.stderr.endswith(text)


def test_training_needs_neither_torch_nor_runtime_nor_pillow():
    code = BLOCK.format(names=["torch", "onnxruntime", "PIL", "click", "tqdm"]) + (
        "import faceprint as fp; print(len(fp.PKSampler([1, 1, 2, 2], 2)), len(fp.CrossBatchMemory(2)), "
        "len(fp.equity_weights([1, 2])))"
    )
    done = python(code)
    assert done.stdout == "1 0 2\n", done.stderr


def test_cuda_is_never_replaced():
    done = python("import faceprint; faceprint.load(device='cuda')")
    assert "DeviceError: device 'cuda' cannot run here: " in done.stderr


@pytest.mark.parametrize("name", ["click", "tqdm"])
def test_command_line_says_what_it_lacks(name):
    done = python(BLOCK.format(names=[name]) + "from faceprint.__main__ import main; main()")
    assert done.returncode == 2
    assert done.stderr == f"the command line needs {name}: pip install 'faceprint[cpu]'\n"


def test_public_names():
    assert set(fp.__all__) <= set(dir(fp))
    for name in fp.__all__:
        assert getattr(fp, name) is getattr(fp, name)
    assert callable(fp.nearest)
    with pytest.raises(AttributeError, match="module 'faceprint' has no attribute 'nothing'"):
        fp.nothing  # noqa: B018


def test_type_checkers_see_every_name_and_no_other():
    seen = ast.parse(Path(fp.__file__).read_text("utf-8")).body
    assert not [node for node in seen if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]


def test_functions_stay_functions_whatever_is_imported():
    code = "import faceprint.gallery, faceprint.cli, faceprint as fp; print(callable(fp.nearest), callable(fp.info))"
    assert python(code).stdout == "True True\n"
