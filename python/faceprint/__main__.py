"""`python -m faceprint`, and the `faceprint` command."""

import sys


def main() -> None:
    """Run the command line, or say in one sentence what it lacks."""
    try:
        from .cli import command
    except ModuleNotFoundError as error:
        if error.name not in ("click", "tqdm"):
            raise
        print(f"the command line needs {error.name}: pip install 'faceprint[cpu]'", file=sys.stderr)
        sys.exit(2)
    command(prog_name="faceprint")


if __name__ == "__main__":
    main()
