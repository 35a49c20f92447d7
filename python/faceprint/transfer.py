"""All faces of a gallery, handed out as they are exported, and taken in again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .errors import GalleryError
from .exchange import Exported, Facts
from .held import Held, check_fingerprint
from .store import Detail
from .stored import unpack_stored


def hand_out(held: Held) -> Exported:
    """Everything as it is at one moment; GalleryError where there has never been a face."""
    with held.snapshot():
        return _part(held, slice(None))


def hand_out_parts(held: Held, rows: int) -> Iterator[Exported]:
    """As `hand_out`, so many faces at a time and the rest at last; nobody changes the gallery until then."""
    with held.snapshot():
        for start in range(0, max(len(held.ids), 1), rows):
            yield _part(held, slice(start, start + rows))


def take_in(held: Held, facts: Facts, parts: Iterable[tuple[str, Exported]], name: str) -> NDArray[np.int64]:
    """Add the faces of another gallery, all or none, and return their ids.

    `facts` are those of all, `parts` some faces at a time, each with the name of their file, `name` is that of all.
    """
    with held.changing():
        check_fingerprint(held.state, facts.fingerprint)
        dimension, fresh = held.state.dimension, held.state.next_id == 0
        if dimension not in (None, facts.dimension):
            came = f"those of {name} have {facts.dimension}"
            raise GalleryError(f"the gallery holds embeddings of {dimension} numbers; {came}")
        ids = [_take_part(held, found, file, fresh) for file, found in parts]
        held.come_from(facts.fingerprint, facts.sources)
        if fresh:
            held.state = replace(held.state, next_id=facts.next_id)
    return np.concatenate(ids)


def _part(held: Held, rows: slice) -> Exported:
    state, ids = held.state, held.ids[rows]
    if held.packed is None:
        raise GalleryError("the gallery must have held an embedding to be exported, and never has")
    known = held.store.details(ids)
    return Exported(
        Facts(state.storage, held.packed.columns, state.fingerprint, list(state.sources), state.next_id),
        ids,
        held.packed.stored(np.arange(held.packed.rows)[rows]),
        held.labels.table[held.people[rows]],
        [known.get(face, Detail(None, None)) for face in ids.tolist()],
        held.quality[rows],
    )


def _take_part(held: Held, found: Exported, file: str, fresh: bool) -> NDArray[np.int64]:
    """Add some faces, with ids of their own where the gallery is fresh, and else with the next ones."""
    first = held.state.next_id
    ids = found.ids if fresh else np.arange(first, first + len(found.ids), dtype=np.int64)
    people = held.number(found.labels)
    try:
        if found.facts.storage == held.state.storage:
            held.append_stored(found.stored, found.facts.dimension, people, found.quality, ids)
        else:
            held.append(unpack_stored(found.stored, found.facts.storage), people, found.quality, ids)
    except ValueError as error:  # of the core, which looks at every number
        raise GalleryError(f"{file} is damaged: {error}") from error
    held.add_details(ids, found.details)
    return ids
