"""The compiled kernels: which there are, which run here, which is in use."""

from . import _core


def backends() -> dict[str, str]:
    """Map each backend's name to the reason it cannot run here, or to "" where it can.

    >>> backends()["portable"]
    ''
    """
    return dict(_core.backends())


def use_backend(name: str) -> None:
    """Answer all further calls of this process with one backend; `FACEPRINT_BACKEND=name` does the same from outside.

    ValueError for an unknown name, DeviceError for one that cannot run here; the one in use stays then.

    >>> use_backend("sse9")
    Traceback (most recent call last):
    ValueError: unknown backend 'sse9'; known: portable, avx2, avx512, avx512vnni, neon, cuda
    """
    _core.use_backend(name)
