# pyright: strict
"""A program that uses faceprint as others do, typed: mypy and pyright read it in their strict modes, a test runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import faceprint as fp


def settings_of(model: fp.Model, sampler: fp.PKSampler, memory: fp.CrossBatchMemory) -> list[int]:
    assert_type(model.options, fp.DetectorOptions)
    assert_type(model.network.batch, int | None)
    assert_type(model.network.session.inputs, dict[str, tuple[int | None, ...]])
    numbers = [model.threads, memory.size, sampler.people, sampler.faces, sampler.negatives, sampler.seed]
    assert_type(numbers, list[int])
    return numbers


def faces_of(model: fp.Model, photos: Sequence[Path]) -> tuple[int, list[str]]:
    """How many faces are on the photographs that can be read, and why the others cannot."""
    assert_type(model.faces(photos[0]), fp.Faces)
    assert_type(model.faces(photos), Iterator[fp.Faces])
    read: list[fp.Faces] = []
    broken: list[str] = []
    for found in model.faces(photos, errors="collect"):
        assert_type(found, fp.Faces | fp.PhotoError)
        if isinstance(found, fp.PhotoError):
            broken.append(str(found))
        else:
            read.append(found)
    return sum(len(faces) for faces in read), broken


def same_person(model: fp.Model, a: Path, b: Path) -> bool:
    answer = model.verify(a, b, far=1e-3)
    assert_type(answer, fp.Verification)
    assert_type(answer.same, bool | None)
    assert_type(answer.distance, float)
    return answer.same is True


def nearest_of(x: NDArray[np.float32], gallery: fp.Gallery) -> list[int]:
    between = fp.distances(x, x)
    assert_type(between, NDArray[np.float32])
    distances, rows = fp.nearest(x, gallery, k=1, progress=lambda share: None)
    assert_type(distances, NDArray[np.float32])
    assert_type(rows, NDArray[np.int64])
    alone = fp.nearest(x, x, k=1, metric="cosine")
    assert_type(alone, tuple[NDArray[np.float32], NDArray[np.int64]])
    return [int(row) for row in rows[:, 0]]


def gallery_of(x: NDArray[np.float32], names: Sequence[str | None], path: Path) -> fp.Gallery:
    gallery = fp.Gallery(path, storage="float16", recipe=fp.load().recipe)
    ids = gallery.add(x, labels=names, metadata=[{"year": 2015}] * len(x), quality=[0.9] * len(x))
    assert_type(ids, NDArray[np.int64])
    return gallery


def names_of(gallery: fp.Gallery, x: NDArray[np.float32]) -> list[str | None]:
    found = gallery.search(x, k=2, where={"year": [2014, 2015], "label": None}, max_distance=4.0)
    assert_type(found, fp.Matches)
    people = gallery.identify(x, max_distance=0.5)
    assert_type(people.known, NDArray[np.bool_])
    assert_type(gallery.remove(label="nobody"), int)
    entries = list(gallery.iterate())
    assert_type(entries, list[fp.Entry])
    return [entry.label for entry in entries if not (entry.metadata or {}).get("hidden")]


def people_of(x: NDArray[np.float32]) -> list[list[int]]:
    people = fp.cluster(x, method="map_equation", must_link=[(0, 1)], junk=np.zeros(len(x), bool))
    assert_type(people, fp.Clustering)
    assert_type(people.labels, NDArray[np.int64])
    return [[int(row) for row in np.flatnonzero(people.labels == person)] for person in range(len(people))]


def trained_on(x: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    triplets = fp.mine_triplets(x, labels, margin=0.2, kind="semihard")
    assert_type(triplets, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]])
    value, gradient = fp.triplet_loss(x, labels, kind="batch-all")
    assert_type(value, float)
    assert_type(gradient, NDArray[np.float32])
    for batch in fp.PKSampler(labels, people=2, faces=2):
        assert_type(batch, list[int])
    return value


def vals_of(pairs: fp.evaluate.Pairs, x: NDArray[np.float32]) -> list[float]:
    assert_type(pairs.count(), tuple[int, int])
    vals = pairs.vals(x, [0.1, 0.2])
    assert_type(vals, list[fp.evaluate.Val])
    return [val.val for val in vals]


def measured_on(x: NDArray[np.float32], labels: NDArray[np.int64]) -> list[float]:
    every = fp.evaluate.AllPairs(labels)
    listed = fp.evaluate.ListedPairs(labels, *np.triu_indices(len(x), 1))
    same, different = np.array([0.1, 0.2]), np.array([0.3, 0.9])
    assert_type(fp.evaluate.roc(same, different), fp.evaluate.Roc)
    found = fp.evaluate.clustering(labels, fp.cluster(x).labels)
    assert_type(found.bcubed.f, float)
    return vals_of(every, x) + vals_of(listed, x)


def refused() -> str:
    try:
        fp.use_backend("abacus")
    except fp.FaceprintError as error:
        return str(error)
    except ValueError as error:
        return f"value: {error}"
    return ""
