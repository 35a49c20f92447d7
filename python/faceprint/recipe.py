"""What an embedding network expects of its input and what its distances mean, as JSON beside the .onnx file."""

import hashlib
import json
import math
import sys
from bisect import bisect_left
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from .chip import ALIGNMENTS, Alignment, named_alignment
from .distance import as_threshold
from .errors import RecipeError
from .expected import as_number
from .files import TooLargeError, read_limited
from .photo import printable

FORMAT = 1
LARGEST_FILE = 2**20  # bytes; one that states every number it may has some 200,000
MOST = 1e6  # of a mean or scale in either direction: what it does to a pixel stays far from infinity
FARTHEST = 4096  # of a landmark in either direction; a chip has at most 1024 pixels a side
UNKNOWN = "?"  # how a text begins that stands in a draft for what only its author knows
# what a recipe may leave out
OPTIONAL = {**dict.fromkeys(("restriction", "output", "golden", "unrecognisable")), "zooms": [1]}
ZOOMS = (0.8, 1.25)  # the least and the most; a thumbnail of a face holds what they show
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Input:
    """The tensor a network takes: float32, (pixel - mean) * scale, `mean` and `scale` in the order of `channels`.

    `whitening`, which a recipe may leave out, first brings the pixels of each chip to mean 0 and standard deviation 1.
    """

    height: int
    width: int
    layout: Literal["NCHW", "NHWC"]
    channels: Literal["RGB", "BGR"]
    mean: Triple
    scale: Triple
    whitening: bool = False

    @property
    def sides(self) -> tuple[int, int, int]:
        """The shape of one face in the tensor: (3, height, width) or (height, width, 3)."""
        return (3, self.height, self.width) if self.layout == "NCHW" else (self.height, self.width, 3)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The `distance` at or below which a share `far` of pairs of different people is accepted.

    `low` and `high`, which a recipe may leave out, are the 95 % interval of that share for other people of the kind.
    """

    far: float
    distance: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Probability:
    """P(same | distance) = 1 / (1 + exp(slope * distance + intercept)), for pairs of which a share `prior` is same."""

    slope: float
    intercept: float
    prior: float


@dataclass(frozen=True, slots=True)
class Golden:
    """The first `numbers` of the unit embedding of `golden.synthetic_chip`, each right to within `tolerance`."""

    numbers: tuple[float, ...]
    tolerance: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The `quality` below which a share `rejected` of ordinary faces lies."""

    rejected: float
    quality: float


