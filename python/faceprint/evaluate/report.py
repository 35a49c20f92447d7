"""The page about how well a network verifies: rates, curves, and the pairs that are hardest, as pictures."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from ..markup import crop, left_out, save_page
from ..model import Model
from ..photo import Pixels, printable
from .curves import draw_det, draw_distances, draw_roc
from .told import told_of
from .verification import Verification
from .worst import HardPair

WIDEST = 104  # pixels of a face
NOTE = (
    "VAL is the share of the pairs of one person that are accepted, with its 95 % interval for other people of this "
    "kind; FAR is the share of the pairs of different people that are. Of people or photographs of another kind, both "
    "are others."
)


def write_report(path: Path, network: str, found: Verification, faces: Mapping[Path, Pixels]) -> None:
    """Write the page about the network of that name to `path`; `faces` shows who is on the photographs of hard pairs.

    One file, without scripts and without anything from elsewhere. It holds faces and names of files: it is for whoever
    may see the photographs.
    """
    save_page(path, f"How well {network} verifies", _parts(found, faces))


def find_faces(model: Model, found: Verification) -> dict[Path, Pixels]:
    """Cut the faces of the hard pairs out of their photographs again, which were not kept."""
    rows = sorted({row for pair in (*found.missed, *found.mistaken) for row in (pair.a, pair.b)})
    photos = [found.photos[row] for row in rows]
    return {photo: faces.chips[0] for photo, faces in zip(photos, model.faces(photos), strict=True)}


def _parts(found: Verification, faces: Mapping[Path, Pixels]) -> Iterator[str]:
    yield f"<p>{told_of(found)}. Distances are squared Euclidean, of unit embeddings, in [0, 4].</p>"
    yield "<h2>Error rates</h2>"
    yield _rates(found)
    yield f"<p class=note>{NOTE}</p>"
    equal = found.equal_error
    yield f"<p>Equal error rate {equal.rate:.2%}, at distance {equal.threshold:.4f}.</p>"
    if found.folds is not None:
        folds = found.folds
        told = f"{folds.mean:.2%}, standard error {folds.standard_error:.2%}; {folds.wrong.sum():,} wrong"
        yield f"<p>Accuracy over {len(folds.accuracy)} folds: {told}.</p>"
    yield "<h2>Curves</h2><div class=photos>"
    yield draw_roc(found.curve, found.vals, found.different_pairs)
    yield draw_det(found.curve, equal.rate)
    yield draw_distances(found.curve, {f"FAR {far:g}": val.threshold for far, val in found.vals.items()})
    yield "</div>"
    yield "<h2>One person, far apart</h2>"
    yield _sheet(found, found.missed, faces)
    yield "<h2>Different people, near</h2>"
    yield "<p class=note>Look first whether they are two people: a wrong name ends up here.</p>"
    yield _sheet(found, found.mistaken, faces)
    yield left_out(found.skipped)


def _rates(found: Verification) -> str:
    lines = [
        f"<tr><th>{far:g}<td>{value.val:.2%}<td>{value.low:.2%} to {value.high:.2%}<td>{value.threshold:.4f}"
        for far, value in found.vals.items()
    ]
    reasons = "".join(f"<p>{escape(reason)}.</p>" for reason in found.untold.values())
    if not lines:
        return reasons
    head = "<tr><th>FAR<th>VAL<th>interval<th>threshold"
    return f"<table>{head}{''.join(lines)}</table>{reasons}"


def _sheet(found: Verification, pairs: list[HardPair], faces: Mapping[Path, Pixels]) -> str:
    shown = []
    for pair in pairs:
        photos = [found.photos[row] for row in (pair.a, pair.b)]
        crops = "".join(crop(faces[photo], printable(photo), printable(photo.name), WIDEST) for photo in photos)
        shown.append(f"<div class=pair><div class=sheet>{crops}</div>distance {pair.distance:.3f}</div>")
    return f"<div class=photos>{''.join(shown)}</div>"
