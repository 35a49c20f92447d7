"""What is installed, and what would run where."""

import platform
from importlib import metadata
from typing import Any

from . import _core
from .model import BUNDLED
from .recipe import read_recipe

PACKAGES = ("faceprint", "numpy", "pillow", "onnxruntime", "onnxruntime-gpu")


def info() -> dict[str, Any]:
    """Describe this installation: versions, backends, providers of ONNX Runtime, the bundled network.

    Packages that are not installed have version None; a backend that cannot run here has its reason.

    >>> sorted(info())
    ['backend', 'backends', 'machine', 'network', 'providers', 'python', 'threads', 'versions']
    """
    recipe = read_recipe(BUNDLED)
    return {
        "versions": {package: _version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "backends": {name: reason or "runs here" for name, reason in _core.backends()},
        "backend": _core.active_backend(),
        "threads": _core.default_threads(),
        "providers": _providers(),
        "network": {
            "name": recipe.name,
            "dimension": recipe.dimension,
            "licence": recipe.licence,
            "fingerprint": recipe.fingerprint,
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _providers() -> list[str]:
    try:
        import onnxruntime
    except ImportError:
        return []
    return list(onnxruntime.get_available_providers())