@dataclass(frozen=True, slots=True)
class Unrecognisable:
    """Where the embeddings of unrecognisable faces lie: around the unit vector `centre`; `faceprint.quality` uses it.

    P(ordinary | distance from the centre) = 1 / (1 + exp(slope * distance + intercept)), for faces of which a share
    `prior` is ordinary, the others unrecognisable.
    """

    centre: tuple[float, ...]
    slope: float
    intercept: float
    prior: float
    gates: tuple[Gate, ...]
    measured: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about an embedding network that is not in its graph. That of a model is `Model.recipe`.

    `landmarks` is the alignment template: where right eye, left eye, nose, right and left mouth corner (of the person;
    the right eye is left in the picture) lie in the chip, in pixels whose centres are whole numbers. A recipe may name
    one, "arcface" or "dlib150", or align by the box instead: "facenet-margin". `flip` averages the embedding with that
    of the mirror image, `zooms`, which a recipe may leave out, with those of the face so many times as large.
    `clustering` is the average distance at which `cluster` stops. `restriction` says in a few words what the licence
    forbids, `output` which of several outputs is the embedding.

    >>> import faceprint as fp
    >>> recipe = fp.load().recipe
    >>> recipe.licence, recipe.input.sides, recipe.input.channels
    ('CC0-1.0', (3, 150, 150), 'RGB')
    """

    name: str
    file: str
    sha256: str
    licence: str
    source: str
    input: Input
    landmarks: Alignment
    resampling: str
    flip: bool
    dimension: int
    metric: str
    thresholds: tuple[Threshold, ...]
    probability: Probability | None
    clustering: float | None
    measured: str
    restriction: str | None = None
    output: str | None = None
    golden: Golden | None = None
    unrecognisable: Unrecognisable | None = None
    zooms: tuple[float, ...] = (1.0,)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits over all that changes an embedding; equal fingerprints may be compared.

        >>> import faceprint as fp
        >>> fp.load().recipe.fingerprint
        '55354b03c17d4bc0'
        """
        keys = ("sha256", "input", "landmarks", "resampling", "flip", "dimension", "metric")
        relevant = {key: value for key, value in asdict(self).items() if key in keys}
        if self.output is not None:
            relevant["output"] = self.output
        if self.zooms != (1.0,):
            relevant["zooms"] = self.zooms
        if not self.input.whitening:
            del relevant["input"]["whitening"]  # as in recipes that knew of none
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]

    def threshold(self, far: float) -> float:
        """The distance threshold for a false accept rate (FAR, paper section 4), log-linear between stated rates.

        `far` must lie within the stated rates: RecipeError otherwise, for nothing is known there. TypeError for what is
        no number.

        >>> import faceprint as fp
        >>> recipe = fp.load().recipe
        >>> recipe.threshold(1e-3), round(recipe.threshold(2e-3), 4)
        (0.1413, 0.1511)
        """
        stated = self.thresholds
        if not stated:
            raise RecipeError(f"recipe {self.name} states no thresholds; give one: threshold, or --threshold")
        if not stated[0].far <= as_number(far, "far") <= stated[-1].far:
            raise RecipeError(
                f"recipe {self.name} states thresholds for FAR {stated[0].far:g} to {stated[-1].far:g}, not {far:g}"
            )
        at = bisect_left(stated, far, key=lambda threshold: threshold.far)
        if stated[at].far == far:
            return stated[at].distance
        low, high = stated[at - 1], stated[at]
        share = math.log(far / low.far) / math.log(high.far / low.far)
        return low.distance + share * (high.distance - low.distance)

    def decision(self, far: float, threshold: float | None = None) -> tuple[float, float | None]:
        """The distance threshold to decide at, and its false accept rate where known.

        That is the `threshold` given, a distance in [0, 4] (TypeError or ValueError otherwise), or else that of `far`,
        with the errors of `Recipe.threshold`.

        >>> import faceprint as fp
        >>> recipe = fp.load().recipe
        >>> recipe.decision(1e-3), recipe.decision(1e-3, 0.3)
        ((0.1413, 0.001), (0.3, None))
        """
        if threshold is None:
            return self.threshold(far), far
        return as_threshold(threshold), self.far(threshold)

    def grouping(self, threshold: float | None = None) -> float:
        """The average distance at which grouping stops: `threshold`, or else `clustering`; RecipeError without both.

        TypeError or ValueError for a threshold that is no distance in [0, 4].

        >>> import faceprint as fp
        >>> fp.load().recipe.grouping()
        0.14
        """
        if threshold is not None:
            return as_threshold(threshold)
        if self.clustering is None:
            raise RecipeError(f"recipe {self.name} states no 'clustering'; give it: threshold, or --threshold")
        return self.clustering

    def far(self, distance: float) -> float | None:
        """The false accept rate at a distance threshold, or None outside the stated rates: `threshold` inverted.

        >>> import faceprint as fp
        >>> recipe = fp.load().recipe
        >>> recipe.far(0.1413), recipe.far(0.3)
        (0.001, None)
        """
        stated = self.thresholds
        if not stated or not stated[0].distance <= distance <= stated[-1].distance:
            return None
        at = bisect_left(stated, distance, key=lambda threshold: threshold.distance)
        if stated[at].distance == distance:
            return stated[at].far
        low, high = stated[at - 1], stated[at]
        share = (distance - low.distance) / (high.distance - low.distance)
        return low.far * math.exp(share * math.log(high.far / low.far))

    def gate(self, rejected: float) -> float:
        """The quality below which a share `rejected` of ordinary faces lies; RecipeError for a share not stated.

        TypeError for what is no number. Of a network without `unrecognisable` no share is stated.

        >>> import faceprint as fp
        >>> fp.load().recipe.gate(0.05)
        0.4876
        """
        stated = self.unrecognisable.gates if self.unrecognisable else ()
        share = as_number(rejected, "rejected")
        for gate in stated:
            if gate.rejected == share:
                return gate.quality
        if not stated:
            raise RecipeError(f"recipe {self.name} states no gates")
        shares = ", ".join(f"{gate.rejected:g}" for gate in stated)
        raise RecipeError(f"recipe {self.name} states gates that reject {shares} of ordinary faces, not {share:g}")

    def same_probability(self, distance: float) -> float | None:
        """P(same person | distance) at the recipe's prior, or None where the recipe states no calibration.

        >>> import faceprint as fp
        >>> recipe = fp.load().recipe
        >>> recipe.same_probability(0.0) > 0.9 > 0.1 > recipe.same_probability(0.2)
        True
        """
        if self.probability is None:
            return None
        exponent = self.probability.slope * distance + self.probability.intercept
        return 1 / (1 + math.exp(min(exponent, 700.0)))


