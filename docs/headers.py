"""The reference of the C++ headers: a directive shows one, its comments as text and its declarations as code."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from declarations import parts

HEADERS = Path(__file__).parents[1] / "cpp" / "include" / "faceprint"


def setup(app: Any) -> dict[str, bool]:
    """Hook into Sphinx."""
    app.add_directive("header", Header)
    return {"parallel_read_safe": True}


class Header(SphinxDirective):
    """`.. header:: nearest.hpp`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make paragraphs and code of the header, anew whenever it changes."""
        path = HEADERS / self.arguments[0]
        self.env.note_dependency(str(path))
        section = nodes.section(ids=[nodes.make_id(path.name)])
        section += nodes.title(text=path.name)
        for comment, code in parts(path.read_text("utf-8")):
            section += list(told(comment))
            if code:
                section += nodes.literal_block(code, code, language="cpp")
        return [section]


def told(comment: list[str]) -> Iterator[nodes.Node]:
    """Paragraphs of a comment; lines that are indented stay as they are written."""
    for indented, lines in groupby(comment, lambda line: line[:2] == "  " if line else None):
        if indented:
            table = textwrap.dedent("\n".join(lines))
            yield nodes.literal_block(table, table, language="text")
        elif indented is not None:
            paragraph = nodes.paragraph()
            for place, piece in enumerate("\n".join(lines).split("`")):
                paragraph += nodes.literal(text=piece) if place % 2 else nodes.Text(piece)
            yield paragraph
