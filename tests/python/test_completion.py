"""Shell completion: bash itself, and for zsh and fish what their scripts ask and are told."""

import os
import re
import subprocess
import sys

import pytest

TAB = r"""
source <(faceprint completion bash) || exit
compopt() { echo "names of files: $2"; }  # bash has one on a line that is edited
function=$(complete -p faceprint | sed 's/.*-F \([^ ]*\) faceprint$/\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$function faceprint
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shell(tmp_path):
    """The environment of a shell that knows a program `faceprint`, which is this one."""
    program = tmp_path / "faceprint"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m faceprint "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["ver"], ["verify"]),
        (["un"], ["unsort"]),
        (["cluster", "--method", "mo"], ["modularity"]),
        (["verify", "a.jpg", "b.jpg", "--thr"], ["--threshold"]),
        (["verify", ""], ["names of files: default", ""]),
        (["evaluate", ""], ["names of files: default", "clustering", "sensitivity", "verification"]),
        (["evaluate", "peo"], ["names of files: default", ""]),
        (["evaluate", "people", "--rep"], ["--report"]),  # an option of `verification`, which may be left out
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(shell, line, expected):
    words = ["bash", "--norc", "-c", TAB, "bash", "faceprint", *line]
    done = subprocess.run(words, env=shell, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("name", "registered", "current", "answer"),
    [
        ("zsh", "compdef _faceprint_completion faceprint", "1", "plain\nverify\nSay whether two photographs"),
        ("fish", "complete --no-files --command faceprint", "ver", "plain,verify\tSay whether two photographs"),
    ],
)
def test_what_scripts_ask_is_answered(shell, name, registered, current, answer):
    done = subprocess.run(["faceprint", "completion", name], env=shell, capture_output=True, text=True, check=True)
    assert registered in done.stdout
    variable, asked = re.search(r"env .*?(\w+)=(\w+_complete)\b", done.stdout).groups()
    asking = {**shell, variable: asked, "COMP_WORDS": "faceprint ver", "COMP_CWORD": current}
    told = subprocess.run(["faceprint"], env=asking, capture_output=True, text=True, check=True)
    assert told.stdout.startswith(answer)


def test_other_shells_are_refused(shell):
    done = subprocess.run(["faceprint", "completion", "tcsh"], env=shell, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.stderr
