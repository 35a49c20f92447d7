"""The backends to prove: all that run on this machine."""

from contextlib import contextmanager

import pytest

from faceprint import _core

RUNNABLE = [name for name, reason in _core.backends() if not reason]
each_backend = pytest.mark.parametrize("backend", RUNNABLE)


@contextmanager
def using(name):
    before = _core.active_backend()
    _core.use_backend(name)
    try:
        yield
    finally:
        _core.use_backend(before)
