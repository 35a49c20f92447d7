"""The `faceprint` command as a whole: how it ends, whatever happens."""

import os
import sys
from contextlib import suppress
from typing import Any

import click

from ..errors import FaceprintError

ERROR = 2  # what scripts see where no answer could be given; 1 says "different"
INTERRUPTED, UNREAD = 130, 141  # what shells say of programs that Ctrl-C or a closed pipe ends


class Group(click.Group):
    """The `faceprint` command. Whatever goes wrong ends in one line, and never in 1, which would say "different"."""

    def main(self, *words: Any, **options: Any) -> Any:
        """Run the command line and exit; errors are told, not traced."""
        code = ERROR
        try:
            code = super().main(*words, **options | {"standalone_mode": False})
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except Exception as error:
            with suppress(OSError):  # nobody may be listening
                _tell(error)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whoever closes the pipe early has seen enough, and click would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(UNREAD)


def _tell(error: Exception) -> None:
    if isinstance(error, click.ClickException):  # wrong usage
        error.show()
    elif isinstance(error, (FaceprintError, OSError, ValueError)):
        click.echo(f"error: {error}", err=True)
    else:
        click.echo(f"error: unforeseen {type(error).__name__}: {error}", err=True)


def _drop_output() -> None:
    """Point stdout nowhere, or Python would complain at exit that it cannot write what is left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
