"""`python -m faceprint`, and the `faceprint` command."""

import sys
import warnings


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
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of a photograph's metadata is no answer
    command(prog_name="faceprint")


if __name__ == "__main__":
    main()
