"""Galleries: embeddings with labels, packed as the kernels read them, in memory alone or kept in a file."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress, as_k
from .arrays import as_embeddings
from .decision import farthest
from .distance import as_farthest, as_threshold
from .entries import Entry, read_entries
from .errors import GalleryError
from .exchange import read_exported, write_exported
from .expected import as_kind, as_number
from .given import (
    given_details,
    given_ids,
    given_key,
    given_label,
    given_labels,
    given_path,
    given_quality,
    given_rows,
)
from .held import NOBODY, Held, check_fingerprint
from .identify import Among, People, Score, joined, nearest_means, nearest_people, no_people
from .matches import Matches, as_matches, no_matches
from .photo import printable
from .recipe import Recipe
from .some import Asked, search_some
from .store import CHUNK, Detail, Store
from .transfer import hand_out, take_in
from .uncopied import Uncopied
from .where import OWN, Where, find_rows

if TYPE_CHECKING:
    from .approximate import ApproximateIndex
    from .evaluate import Identification

Storage: TypeAlias = Literal["float32", "float16", "int8"]
LONGEST = 1_000_000  # seconds of waiting, of which SQLite counts the thousandths in 32 bits


class Gallery(Uncopied):
    """Faces one may be looked up among: embeddings, what is known of them, and ids that are never given twice.

    With a `path` the gallery is a file, which is made where there is none: an SQLite database that only its owner may
    read. Each call that changes it does so whole or not at all, and what it has stored outlasts a crash. Any number of
    threads and processes may have it open; one changes it at a time, the next waits for up to `wait` seconds, and all
    see each change with their next call. Without a path it lives in memory. With a `key`, 32 bytes or a passphrase, the
    file is encrypted by SQLCipher (`faceprint[encryption]`). GalleryError for a file that is no gallery, is damaged,
    cannot be opened, or lies beside the journal of another; and in each call for one that was exchanged or removed
    while it was open. Nothing is ever read from a damaged one. With `read_only` nothing is changed, nor need it be
    possible to. TypeError and ValueError for arguments of another type or out of range, which leave no file.

    The first rows decide the dimension; with the first `Faces` comes the fingerprint of their network, and rows of
    another network are refused from then on, unless an `Upgrade` has mapped them. `recipe` is that of the network
    (`model.recipe`), which `search` takes thresholds from; the bundled network's need not be given.

    `storage` is "float32", "float16" (half the memory, searched as what the halves stand for) or "int8" (a byte a
    number, searched by the codes: nearly the same neighbours, at distances that are off by 0.0025, root mean square, of
    unit rows of 128 numbers); None takes what a file has, or float32. Beside float32 rows codes are kept in memory,
    which make searches several times faster and change no answer: 128 numbers take 728 bytes a row, 260 as float16 and
    140 as int8.

    >>> import numpy
    >>> gallery = Gallery()
    >>> gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None]).tolist()
    [0, 1, 2]
    >>> found = gallery.search(numpy.float32([[1, 0, 0]]), k=2)
    >>> found.labels.tolist(), found.distances.tolist()
    ([['Ann', 'Ben']], [[0.0, 2.0]])
    >>> gallery.remove(label="Ann"), len(gallery)
    (1, 2)
    """

    _instead = "open it again by its path, or export one that lives in memory"

    def __init__(
        self,
        path: "str | os.PathLike[str] | None" = None,
        *,
        storage: Storage | None = None,
        key: bytes | str | None = None,
        wait: float = 10.0,
        read_only: bool = False,
        recipe: Recipe | None = None,
    ) -> None:
        if storage not in (None, *get_args(Storage)):
            raise ValueError(f"storage must be 'float32', 'float16' or 'int8', not {storage!r}")
        file = None if path is None else Path(given_path(path))
        key = given_key(key)
        if not 0 <= as_number(wait, "wait") <= LONGEST:
            raise ValueError(f"wait must be seconds from 0 to {LONGEST:,}, not {wait}")
        if recipe is not None:
            as_kind(recipe, Recipe, "recipe")
        if path is None and (key is not None or read_only):
            raise ValueError("a gallery in memory has no key and is not for reading only: path must be given")
        store = Store(file, storage, key=key, wait=wait, read_only=read_only)
        self._held = Held(store)
        self._recipe = recipe
        try:
            with self._held.following():
                if storage not in (None, self._held.state.storage):
                    raise GalleryError(f"{store.name} stores rows as {self._held.state.storage}, not as {storage}")
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        with self._held.following():
            return len(self._held.ids)

    def __repr__(self) -> str:
        held, state = self._held, self._held.state  # as they are, without a look at the file
        where = "in memory" if self.path is None else printable(self.path)
        if held.store.closed:
            return f"<Gallery {where}: closed>"
        told = f"faces={len(held.ids)}, people={state.people}, dimension={state.dimension}, storage={state.storage}"
        return f"<Gallery {where}: {told}>"

    def close(self) -> None:
        """Let go of the file, and of what is in memory; whatever is asked of it after that is a GalleryError.

        Closing it twice does nothing. `with` closes it, too.

        >>> gallery = Gallery()
        >>> gallery.close()
        >>> gallery
        <Gallery in memory: closed>
        """
        store = self._held.store
        with nullcontext() if store.inherited else self._held.lock:  # which a thread may have that was not forked
            store.close()
            self._held.forget()

    @property
    def path(self) -> Path | None:
        """The file, or None."""
        return self._held.store.path

    @property
    def storage(self) -> Storage:
        """How the rows are stored."""
        return cast("Storage", self._held.state.storage)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the network whose `Faces` were added, or None where only arrays were."""
        with self._held.following():
            return self._held.state.fingerprint

    @property
    def sources(self) -> frozenset[str]:
        """The fingerprints of all networks whose rows were added, of those that were upgraded too."""
        with self._held.following():
            return frozenset(self._held.state.sources)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids of all rows, rising."""
        with self._held.following():
            return self._held.ids.copy()

    @property
    def labels(self) -> NDArray[np.object_]:
        """The labels of all rows, in the order of `ids`."""
        with self._held.following():
            labels: NDArray[np.object_] = self._held.labels.table[self._held.people]
            return labels

    @property
    def quality(self) -> NDArray[np.float32]:
        """The quality of all rows, in the order of `ids`: NaN where it is not known."""
        with self._held.following():
            return self._held.quality.copy()

    @property
    def packed(self) -> _core.Gallery:
        """The rows as the kernels read them, for `faceprint.nearest`; GalleryError while the gallery is empty."""
        with self._held.following():
            if self._held.packed is None or not len(self._held.ids):
                raise GalleryError("the gallery must hold at least one embedding, not 0")
            return self._held.packed

    def embeddings(self) -> NDArray[np.float32]:
        """Copy all rows out: (rows, dimension) float32 in the order of `ids`; (0, 0) before anything was added.

        Of other storages they are what the halves or codes stand for. GalleryError where the file cannot be read.

        >>> import numpy
        >>> gallery = Gallery(storage="float16")
        >>> ids = gallery.add(numpy.float32([[0.1, 1]]))
        >>> gallery.embeddings()
        array([[0.09997559, 1.        ]], dtype=float32)
        """
        with self._held.following():
            return np.empty((0, 0), np.float32) if self._held.packed is None else self._held.packed.unpack()

    def add(
        self,
        x: Any,
        labels: Sequence[str | None] | None = None,
        *,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        photos: "Sequence[str | os.PathLike[str] | None] | None" = None,
        quality: Any = None,
    ) -> NDArray[np.int64]:
        """Add embeddings (n, dimension) float32, `Faces` or `Embedded`, and return their ids.

        What is known of them has one entry for each: a label, `metadata` that JSON can hold, the name of a photograph,
        and a `quality` in [0, 1]. Where they are not given, `Faces` bring their quality and their photograph. Keys of
        metadata are str, and none is "label", "id" or "photo", by which `where` means what each face has; it is nested
        at most 100 levels deep.

        All or nothing: TypeError or ValueError for rows of another dtype or shape, NaN or infinity, or for what is
        known of another number of faces or of another type; GalleryError for `Faces` of another network, or where the
        file cannot be written, was exchanged or removed. After an error the gallery is as it was.

        >>> import numpy
        >>> gallery = Gallery()
        >>> x = numpy.eye(2, dtype=numpy.float32)
        >>> gallery.add(x, ["Ann", None], metadata=[{"year": 1999}, None], photos=["a.jpg", None]).tolist()
        [0, 1]
        """
        given = given_rows(x)
        names = given_labels(labels, len(given))
        if photos is None and getattr(x, "photo", None) is not None:
            photos = [x.photo] * len(given)
        details = given_details(metadata, photos, len(given), reserved=OWN)
        known = given_quality(getattr(x, "quality", None) if quality is None else quality, len(given))
        held = self._held
        with held.changing():
            check_fingerprint(held.state, given.fingerprint)
            rows = as_embeddings(given.embeddings, "embeddings", width=held.state.dimension)
            ids = held.append(rows, held.number(names), known)
            held.add_details(ids, details)
            source = given.upgraded_from or given.fingerprint
            held.come_from(given.fingerprint, [source] if source else [])
        return ids

    def search(
        self,
        x: Any,
        k: int = 10,
        *,
        where: Where | None = None,
        min_distance: float = 0.0,
        max_distance: float | None = None,
        far: float | None = None,
        min_quality: float | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Matches:
        """Find for each probe the k nearest rows, or all of them where the gallery holds fewer.

        `x` is (n, dimension) float32, `Faces` or `Embedded`. Exact; ties go to the lower id. Conditions leave rows out:
        `where` maps "label", "id", "photo" or a key of the metadata to a value, or to a list of some, that a row must
        have (None: that it has none); `min_distance` is for nearer ones, such as the probe's own photograph, and
        `max_distance` for farther ones, both squared distances in [0, 4]; `min_quality` for those below it, of which a
        quality is known. `far` takes for `max_distance` the threshold that the recipe states for a false accept rate.
        That is the rate of one comparison: among n people a stranger finds somebody some n times as often, which is
        what `identify` is calibrated for.

        Raises ValueError for k < 1, distances that are none and a `min_quality` outside of [0, 1]; TypeError for
        arguments of another type; GalleryError for `Faces` of another network, and for a
        `far` where the recipe is not known or some embeddings were upgraded; RecipeError where it does not state that
        rate; and what `nearest` raises; `progress` as there, but it must not change this gallery, and begins
        anew where some probes have to be looked up among more faces for what they ask.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(2, dtype=numpy.float32), metadata=[{"year": 1999}, {"year": 2015}])
        >>> gallery.search(numpy.float32([[1, 0]]), k=1, where={"year": [2014, 2015]}).ids.tolist()
        [[1]]
        """
        given = given_rows(x)
        k = as_k(k)
        held = self._held
        with held.following():
            check_fingerprint(held.state, given.fingerprint)
            limit = farthest(far, max_distance, self._recipe, held.state, given)
            allowed = _allowed(held, where, min_quality)
            if held.packed is None or not len(held.ids):
                return no_matches(len(given))
            probes = as_embeddings(given.embeddings, "embeddings", width=held.packed.columns)
            asked = Asked(
                rows=allowed,
                nearest=as_threshold(min_distance, "min_distance"),
                farthest=limit,
            )
            found, rows, reranked = search_some(probes, held.packed, min(k, len(held.ids)), asked, threads, progress)
            return as_matches(held, found, rows, reranked)

    def approximate(
        self,
        *,
        connectivity: int = 16,
        expansion_add: int = 128,
        expansion_search: int = 64,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> "ApproximateIndex":
        """Build an index whose searches look at few faces and miss some: for galleries too large to be searched whole.

        It is a graph (HNSW, Malkov and Yashunin 2018), made by usearch (`faceprint[approximate]`), that lives in
        memory beside the gallery and follows it. `connectivity` (M), `expansion_add` and `expansion_search` (ef) are
        usearch's: larger ones find more and take longer. Its `recall` tells what is missed. A graph is the same each
        time where `threads` is 1. ValueError for a `connectivity` below 2 or another option below 1, TypeError for
        options that are no whole numbers, ModuleNotFoundError without usearch.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", "Cy"])
        >>> index = gallery.approximate()
        >>> index.search(numpy.float32([[0, 1, 0]]), k=1).labels.tolist(), index.recall(k=1).value
        ([['Ben']], 1.0)
        """
        from .approximate import ApproximateIndex

        return ApproximateIndex(
            self._held,
            connectivity=connectivity,
            expansion_add=expansion_add,
            expansion_search=expansion_search,
            threads=threads,
            progress=progress,
        )

    def identify(
        self,
        x: Any,
        k: int = 1,
        *,
        fpir: float | None = None,
        max_distance: float | None = None,
        score: Score = "best",
        together: bool = False,
        where: Where | None = None,
        min_quality: float | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> People:
        """Find for each probe the k people it may be, and say whether the first of them is meant, or nobody.

        People are compared by their `score`: the distance of the nearest of their faces ("best"), or the mean over all
        of them ("mean"). With `together`, all rows of `x` are one person's, as frames of a video are, and give one
        answer: the least distance of any, or the mean of all pairs (paper, section 5.7). Faces without a label are
        nobody's; `where` and `min_quality` leave others out as in `search`.

        The first is known where it lies within a threshold: `max_distance`, or the one at which `calibrate` has found
        that no more than a share `fpir` of strangers is named, which is for "best" and single probes. As a gallery
        grows, more are: the answer tells how many.

        Raises ValueError unless one of `fpir` and `max_distance` is given, GalleryError for a rate that the gallery was
        not calibrated for, and what `search` raises.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        >>> found = gallery.identify(numpy.float32([[0, 0.6, 0.8]]), k=2, max_distance=0.5)
        >>> found.labels.tolist(), found.known.tolist()
        ([['Ben', 'Ann']], [True])
        """
        given = given_rows(x)
        k = as_k(k)
        if score not in get_args(Score):
            raise ValueError(f"score must be 'best' or 'mean', not {score!r}")
        if (fpir is None) == (max_distance is None):
            raise ValueError("identify takes either fpir or max_distance")
        if fpir is not None and (score != "best" or together):
            raise ValueError("fpir is that of single probes by score 'best'; others want max_distance")
        held = self._held
        with held.following():
            check_fingerprint(held.state, given.fingerprint)
            threshold, rate = self._decision(fpir) if fpir is not None else (as_farthest(max_distance), None)
            allowed = _allowed(held, where, min_quality)
            named = held.people != NOBODY
            if held.packed is None or not len(held.ids):
                return no_people(1 if together else len(given), k, threshold, rate)
            probes = as_embeddings(given.embeddings, "embeddings", width=held.packed.columns)
            search = Among(held.packed, held.people, named if allowed is None else named & allowed, threads, progress)
            if together:
                people, distances, rows = joined(probes, search, k, score)
            elif score == "best":
                people, distances, rows = nearest_people(probes, search, k)
            else:
                people, distances, rows = nearest_means(probes, search, k)
            ids = np.where(rows < 0, -1, held.ids[rows])
            return People(held.labels.table[people], distances, ids, distances[:, 0] <= threshold, threshold, rate)

    def calibrate(
        self, rates: Sequence[float] | None = None, *, threads: int | None = None, progress: Progress | None = None
    ) -> "list[Identification]":
        """Measure on its own labelled faces what thresholds mean in a gallery of this size, for `identify` to use.

        As `fp.evaluate.identification`, which says how, at which rates by default, and what it raises. The labels are
        taken to be right: two labels of one person look like strangers who are named (`fp.clean` finds them). Whatever
        changes who is whom undoes it; adding faces does not.

        Others may use and change the gallery meanwhile. GalleryError, and nothing is kept, where that removed a face or
        changed who is whom.

        >>> from faceprint import synthetic
        >>> made, gallery = synthetic.people(600, 100, junk=0, seed=1), Gallery()
        >>> ids = gallery.add(made.embeddings, labels=[f"person {person}" for person in made.people])
        >>> [round(entry.fpir, 2) for entry in gallery.calibrate([0.1, 0.05])]
        [0.1, 0.05]
        """
        from .calibrated import calibrate_held  # which loads `evaluate`, as the next two do: that takes long

        return calibrate_held(self._held, rates, threads, progress)

    @property
    def calibration(self) -> "list[Identification]":
        """What `calibrate` found, empty where it was not called or labels have changed since."""
        from .calibrated import calibration_of

        return calibration_of(self._held)

    def remove(self, *, ids: Sequence[int] | NDArray[np.int64] | None = None, label: str | None = None) -> int:
        """Remove rows by their `ids` or by `label`, with all that is known of them, and return how many went.

        Their memory is overwritten at once; what a file held of them is too, when `compact` is called. A calibration of
        which they were a part goes with them. GalleryError for an id that is not there (nothing is removed then),
        TypeError for ids that are not integers and a label that is no str; a label nobody bears removes nothing.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        >>> gallery.remove(label="Ann"), gallery.remove(ids=[2]), gallery.remove(label="Cy")
        (2, 1, 0)
        """
        if (ids is None) == (label is None):
            raise ValueError("remove takes either ids or a label")
        wanted = None if ids is None else np.unique(given_ids(ids))
        name = None if label is None else given_label(label)
        held = self._held
        with held.changing():
            if wanted is not None:
                rows = self._rows_of(wanted)
            else:
                rows = np.flatnonzero(held.people == held.labels.numbers.get(cast("str", name), held.labels.ever))
            if len(rows):
                held.remove(rows)
        return len(rows)

    def update(
        self,
        ids: Sequence[int] | NDArray[np.int64],
        *,
        labels: Sequence[str | None] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        photos: "Sequence[str | os.PathLike[str] | None] | None" = None,
    ) -> None:
        """Replace labels, metadata or photographs of rows, an entry for each id; what is not given stays as it is.

        All or nothing. Raises as `add` and `remove` do.

        >>> import numpy
        >>> gallery = Gallery()
        >>> gallery.update(gallery.add(numpy.eye(2, dtype=numpy.float32)), labels=["Ann", "Ben"])
        >>> gallery.labels.tolist()
        ['Ann', 'Ben']
        """
        faces = given_ids(ids)
        if len(np.unique(faces)) < len(faces):
            raise ValueError("ids must differ, but some come twice")
        names = None if labels is None else given_labels(labels, len(faces))
        details = given_details(metadata, photos, len(faces), reserved=OWN)
        held = self._held
        with held.changing():
            rows = self._rows_of(faces)
            if names is not None:
                people = held.people.copy()
                people[rows] = held.number(names)
                held.set_people(people)
            if metadata is not None or photos is not None:
                known = held.store.details(faces)
                before = [known.get(face, Detail(None, None)) for face in faces.tolist()]
                held.write_details(
                    {
                        face: Detail(
                            was.metadata if metadata is None else now.metadata,
                            was.photo if photos is None else now.photo,
                        )
                        for face, was, now in zip(faces.tolist(), before, details, strict=True)
                    }
                )

    def rename(self, label: str, new: str) -> int:
        """Give everybody of a label a new one, and return how many faces that are.

        GalleryError where nobody has the label, or somebody the new one: `merge` puts people together.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(2, dtype=numpy.float32), labels=["Ann", "Ann"])
        >>> gallery.rename("Ann", "Anna")
        2
        """
        name, held = given_label(new), self._held
        with held.changing():
            known = held.labels.numbers
            person = self._person(label)
            if known.get(name, person) != person:
                raise GalleryError(f"new must be a label that nobody has, but some are called {new!r}: merge them")
            held.rename(person, name)
            return int((held.people == person).sum())

    def merge(self, labels: Sequence[str], into: str) -> int:
        """Make one person of several: all faces of `labels` get the label `into`. Returns how many changed theirs.

        GalleryError for a label that nobody has, TypeError for one that is no str; `into` may be one of them, somebody
        else's or new. Where nobody changes, all stays as it is.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        >>> gallery.merge(["Ann", "Ben"], into="Ann"), gallery.labels.tolist()
        (1, ['Ann', 'Ann', 'Ann'])
        """
        if isinstance(labels, str) or not isinstance(labels, Iterable):
            raise TypeError(f"labels must be a sequence of str, not a {type(labels).__name__}")
        name, held = given_label(into), self._held
        with held.changing():
            people = [self._person(label) for label in labels]
            moved = np.isin(held.people, people) & (held.people != held.labels.numbers.get(name, NOBODY))
            if moved.any():  # or else `into` would be a person without a face
                target = held.number(np.array([name], object))[0]
                held.set_people(np.where(moved, target, held.people))
        return int(moved.sum())

    def iterate(self, where: Where | None = None) -> Iterator[Entry]:
        """Every face, or those that `where` allows as in `search`, in the order of their ids.

        Faces are read some thousand at a time; those that go or come meanwhile may be among them or not. TypeError and
        ValueError for a `where` as in `search`, GalleryError where the file cannot be read.

        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        >>> [(entry.id, entry.label, entry.metadata) for entry in gallery.iterate(where={"label": "Ann"})]
        [(0, 'Ann', None), (1, 'Ann', None)]
        """
        with self._held.following():
            wanted = self._held.ids if where is None else self._held.ids[find_rows(where, self._held)]
        for start in range(0, len(wanted), CHUNK):
            yield from read_entries(self._held, wanted[start : start + CHUNK])

    def export(self, path: "str | os.PathLike[str]") -> None:
        """Write all faces, and what is known of them, to a file that others can read: .npz or .parquet by its name.

        `docs/galleries.md` says what it holds. It is written whole or not at all, is not encrypted, and only its owner
        may read it. A calibration stays behind. Parquet needs `faceprint[parquet]`.

        GalleryError where the file cannot be written, or the gallery has never held a face; ValueError for another
        ending.

        >>> import tempfile
        >>> import numpy
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gallery.export(f"{folder}/people.npz")
        ...     numpy.load(f"{folder}/people.npz")["ids"].tolist()
        [0, 1, 2]
        """
        write_exported(path, hand_out(self._held))

    def backup(self, path: "str | os.PathLike[str]") -> None:
        """Write a gallery's file as it is now to another one, that can be opened as well, in place of what is there.

        Others may use the gallery meanwhile, other threads by a `Gallery` of their own. The copy has everything, the
        calibration and the encryption, too; it is written whole or not at all, and only its owner may read it. Nothing
        is looked at that is copied: `len(Gallery(path, read_only=True))` reads all of it.

        GalleryError where the copy cannot be written or is the gallery itself, and for a gallery in memory; TypeError
        and ValueError for what is no path.

        >>> import tempfile
        >>> import numpy
        >>> with tempfile.TemporaryDirectory() as folder, Gallery(f"{folder}/people.faceprint") as gallery:
        ...     ids = gallery.add(numpy.eye(2, dtype=numpy.float32), labels=["Ann", "Ben"])
        ...     gallery.backup(f"{folder}/backup.faceprint")
        ...     with Gallery(f"{folder}/backup.faceprint", read_only=True) as copy:
        ...         copy.labels.tolist()
        ['Ann', 'Ben']
        """
        with self._held.snapshot():
            self._held.store.backup(Path(given_path(path)))

    def import_from(self, path: "str | os.PathLike[str]") -> NDArray[np.int64]:
        """Add all faces of a file that `export` wrote, with what is known of them, and return their ids.

        A gallery that never held a face takes the ids of the file, others give new ones, in the same order. Rows stay
        the same to the bit where both have the same `storage`, and are converted otherwise.

        All or nothing. GalleryError for embeddings of another network or dimension than those that are there, and for a
        file that is damaged or something else.

        >>> import numpy, tempfile
        >>> gallery, other = Gallery(), Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gallery.export(f"{folder}/people.npz")
        ...     other.import_from(f"{folder}/people.npz").tolist()
        [0, 1, 2]
        >>> other.labels.tolist()
        ['Ann', None, 'Ben']
        """
        found, name = read_exported(path), printable(Path(path))
        return take_in(self._held, found.facts, [(name, found)], name)

    def compact(self) -> None:
        """Overwrite in the file what was removed, write small additions together, and give back what is not needed.

        GalleryError where somebody else is reading just then, which keeps the journal beside the file, and where it
        cannot be written.

        >>> import tempfile
        >>> import numpy
        >>> with tempfile.TemporaryDirectory() as folder, Gallery(f"{folder}/people.faceprint") as gallery:
        ...     ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ann", "Ben"])
        ...     removed = gallery.remove(label="Ann")
        ...     gallery.compact()  # now nothing is left of her in the file
        """
        with self._held.changing():
            self._held.renumber()
            self._held.write_anew()
        with self._held.lock:
            self._held.store.erase()

    def _rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        unknown = ids[~np.isin(ids, self._held.ids)]
        if len(unknown):
            raise GalleryError(f"ids must be in the gallery; these are not: {unknown[:5].tolist()}")
        return np.searchsorted(self._held.ids, ids)

    def _decision(self, fpir: float) -> tuple[float, float]:
        from .calibrated import threshold_at

        return threshold_at(self._held, as_number(fpir, "fpir"))

    def _person(self, label: str) -> int:
        person = self._held.labels.numbers.get(given_label(label))
        if person is None:
            raise GalleryError(f"label must be one that a face has, but nobody is called {label!r}")
        return person


def _allowed(held: Held, where: Where | None, min_quality: float | None) -> NDArray[np.bool_] | None:
    """Which rows meet the conditions on what is known of them; None where there are none."""
    if where is None and min_quality is None:
        return None
    if min_quality is not None and not 0 <= as_number(min_quality, "min_quality") <= 1:
        raise ValueError(f"min_quality must lie in [0, 1], not {min_quality}")
    rows = find_rows({} if where is None else where, held)
    return rows if min_quality is None else rows & ~(held.quality < min_quality)
