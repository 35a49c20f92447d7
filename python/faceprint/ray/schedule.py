"""Who meets whom, and when: each two blocks once, and no block in two meetings at a time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two blocks, or one with itself, and how often each has met somebody before."""

    one: int
    one_version: int
    other: int
    other_version: int


def schedule(blocks: int) -> list[Meeting]:
    """All meetings in an order in which as many as can go on at once: the circle method of tournaments.

    First each block meets itself; a meeting waits for the last one of each of its two blocks.

    >>> [(meeting.one, meeting.other) for meeting in schedule(3)]
    [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    """
    met = [0] * blocks
    meetings = []

    def meet(one: int, other: int) -> None:
        meetings.append(Meeting(one, met[one], other, met[other]))
        for block in {one, other}:
            met[block] += 1

    for block in range(blocks):
        meet(block, block)
    places = blocks + blocks % 2  # the last of an odd number of blocks has nobody to meet in each round
    circle = places - 1
    for turn in range(circle if blocks > 1 else 0):
        for match in range(places // 2):
            pair = (circle, turn) if match == 0 else ((turn + match) % circle, (turn - match) % circle)
            if max(pair) < blocks:
                meet(min(pair), max(pair))
    return meetings
