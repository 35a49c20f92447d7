"""How Sphinx makes the book: `sphinx-build -W docs build/docs`."""

import re
import sys
from pathlib import Path
from typing import Any

from faceprint import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "faceprint"
copyright = "the authors of faceprint, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "headers", "performance", "pictures"]
html_theme = "furo"
html_title = f"faceprint {release}"
html_show_sphinx = False
myst_heading_anchors = 2
default_role = "literal"  # docstrings write code in single backticks
autodoc_mock_imports = ["torch"]  # gigabytes, of which the pages need nothing
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"

ARRAY = re.compile(r"~?(?:numpy\.)?ndarray\[tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[([~.\w]+)\]\]")


def shorten(
    _app: Any, _what: str, _name: str, _object: Any, _options: Any, *texts: str | None
) -> tuple[str | None, ...]:
    """Write arrays in signatures as the sources do."""
    return tuple(text and ARRAY.sub(r"NDArray[\1]", text) for text in texts)


def setup(app: Any) -> None:
    """Hook into autodoc."""
    app.connect("autodoc-process-signature", shorten)
