"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A new file beside `path`, for its owner alone, that takes its place once it is written.

    After an error, or a crash, `path` is as it was; a crash may leave the new file, called ".NAME." and eight letters,
    of which NAME is that of `path`, its first forty. OSError where the folder cannot be written to.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "x") as file:
    ...         _ = file.write_text("all of it")
    ...     [(found.name, found.read_text()) for found in Path(folder).iterdir()]
    [('x', 'all of it')]
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        os.close(handle)
        yield Path(name)
        with Path(name).open("r+b") as file:  # Windows does not wait for a file that was opened to be read
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
