"""The command line: the library's calls on files and folders, for people and, with --json, for scripts."""

import click

from .. import __version__
from .evaluation import evaluate
from .galleries import index, search
from .group import Group
from .machine import bench, demo, info
from .people import cluster, unsort
from .photographs import embed, faces, verify
from .shells import completion


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="faceprint")
def command() -> None:
    """Verify, search and cluster the faces on photographs."""


for each in (demo, faces, embed, verify, index, search, cluster, unsort, evaluate, bench, info, completion):
    command.add_command(each)
