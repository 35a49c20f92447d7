"""What is installed, and what would run where."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import DeviceError
from .known import BUNDLED, Asked, shipped
from .network import open_network
from .recipe import Recipe, read_recipe
from .runtime import Shape, import_runtime

if TYPE_CHECKING:
    from .isolated import NetworkLimits

PACKAGES = ("faceprint", "numpy", "pillow", "onnxruntime", "onnxruntime-gpu")


def info(
    network: "str | os.PathLike[str] | None" = None,
    *,
    recipe: Asked = None,
    untrusted: "bool | NetworkLimits" = False,
) -> dict[str, Any]:
    """Describe this installation: versions, backends, providers of ONNX Runtime, the bundled network or one of yours.

    Packages that are not installed have version None; a backend that cannot run here has its reason. `recipes` are
    those known by name, with their licences. `network`, `recipe` and `untrusted` are those of `load`, with its errors
    and warnings: of a network of yours also the graph is told, where its recipe comes from, and how many faces go in at
    once.

    >>> sorted(info())
    ['backend', 'backends', 'machine', 'network', 'providers', 'python', 'recipes', 'threads', 'versions']
    >>> info()["recipes"]["sface"]
    'Apache-2.0'
    """
    return {
        "versions": {package: _version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "backends": {name: reason or "runs here" for name, reason in _core.backends()},
        "backend": _core.active_backend(),
        "threads": _core.default_threads(),
        "providers": _providers(),
        "network": _describe(read_recipe(BUNDLED))
        if network is None
        else _describe_graph(Path(network), recipe, untrusted),
        "recipes": {name: content["licence"] for name, content in shipped().items()},
    }


def _describe(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "dimension": recipe.dimension,
        "licence": recipe.licence,
        "restriction": recipe.restriction or "none known",
        "fingerprint": recipe.fingerprint,
    }


def _describe_graph(path: Path, asked: Asked, untrusted: "bool | NetworkLimits") -> dict[str, Any]:
    network = open_network(path, asked, untrusted=untrusted)
    session = network.session
    return {
        **_describe(network.recipe),
        "recipe": network.origin,
        "source": network.recipe.source,
        "measured": network.recipe.measured,
        "sha256": session.sha256,
        "inputs": _ports(session.inputs, session.types),
        "outputs": _ports(session.outputs, session.types),
        "batch": network.batch or "any number of faces",
    }


def _ports(shapes: dict[str, Shape], types: dict[str, str]) -> str:
    return ", ".join(f"{name} {types[name]} {shape}" for name, shape in shapes.items())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _providers() -> list[str]:
    try:
        return list(import_runtime().get_available_providers())
    except DeviceError:
        return []
