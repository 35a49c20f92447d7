"""`python -m faceprint`, and the `faceprint` command."""

import io
import sys
import warnings
from typing import TextIO


def main() -> None:
    """Run the command line, or say in one sentence what it lacks."""
    try:
        from .cli import command
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # not traced: Python would exit with 1, which says "different"
        lack = error.name if isinstance(error, ModuleNotFoundError) else None
        wanted = f"the command line needs {lack}: pip install 'faceprint[cpu]'"
        print(wanted if lack in ("click", "tqdm") else f"error: {error}", file=sys.stderr)
        sys.exit(2)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file or pipe may have another encoding than names, as on Windows
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of a photograph's metadata is no answer
    warnings.showwarning = _warn
    command(prog_name="faceprint")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Stand in for `warnings.showwarning`: what it is about, and not the line of code that gave it."""
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
