"""What every HTML page is made of: one self-contained file, crops of faces, colours, escaped names."""

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path

from ._cluster import JUNK
from .photo import Pixels

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2733;background:#fff}
h1,h2,h3{line-height:1.2} .photos,.sheet{display:flex;flex-wrap:wrap;gap:1rem} figure{margin:0}
figcaption{font-size:.85rem;color:#52606d;overflow-wrap:anywhere} .photos figure{max-width:14rem}
.frame{position:relative;line-height:0} .frame img{width:100%;border-radius:4px}
.face{position:absolute;border:2px solid;border-radius:3px} .sheet img{width:6.5rem;border-radius:4px}
.sheet figure{max-width:6.5rem} .pair .sheet{gap:.25rem} table{border-collapse:collapse;font-size:.85rem}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #d9e2ec}
td.same{background:#d3f0df} svg{max-width:100%;height:auto} .note{color:#52606d}
section{content-visibility:auto;contain-intrinsic-size:auto 14rem}
"""
GREY = "#7b8794"  # of faces that belong to nobody
QUALITY = 75  # of pictures, as JPEG has it
COLOURS = ("#1b7f5c", "#b44d12", "#3c5bbf", "#a3246f", "#6b6b00", "#00768a", "#7a3fc4", "#8a2b2b")


def save_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """Write an HTML page of these parts, which are markup; each is written as it comes."""
    with path.open("w", encoding="utf-8") as file:
        file.write("<!doctype html><html lang=en><meta charset=utf-8>")
        file.write("<meta name=viewport content='width=device-width'>")
        file.write(f"<title>{escape(title)}</title><style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n")
        file.writelines(f"{part}\n" for part in parts)
        file.write("</html>\n")


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things.

    >>> count(1, "face"), count(2_000, "face"), count(0, "person", "people")
    ('1 face', '2,000 faces', '0 people')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def colour(label: int) -> str:
    """Choose the colour of a person, by number from 0; nobody is grey.

    >>> colour(0) == colour(len(COLOURS)), colour(-1)
    (True, '#7b8794')
    """
    return GREY if label == JUNK else COLOURS[label % len(COLOURS)]


def picture(image: Pixels, widest: int) -> str:
    """Make a JPEG of at most `widest` pixels a side, as a data URI: it needs no other file and no network."""
    from PIL import Image

    small = Image.fromarray(image)
    small.thumbnail((widest, widest))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def crop(chip: Pixels, name: str, caption: str, widest: int) -> str:
    """Show the crop of a face, with the name of its photograph for those who cannot see it."""
    alt = escape(f"Face on {name}")
    return f"<figure><img alt='{alt}' src='{picture(chip, widest)}'><figcaption>{escape(caption)}</figcaption></figure>"


def left_out(skipped: dict[Path, str]) -> str:
    """List why photographs were skipped; nothing where none was."""
    reasons = "".join(f"<li>{escape(reason)}" for reason in skipped.values())
    return f"<h2>Left out</h2><ul>{reasons}</ul>" if reasons else ""
