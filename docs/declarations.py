"""What the C++ headers declare, and the comments that say what it means."""

import re
from collections.abc import Iterator

COMMENT = re.compile(r"// ?(.*)")
PRIVATE = re.compile(r"\n+ private:\n.*?(?=\n\};)", re.DOTALL)
# Lines of a header that are no declaration of its own.
FRAME = re.compile(r'#pragma once|#include .*|#if.*|#endif.*|extern "C" \{|\}|namespace .*|\}  // namespace .*')


def parts(text: str) -> Iterator[tuple[list[str], str]]:
    """The declarations of a header at its outermost level, each with the comment above it."""
    for block in re.split(r"\n\s*\n(?=\S)", text):
        lines = [line for line in block.splitlines() if not FRAME.fullmatch(line)]
        comment = []
        while lines and (found := COMMENT.fullmatch(lines[0])):
            comment.append(found[1])
            lines = lines[1:]
        if comment or lines:
            yield comment, PRIVATE.sub("", "\n".join(lines))
