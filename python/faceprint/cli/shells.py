"""The command that makes shells complete the others."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
PROGRAM, VARIABLE = "faceprint", "_FACEPRINT_COMPLETE"  # the variable by which click is asked on each press of Tab


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script by which SHELL completes commands, options and names of files.

    Put it in ~/.bashrc or ~/.zshrc as 'eval "$(faceprint completion bash)"' (or zsh), in ~/.config/fish/config.fish as
    'faceprint completion fish | source'.
    """
    click.echo(SHELLS[shell](ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
