"""All faces of a gallery, handed out as they are exported, and taken in again."""

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
        state, known = held.state, held.store.details(held.ids)
        if held.packed is None:
            raise GalleryError("the gallery must have held an embedding to be exported, and never has")
        return Exported(
            Facts(state.storage, held.packed.columns, state.fingerprint, list(state.sources), state.next_id),
            held.ids,
            held.packed.stored(np.arange(held.packed.rows)),
            held.table[held.people],
            [known.get(face, Detail(None, None)) for face in held.ids.tolist()],
            held.quality,
        )


def take_in(held: Held, found: Exported, name: str) -> NDArray[np.int64]:
    """Add the faces that a file of that name holds, all or none, and return their ids."""
    facts = found.facts
    with held.changing():
        check_fingerprint(held.state, facts.fingerprint)
        dimension, first = held.state.dimension, held.state.next_id
        if dimension not in (None, facts.dimension):
            came = f"those of {name} have {facts.dimension}"
            raise GalleryError(f"the gallery holds embeddings of {dimension} numbers; {came}")
        ids = found.ids if first == 0 else np.arange(first, first + len(found.ids), dtype=np.int64)
        people = held.number(found.labels)
        try:
            if facts.storage == held.state.storage:
                held.append_stored(found.stored, facts.dimension, people, found.quality, ids)
            else:
                held.append(unpack_stored(found.stored, facts.storage), people, found.quality, ids)
        except ValueError as error:  # of the core, which looks at every number
            raise GalleryError(f"{name} is damaged: {error}") from error
        held.add_details(ids, found.details)
        held.come_from(facts.fingerprint, facts.sources)
        if first == 0:
            held.state = replace(held.state, next_id=facts.next_id)
    return ids
