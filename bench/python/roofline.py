"""What cards could do at best with the work of each kernel, on paper; nothing here is measured.

For each piece of work: its arithmetic, the bytes that must come from the card's memory at least, and at most if none
that was read before were still in a cache; and for each card the milliseconds that its units need for the one, and its
memory for the other. The longer one is the ceiling. `python bench/python/roofline.py` prints the table in docs/cuda.md.

Peaks: NVIDIA's data sheets of the H100 SXM and the L4, and its "Ada GPU architecture" white paper for the RTX 4090; of
tensor cores those without sparsity.
A multiprocessor finishes 128 fused multiply-adds of float32 in a clock, 64 on byte products of four each.
"""

from dataclasses import dataclass
from typing import Literal

Units = Literal["float32", "tf32", "bytes"]


@dataclass(frozen=True)
class Card:
    """What a card can do at its peak."""

    name: str
    float32: float  # operations a second, a fused multiply-add being two
    tf32: float  # the same by tensor cores
    memory: float  # bytes a second

    def operations(self, units: Units) -> float:
        """Operations a second; products of four bytes are eight."""
        return {"float32": self.float32, "tf32": self.tf32, "bytes": 2 * self.float32}[units]


CARDS = [
    Card("H100", 66.9e12, 494.7e12, 3.35e12),
    Card("L4", 30.3e12, 60e12, 300e9),
    Card("RTX 4090", 82.6e12, 82.6e12, 1008e9),
]

DEPTH = 128


@dataclass(frozen=True)
class Work:
    """What a kernel has to do for one question."""

    name: str
    kernel: str
    operations: float
    least_bytes: float
    most_bytes: float
    units: Units = "float32"


def products(rows: float, others: float, depth: float) -> float:
    """Operations of all products of rows."""
    return 2 * rows * others * depth


def search(name: str, kernel: str, queries: float, rows: float, units: Units, tile: float = 128) -> Work:
    """The gallery is read once for each tile of queries."""
    gallery = rows * DEPTH * (1 if units == "bytes" else 4)
    return Work(name, kernel, products(queries, rows, DEPTH), gallery, gallery * -(-queries // tile), units)


def works() -> list[Work]:
    """What the table is about."""
    batch, length = 1800, 80
    matrix = batch * batch * 4
    chips = 1000 * 112 * 112  # pixels: of 3 x 3 pixels of a photograph each, three floats
    pairs = 1e6 * length
    few = products(batch, batch, DEPTH)
    return [
        search("10 nearest of 10^6 for 10,000 queries, by tensor cores", "scan_bounded", 1e4, 1e6, "tf32"),
        search("the same, by float32 units", "scan_nearest", 1e4, 1e6, "float32"),
        search("the same, of int8", "scan_nearest", 1e4, 1e6, "bytes"),
        search("10 nearest of 10^6 for one query, float32", "scan_nearest", 1, 1e6, "float32", tile=16),
        search("80 neighbours of 10^6 faces among themselves", "scan_bounded", 1e6, 1e6, "tf32"),
        search("counts of 10^10 pairs", "count_keys", 1e5, 1e5, "float32"),
        Work("distances of 10,000 to 10,000", "distances_of_tiles", products(1e4, 1e4, DEPTH), 4e8, 8.1e8),
        Work("triplets of 1,800: distances", "distances_of_tiles", few, matrix, matrix),
        Work("triplets of 1,800: semi-hard ones", "pick_next", 8 * batch**2, matrix, 2 * matrix),
        Work("triplets of 1,800: gradient of all", "add_products", 2 * few, matrix, 2 * matrix),
        Work("1,000 chips from faces twice as large", "cut_chips", 54 * chips, 24 * chips, 39 * chips),
        Work("edges of 10^6 faces with 80 neighbours", "find_edges", 8 * pairs * length, 8 * pairs, 8 * pairs * length),
    ]


def number(value: float) -> str:
    """A figure with three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def table() -> str:
    """In Markdown."""
    heads = ["work", "kernel", "GFLOP", "GB", *(f"{card.name}, ms" for card in CARDS)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for work in works():
        cells = [work.name, f"`{work.kernel}`", number(work.operations / 1e9)]
        cells.append(f"{number(work.least_bytes / 1e9)} to {number(work.most_bytes / 1e9)}")
        for card in CARDS:
            units = 1000 * work.operations / card.operations(work.units)
            least, most = (1000 * part / card.memory for part in (work.least_bytes, work.most_bytes))
            cells.append(f"{number(units)}; {number(least)} to {number(most)}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
