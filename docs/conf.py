"""How Sphinx makes the book: `sphinx-build -W docs build/docs`."""

import sys
from pathlib import Path

from faceprint import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "faceprint"
copyright = "the authors of faceprint, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "performance"]
html_theme = "furo"
html_title = f"faceprint {release}"
html_show_sphinx = False
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 2
default_role = "literal"  # docstrings write code in single backticks
autodoc_mock_imports = ["torch"]  # gigabytes, of which the pages need nothing
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
