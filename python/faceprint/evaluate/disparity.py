"""How error rates differ between groups of people, and as one attribute varies while the others are held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import as_reals
from ..constraints import as_attributes, is_known
from ..distance import as_threshold
from ..expected import as_kind
from .pairs import ListedPairs
from .shares import Share, share, standardised


@dataclass(frozen=True, slots=True)
class Group:
    """The photographs that have these `values` of some attributes.

    `fmr` is the share of the pairs of different people in it that are accepted, `fnmr` that of the pairs of one person
    that are not: None without such pairs.
    """

    values: dict[str, str]
    fmr: Share | None
    fnmr: Share | None


@dataclass(frozen=True, slots=True)
class Gap:
    """How much more often one group comes out wrong than another: those with the `highest` and the `lowest` rate.

    `difference` of both rates with its interval `low` to `high`, `ratio` of both, None where the lower is 0.
    """

    highest: dict[str, str]
    lowest: dict[str, str]
    difference: float
    low: float
    high: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Division:
    """The `groups` by the values of some `attributes`, and the gaps between them: None unless two have a rate.

    `held` are the attributes whose values are the same in all groups.
    """

    attributes: tuple[str, ...]
    held: tuple[str, ...]
    groups: list[Group]
    fmr: Gap | None
    fnmr: Gap | None


@dataclass(frozen=True, slots=True)
class Disparity:
    """Error rates at a `threshold`: of `everybody`, and by each attribute and by all of them together."""

    threshold: float
    everybody: Group
    divisions: list[Division]


def disparity(
    distances: Any, pairs: ListedPairs, attributes: Mapping[str, Sequence[Any]], threshold: float
) -> Disparity:
    """Measure FMR and FNMR (ISO/IEC 19795-1) of each group, and of each intersection of all groups, at a threshold.

    `distances` (pairs,) are those of the `pairs`, such as `pairs.distances(x)`; NaN for a pair that could not be
    compared, which is not accepted. `attributes` maps names, such as "age", to a value for each photograph that the
    pairs are of; None or NaN where it is unknown. A pair counts in a group if both its photographs do: strangers of
    different groups are told apart more easily, and would hide what happens within. With two attributes or more, the
    last division is by all of them at once.

    Intervals hold 95 %; pairs that share a person count together in them (`Share`). The interval of a gap is Newcombe's
    for the difference of two independent rates (1998, method 10); but the groups were chosen for being the highest and
    the lowest, so among many small groups there is a gap where nothing differs. Raises ValueError for another number
    of distances or values, without attributes, and unless 0 <= threshold <= 4; TypeError for attributes that are no
    mapping.

    >>> import numpy as np
    >>> people = np.repeat(np.arange(8), 2)
    >>> pairs = ListedPairs(people, *np.triu_indices(16, 1))
    >>> far = np.where(pairs.same, 0.1, np.where(pairs.b < 8, 0.15, 0.4))  # the first four are hard to tell apart
    >>> found = disparity(far, pairs, {"group": ["A"] * 8 + ["B"] * 8}, 0.2)
    >>> [group.fmr.value for group in found.divisions[0].groups], found.divisions[0].fmr.highest
    ([1.0, 0.0], {'group': 'A'})
    """
    outcome = _Outcome.of(distances, pairs, threshold)
    codes = _paired(attributes, pairs)
    divisions = [_divide(outcome, {name: codes[name]}) for name in codes]
    if len(codes) > 1:
        divisions.append(_divide(outcome, codes))
    return Disparity(threshold, outcome.group({}, np.ones(len(pairs.a), bool)), divisions)


def sweep(
    distances: Any, pairs: ListedPairs, attributes: Mapping[str, Sequence[Any]], vary: str, threshold: float
) -> Division:
    """Measure FMR and FNMR as the attribute `vary` varies and all others are held, at a threshold.

    FACET (Gustafson et al., ICCV 2023) compares groups that differ in one attribute. Here each is compared within every
    combination of values of the other attributes, and these are then averaged with the same weights for all values
    of `vary` (direct standardisation): how many pairs the combination has. Only combinations with pairs for every value
    of `vary` count, and only pairs whose photographs agree in all attributes. `Share.pairs` tells how many are left; a
    value that is rare may leave none, and then the rate of every value is None. With no other attribute, the rates are
    those of `disparity`.

    Takes and raises what `disparity` does, and ValueError where `vary` is none of the attributes.

    >>> import numpy as np
    >>> people = np.arange(8)
    >>> pairs = ListedPairs(people, *np.triu_indices(8, 1))
    >>> attributes = {"glasses": ["no", "no", "yes", "yes"] * 2, "age": ["old"] * 4 + ["young"] * 4}
    >>> found = sweep(np.where(pairs.b < 4, 0.1, 0.4), pairs, attributes, "glasses", 0.2)
    >>> [(group.values["glasses"], group.fmr.value) for group in found.groups]  # age made all the difference
    [('no', 0.5), ('yes', 0.5)]
    """
    outcome = _Outcome.of(distances, pairs, threshold)
    codes = _paired(attributes, pairs)
    if vary not in [*codes]:  # of a list it may be asked, too
        raise ValueError(f"vary must be one of the attributes, {', '.join(map(repr, codes))}, not {vary!r}")
    varied = codes.pop(vary)
    held = _combined(codes.values(), len(pairs.a))
    values = [varied.pairs == number for number in range(len(varied.names))]
    fmr = _standardised(outcome.accepted, pairs, [rows & ~outcome.same for rows in values], held)
    fnmr = _standardised(~outcome.accepted, pairs, [rows & outcome.same for rows in values], held)
    groups = [Group({vary: name}, *rates) for name, *rates in zip(varied.names, fmr, fnmr, strict=True)]
    return _division((vary,), tuple(codes), groups)


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The `names` of an attribute's values, and for each of the `pairs` the number of the one both have, -1 if none."""

    names: list[str]
    pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """Which pairs were `accepted`, and which are of the `same` person."""

    pairs: ListedPairs
    accepted: NDArray[np.bool_]
    same: NDArray[np.bool_]

    @classmethod
    def of(cls, distances: Any, pairs: ListedPairs, threshold: float) -> "_Outcome":
        as_kind(pairs, ListedPairs, "pairs")
        apart = as_reals(distances, "distances")
        if apart.shape != (len(pairs.a),):
            raise ValueError(f"distances must have shape ({len(pairs.a)},), one for each pair, not {apart.shape}")
        return cls(pairs, apart <= as_threshold(threshold), pairs.same)

    def group(self, values: dict[str, str], rows: NDArray[np.bool_]) -> Group:
        fmr = _share(self.accepted, self.pairs, rows & ~self.same)
        return Group(values, fmr, _share(~self.accepted, self.pairs, rows & self.same))


