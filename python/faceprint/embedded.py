"""Embeddings and the network that made them, where there are no `Faces` to tell."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .expected import as_text


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Embeddings and their origin: what `Gallery` and `Upgrade` need to know which may be compared.

    `embeddings` (n, dimension) float32 unit rows are comparable with those of the network that `fingerprint` names
    (`model.recipe.fingerprint`), None where it is not known. `upgraded_from` names the network that made them where it
    is another one, whose embeddings `Upgrade.apply` has mapped. TypeError where they are no text.

    >>> import numpy
    >>> rows = Embedded(numpy.eye(3, dtype=numpy.float32), "57f093b70a7e0b48")
    >>> len(rows), rows.upgraded_from
    (3, None)
    """

    embeddings: NDArray[np.float32]
    fingerprint: str | None
    upgraded_from: str | None = None

    def __post_init__(self) -> None:
        for name in ("fingerprint", "upgraded_from"):
            told = getattr(self, name)
            if told is not None:
                object.__setattr__(self, name, as_text(told, name))

    def __len__(self) -> int:
        return len(self.embeddings)


def as_embedded(x: Any) -> Embedded:
    """`x` with its fingerprint: an Embedded, `Faces` or whatever else has both attributes, or else an array without.

    The embeddings are passed on as they are; nothing is checked.

    >>> import numpy
    >>> as_embedded(numpy.eye(3, dtype=numpy.float32)).fingerprint is None
    True
    """
    if isinstance(x, Embedded):
        return x
    if hasattr(x, "embeddings") and hasattr(x, "fingerprint"):
        return Embedded(x.embeddings, x.fingerprint, getattr(x, "upgraded_from", None))
    return Embedded(x, None)
