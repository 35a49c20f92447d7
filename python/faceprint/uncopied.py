"""Objects that hold what cannot be copied, such as an open file, and say so."""

from typing import Any, ClassVar


class Uncopied:
    """Refuses `copy.copy`, `copy.deepcopy` and `pickle`, with a TypeError that says what to do instead, `_instead`.

    >>> class Door(Uncopied):
    ...     _instead = "build another"
    >>> import copy
    >>> copy.copy(Door())
    Traceback (most recent call last):
    TypeError: Door cannot be copied or pickled: build another
    """

    _instead: ClassVar[str]

    def __reduce__(self) -> Any:
        raise TypeError(f"{type(self).__name__} cannot be copied or pickled: {self._instead}")