def _paired(attributes: Mapping[str, Sequence[Any]], pairs: ListedPairs) -> dict[str, _Values]:
    numbers = as_attributes(attributes, len(pairs.people))
    if not len(numbers):
        raise ValueError("attributes must be at least one, not 0")
    codes = np.where(numbers[:, pairs.a] == numbers[:, pairs.b], numbers[:, pairs.a], -1)
    names = [sorted({str(value) for value in values if is_known(value)}) for values in attributes.values()]
    return {name: _Values(*values) for name, *values in zip(attributes, names, codes, strict=True)}


def _combined(codes: Iterable[_Values], pairs: int) -> NDArray[np.int64]:
    """Number the combinations of values, -1 where one is."""
    combined = np.zeros(pairs, np.int64)
    for values in codes:
        known = (combined >= 0) & (values.pairs >= 0)
        both = combined * len(values.names) + values.pairs
        combined = np.where(known, np.unique(both, return_inverse=True)[1], -1)  # no more numbers than there are pairs
    return combined


def _divide(outcome: _Outcome, codes: dict[str, _Values]) -> Division:
    combined = _combined(codes.values(), len(outcome.same))
    groups = []
    for number in np.unique(combined[combined >= 0]):
        rows = combined == number
        pair = int(rows.argmax())
        values = {name: code.names[code.pairs[pair]] for name, code in codes.items()}
        groups.append(outcome.group(values, rows))
    return _division(tuple(codes), (), groups)


def _division(attributes: tuple[str, ...], held: tuple[str, ...], groups: list[Group]) -> Division:
    fmr = _gap([(group.values, group.fmr) for group in groups])
    return Division(attributes, held, groups, fmr, _gap([(group.values, group.fnmr) for group in groups]))


def _gap(rates: list[tuple[dict[str, str], Share | None]]) -> Gap | None:
    known = [(values, rate) for values, rate in rates if rate is not None]
    if len(known) < 2:
        return None
    highest, top = max(known, key=lambda entry: entry[1].value)
    lowest, bottom = min(known, key=lambda entry: entry[1].value)
    difference = top.value - bottom.value
    low = difference - float(np.hypot(top.value - top.low, bottom.high - bottom.value))
    high = difference + float(np.hypot(top.high - top.value, bottom.value - bottom.low))
    return Gap(highest, lowest, difference, low, high, top.value / bottom.value if bottom.value else None)


def _share(wrong: NDArray[np.bool_], pairs: ListedPairs, rows: NDArray[np.bool_]) -> Share | None:
    return share(wrong[rows], pairs.people[pairs.a[rows]], pairs.people[pairs.b[rows]]) if rows.any() else None


def _standardised(
    wrong: NDArray[np.bool_], pairs: ListedPairs, values: list[NDArray[np.bool_]], held: NDArray[np.int64]
) -> list[Share | None]:
    """The rate of each value over the strata that all values have, as far as these have pairs at all."""
    having = [set(held[rows & (held >= 0)].tolist()) for rows in values]
    common = np.array(sorted(set.intersection(*filter(None, having))) if any(having) else [], np.int64)
    if not len(common):
        return [None] * len(values)
    inside = np.isin(held, common)
    strata = np.searchsorted(common, held)  # right where inside
    standard = np.bincount(strata[inside & np.any(values, axis=0)], minlength=len(common)).astype(np.float64)
    standard /= standard.sum()
    found: list[Share | None] = []
    for rows, own in zip(values, having, strict=True):
        kept = rows & inside
        a, b = pairs.people[pairs.a[kept]], pairs.people[pairs.b[kept]]
        found.append(standardised(wrong[kept], a, b, strata[kept], standard) if own else None)
    return found