def read_recipe(network: Path) -> Recipe:
    """Read the recipe beside a network: `x.json` for `x.onnx`.

    Raises RecipeError where it is missing, is not JSON, is a draft, lacks a key, has one too many, or a value breaks
    its rule.
    """
    path = network.with_suffix(".json")
    if not path.exists():
        shown = printable(path)
        raise RecipeError(f"{printable(network)} needs its recipe beside it, {shown}, which does not exist")
    return parse_recipe(read_content(path), f"recipe {printable(path)}")


def read_content(path: Path) -> Any:
    """The JSON of a recipe's file as it stands; RecipeError where it cannot be read, or is larger than any recipe."""
    name = f"recipe {printable(path)}"
    try:
        return json.loads(read_limited(path, name, LARGEST_FILE).decode())
    except TooLargeError as error:
        raise RecipeError(str(error)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{name} cannot be read as JSON: {error}") from error


def parse_recipe(content: Any, name: str) -> Recipe:
    """Check the JSON object of a recipe, key by key, and return it; RecipeError says which key broke which rule."""
    fields = _object(content, name, {"format", "kind", *Recipe.__dataclass_fields__}, OPTIONAL)
    if unfilled := unknown_keys(fields):
        raise RecipeError(f"{name} is a draft; fill in {', '.join(map(repr, unfilled))}")
    _check(fields["format"] == FORMAT, name, "format", f"{FORMAT}, the only one this version reads", fields["format"])
    _check(fields["kind"] == "embedding", name, "kind", "'embedding'", fields["kind"])
    for key in ("name", "file", "sha256", "licence", "source", "measured"):
        _check(isinstance(fields[key], str), name, key, "a string", fields[key])
    for key in ("restriction", "output"):
        _check(fields[key] is None or isinstance(fields[key], str), name, key, "null or a string", fields[key])
    _check(_hexadecimal(fields["sha256"]), name, "sha256", "64 hexadecimal digits", fields["sha256"])
    _check(isinstance(fields["flip"], bool), name, "flip", "true or false", fields["flip"])
    _check(fields["resampling"] == "bilinear", name, "resampling", "'bilinear'", fields["resampling"])
    _check(fields["metric"] == "squared-euclidean", name, "metric", "'squared-euclidean'", fields["metric"])
    _check(_whole(fields["dimension"], 4096), name, "dimension", "a whole number from 1 to 4096", fields["dimension"])
    clustering = fields["clustering"]
    _check(clustering is None or _distance(clustering), name, "clustering", "null or a distance in [0, 4]", clustering)
    shape = _input(fields["input"], f"{name}, key 'input'")
    return Recipe(
        **{key: fields[key] for key in ("name", "file", "sha256", "licence", "source", "resampling", "flip")},
        **{key: fields[key] for key in ("dimension", "metric", "clustering", "measured", "restriction", "output")},
        input=shape,
        landmarks=_landmarks(fields["landmarks"], shape, name),
        thresholds=_thresholds(fields["thresholds"], name),
        probability=_probability(fields["probability"], f"{name}, key 'probability'"),
        golden=_golden(fields["golden"], f"{name}, key 'golden'", fields["dimension"]),
        unrecognisable=_unrecognisable(fields["unrecognisable"], f"{name}, key 'unrecognisable'", fields["dimension"]),
        zooms=_zooms(fields["zooms"], name),
    )


def unknown_keys(content: dict[str, Any]) -> list[str]:
    """The keys of a draft that its author has yet to fill in: those whose text begins with a question mark.

    >>> unknown_keys({"name": "x", "licence": "? such as MIT", "input": {"height": 112, "channels": "?"}})
    ['licence', 'input.channels']
    """
    found = []
    for key, value in content.items():
        if isinstance(value, dict):
            found += [f"{key}.{inner}" for inner in unknown_keys(value)]
        elif isinstance(value, str) and value.startswith(UNKNOWN):
            found.append(key)
    return found


def _input(value: Any, name: str) -> Input:
    fields = _object(value, name, Input.__dataclass_fields__.keys(), {"whitening": False})
    for key in ("height", "width"):
        _check(_whole(fields[key], 1024), name, key, "a whole number from 1 to 1024", fields[key])
    _check(fields["layout"] in ("NCHW", "NHWC"), name, "layout", "'NCHW' or 'NHWC'", fields["layout"])
    _check(fields["channels"] in ("RGB", "BGR"), name, "channels", "'RGB' or 'BGR'", fields["channels"])
    for key in ("mean", "scale"):
        triple = fields[key]
        valid = isinstance(triple, list) and len(triple) == 3 and all(_within(number, MOST) for number in triple)
        _check(valid, name, key, f"three numbers in [-{MOST:g}, {MOST:g}]", triple)
    _check(isinstance(fields["whitening"], bool), name, "whitening", "true or false", fields["whitening"])
    _check(0 not in fields["scale"], name, "scale", "other than 0", fields["scale"])
    return Input(**{**fields, "mean": tuple(map(float, fields["mean"])), "scale": tuple(map(float, fields["scale"]))})


def _landmarks(value: Any, shape: Input, name: str) -> Alignment:
    if isinstance(value, str):
        _check(value in ALIGNMENTS, name, "landmarks", f"one of {', '.join(ALIGNMENTS)}, or five points", value)
        _check(shape.height == shape.width, name, "landmarks", "five points where a chip is not square", value)
        return named_alignment(value, shape.width)
    valid = isinstance(value, list) and len(value) == 5
    valid = valid and all(isinstance(point, list) and len(point) == 2 for point in value)
    valid = valid and all(_within(number, FARTHEST) for point in value for number in point)
    _check(valid, name, "landmarks", f"five points [x, y] of numbers in [-{FARTHEST}, {FARTHEST}]", value)
    extent = max(max(axis) - min(axis) for axis in zip(*value, strict=True))
    _check(extent >= 1, name, "landmarks", "five points at least a pixel apart", value)
    return tuple((float(x), float(y)) for x, y in value)  # 2 and 2.0 have one fingerprint


def _zooms(value: Any, name: str) -> tuple[float, ...]:
    least, most = ZOOMS
    valid = isinstance(value, list) and 1 <= len(value) <= 8
    valid = valid and all(_number(zoom) and least <= zoom <= most for zoom in value) and len(set(value)) == len(value)
    _check(valid, name, "zooms", f"1 to 8 different numbers in [{least:g}, {most:g}]", value)
    return tuple(map(float, value))


def _thresholds(value: Any, name: str) -> tuple[Threshold, ...]:
    _check(isinstance(value, list), name, "thresholds", "a list", value)
    interval = dict.fromkeys(("low", "high"))
    keys = set(Threshold.__dataclass_fields__)
    stated = [_object(entry, f"{name}, key 'thresholds'", keys, interval) for entry in value]
    for entry in stated:
        far, low, high = entry["far"], entry["low"], entry["high"]
        _check(_number(far) and 0 < far <= 1, name, "far", "a rate in (0, 1]", far)
        _check(_distance(entry["distance"]), name, "distance", "a distance in [0, 4]", entry["distance"])
        valid = (low is None and high is None) or (_number(low) and _number(high) and 0 <= low <= far <= high <= 1)
        _check(valid, name, "low and high", "rates around far, or both left out", (low, high))
    pairs = [(entry["far"], entry["distance"]) for entry in stated]
    rising = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    _check(rising, name, "thresholds", "in rising order of both far and distance", pairs)
    return tuple(Threshold(**entry) for entry in stated)


def _probability(value: Any, name: str) -> Probability | None:
    if value is None:
        return None
    fields = _object(value, name, set(Probability.__dataclass_fields__))
    for key, number in fields.items():
        _check(_number(number), name, key, "a number", number)
    return Probability(**fields)


def _golden(value: Any, name: str, dimension: int) -> Golden | None:
    if value is None:
        return None
    fields = _object(value, name, set(Golden.__dataclass_fields__))
    numbers, tolerance = fields["numbers"], fields["tolerance"]
    valid = isinstance(numbers, list) and 1 <= len(numbers) <= dimension and all(_within(n, 1) for n in numbers)
    _check(valid, name, "numbers", f"1 to {dimension} numbers in [-1, 1], parts of a unit vector", numbers)
    _check(_within(tolerance, 1) and tolerance > 0, name, "tolerance", "a number in (0, 1]", tolerance)
    return Golden(tuple(map(float, numbers)), float(tolerance))


def _unrecognisable(value: Any, name: str, dimension: int) -> Unrecognisable | None:
    if value is None:
        return None
    fields = _object(value, name, set(Unrecognisable.__dataclass_fields__))
    centre = fields["centre"]
    valid = isinstance(centre, list) and all(_within(number, 1) for number in centre)
    _check(valid, name, "centre", "a list of numbers in [-1, 1]", centre)
    _check(len(centre) == dimension, name, "centre", f"a list of {dimension} numbers", len(centre))
    _check(abs(math.hypot(*centre) - 1) <= 1e-3, name, "centre", "a vector of length 1", math.hypot(*centre))
    for key in ("slope", "intercept", "prior"):
        _check(_number(fields[key]), name, key, "a number", fields[key])
    _check(isinstance(fields["measured"], str), name, "measured", "a string", fields["measured"])
    return Unrecognisable(**{**fields, "centre": tuple(centre), "gates": _gates(fields["gates"], name)})


def _gates(value: Any, name: str) -> tuple[Gate, ...]:
    _check(isinstance(value, list), name, "gates", "a list", value)
    stated = [_object(entry, f"{name}, key 'gates'", {"rejected", "quality"}) for entry in value]
    for entry in stated:
        for key, share in entry.items():
            _check(_number(share) and 0 <= share <= 1, name, key, "a number in [0, 1]", share)
    return tuple(Gate(**entry) for entry in stated)


def _object(
    value: Any, name: str, keys: Set[str], optional: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The value, which must have all `keys`; those of `optional` that it lacks are as they stand there."""
    if not isinstance(value, dict):
        raise RecipeError(f"{name} must be a JSON object, not {type(value).__name__}")
    if missing := sorted(keys - optional.keys() - value.keys()):
        raise RecipeError(f"{name} lacks {', '.join(map(repr, missing))}")
    if unknown := sorted(value.keys() - keys):
        raise RecipeError(f"{name} has unknown keys: {', '.join(map(repr, unknown))}")
    return {**optional, **value}


def _check(valid: bool, name: str, key: str, rule: str, came: Any) -> None:
    if not valid:
        raise RecipeError(f"{name}: {key!r} must be {rule}, not {came!r}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _within(value: Any, most: float) -> bool:
    return _number(value) and abs(value) <= most


def _whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _distance(value: Any) -> bool:
    return _number(value) and 0 <= value <= 4


def _hexadecimal(value: str) -> bool:
    return len(value) == 64 and all(digit in "0123456789abcdef" for digit in value)
