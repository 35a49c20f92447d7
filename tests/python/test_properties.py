"""What must hold for any rows at all, found by Hypothesis; the same examples each time, so that it never flakes."""

import itertools
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import faceprint as fp
from faceprint import _core, held, store

settings.register_profile("same each time", derandomize=True, deadline=None, max_examples=40, print_blob=True)
settings.load_profile("same each time")

SMALL = st.integers(-3, 3)  # whole numbers, of which distances are exact, and often equal


@st.composite
def batches(draw, least=1, most=14, count=1):
    """Some matrices of as many columns; of whole numbers, whose distances are exact."""
    depth = draw(st.integers(1, 12))
    shapes = [(draw(st.integers(least, most)), depth) for _ in range(count)]
    drawn = [draw(arrays.arrays(np.float32, shape, elements=SMALL.map(np.float32))) for shape in shapes]
    return drawn[0] if count == 1 else drawn


@st.composite
def floats(draw):
    """A matrix of any numbers in [-4, 4]."""
    shape = draw(st.integers(1, 10)), draw(st.integers(1, 12))
    return draw(arrays.arrays(np.float32, shape, elements=st.floats(-4, 4, width=32)))


@st.composite
def labelled(draw, least=1):
    x = draw(batches(least=least))
    return x, draw(arrays.arrays(np.int64, len(x), elements=st.integers(0, 3)))


def same_groups(a, b):
    """Whether two lists of labels part the rows alike."""
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


@given(batches(count=2))
def test_distances_are_those_of_plain_numbers(pair):
    x, y = pair
    expected = ((x[:, None].astype(np.float64) - y) ** 2).sum(axis=2)
    np.testing.assert_array_equal(fp.distances(x, y), expected)


@given(floats())
def test_distances_are_symmetric_and_zero_on_the_diagonal(x):
    d = fp.distances(x, x)
    np.testing.assert_array_equal(d, d.T)
    np.testing.assert_array_equal(np.diag(d), 0)
    assert (d >= 0).all()


@given(batches(most=8))
def test_roots_of_distances_keep_the_triangle_inequality(x):
    """They are exact but for the root, in float64."""
    d = np.sqrt(fp.distances(x, x).astype(np.float64))
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-12).all()


@given(batches(count=2), st.randoms(use_true_random=False))
def test_rows_in_another_order_have_the_same_distances(pair, random):
    x, y = pair
    order, others = random.sample(range(len(x)), len(x)), random.sample(range(len(y)), len(y))
    np.testing.assert_array_equal(fp.distances(x[order], y[others]), fp.distances(x, y)[np.ix_(order, others)])


@given(batches(count=2), st.randoms(use_true_random=False))
def test_columns_in_another_order_change_no_distance(pair, random):
    x, y = pair
    order = random.sample(range(x.shape[1]), x.shape[1])
    np.testing.assert_array_equal(
        fp.distances(np.ascontiguousarray(x[:, order]), np.ascontiguousarray(y[:, order])), fp.distances(x, y)
    )


@given(batches(count=2), st.data())
def test_nearest_are_the_first_of_all_sorted(pair, data):
    x, y = pair
    k = data.draw(st.integers(1, len(y)))
    values, indices = fp.nearest(x, y, k=k)
    everything = fp.distances(x, y)
    order = np.argsort(everything, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(values, np.take_along_axis(everything, order, axis=1))


@given(batches(count=2), st.integers(0, 60))
def test_within_are_those_below_the_limit(pair, limit):
    x, y = pair
    offsets, values, indices = fp.within(x, y, limit)
    everything = fp.distances(x, y)
    for row, (start, end) in enumerate(itertools.pairwise(offsets)):
        order = np.argsort(everything[row], kind="stable")
        expected = order[everything[row][order] <= limit]
        np.testing.assert_array_equal(indices[start:end], expected)
        np.testing.assert_array_equal(values[start:end], everything[row][expected])


@given(batches(least=2), st.data())
def test_neighbours_are_the_nearest_without_oneself(x, data):
    k = data.draw(st.integers(1, len(x) - 1))
    values, indices = fp.neighbours(x, k=k)
    everything = fp.distances(x, x)
    np.fill_diagonal(everything, np.inf)
    order = np.argsort(everything, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(values, np.take_along_axis(everything, order, axis=1))


@given(batches(count=2))
def test_a_gallery_twice_over_has_the_first_copy_of_each(pair):
    """Of equally near rows the lower index is taken."""
    x, y = pair
    np.testing.assert_array_equal(fp.nearest(x, np.concatenate([y, y]), k=1)[1], fp.nearest(x, y, k=1)[1])


@given(labelled(least=2), st.sampled_from([0.5, 3.0, 20.0, np.inf]))
def test_triplets_keep_the_rule(batch, margin):
    x, labels = batch
    d = fp.distances(x, x).astype(np.float64)
    for kind in ("semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive"):
        anchors, positives, negatives = fp.mine_triplets(x, labels, margin=margin, kind=kind)
        assert (anchors != positives).all()
        assert (labels[anchors] == labels[positives]).all()
        assert (labels[anchors] != labels[negatives]).all()
        near, far = d[anchors, positives], d[anchors, negatives]
        assert (far < near + margin).all()
        if kind in ("semihard", "easy-positive"):
            assert (near < far).all()


@given(labelled(least=2), st.sampled_from([0.5, 3.0, 20.0]))
def test_all_triplets_are_all_and_their_loss_is_their_mean(batch, margin):
    x, labels = batch
    d = fp.distances(x, x).astype(np.float64)
    rows = range(len(x))
    expected = [
        (a, p, n)
        for a, p, n in itertools.product(rows, rows, rows)
        if a != p and labels[a] == labels[p] and labels[a] != labels[n] and d[a, n] < d[a, p] + margin
    ]
    mined = fp.mine_triplets(x, labels, margin=margin, kind="batch-all")
    assert np.stack(mined, axis=1).tolist() == [list(triplet) for triplet in expected]
    value, gradient = fp.triplet_loss(x, labels, margin=margin, kind="batch-all")
    costs = [d[a, p] - d[a, n] + margin for a, p, n in expected]
    np.testing.assert_allclose(value, np.mean(costs) if costs else 0, rtol=1e-6)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-3)  # moving all rows alike changes no distance


@given(batches(), st.sampled_from(["components", "modularity", "map_equation"]))
def test_grouping_again_keeps_names(x, method):
    rows = (x / 40).astype(np.float32)
    found = fp.cluster(rows, method=method, k=3)
    again = fp.cluster(rows, method=method, k=3, previous=found.labels)
    np.testing.assert_array_equal(found.labels, again.labels)


@given(batches(), st.randoms(use_true_random=False))
def test_rows_in_another_order_are_grouped_alike(x, random):
    """Where no two distances are the same, or it would be the order that decides."""
    rows = (x + np.random.default_rng(0).normal(0, 0.3, x.shape)).astype(np.float32) / 16
    order = random.sample(range(len(rows)), len(rows))
    for method in ("average", "components"):
        found = fp.cluster(rows, method=method, threshold=0.1).labels
        assert same_groups(found[order], fp.cluster(rows[order], method=method, threshold=0.1).labels)


@given(batches())
def test_equal_rows_are_of_one_person(x):
    twice = np.concatenate([x, x]) / 100
    labels = fp.cluster(twice.astype(np.float32), method="average").labels
    np.testing.assert_array_equal(labels[: len(x)], labels[len(x) :])


@given(labelled())
def test_agreement_is_whole_with_oneself_and_blind_to_names(batch):
    _, labels = batch
    whole = fp.evaluate.clustering(labels, labels)
    assert whole.pairwise.f == whole.bcubed.f == 1
    other = np.random.default_rng(0).integers(0, 3, len(labels))
    renamed = np.array([7, 5, 9, 2])[labels]
    one, two = (fp.evaluate.clustering(truth, other) for truth in (labels, renamed))
    assert one.pairwise == two.pairwise
    np.testing.assert_allclose([one.bcubed.f, one.nmi], [two.bcubed.f, two.nmi], rtol=1e-12)


@given(batches(count=2))
def test_the_distance_of_sets_is_the_mean_of_all_pairs(pair):
    x, y = pair
    np.testing.assert_allclose(fp.set_distance(x, y), fp.distances(x, y).mean(dtype=np.float64), atol=1e-9, rtol=1e-12)
    assert fp.set_distance(x, y) == fp.set_distance(y, x)


NAMES = st.sampled_from(["Ann", "Ben", "Cy", None])


@given(batches(), st.data())
def test_a_template_is_a_unit_row_and_knows_no_order_and_no_scale_of_weights(x, data):
    rows = x + np.eye(1, x.shape[1], dtype=np.float32) * 50  # so that they do not cancel each other out
    weights = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(x), max_size=len(x)))) + np.eye(len(x))[0]
    order = data.draw(st.permutations(range(len(x))))
    found = fp.template(rows, weights)
    np.testing.assert_allclose(np.linalg.norm(found), 1, atol=1e-6)
    np.testing.assert_allclose(fp.template(rows[order], 3 * weights[order]), found, atol=1e-6)
    twice = np.repeat(rows, 2, axis=0)  # a face that counts twice is one that is there twice
    np.testing.assert_allclose(fp.template(twice, np.repeat(weights, 2)), found, atol=1e-6)


@given(batches(count=2), st.integers(0, 4))
def test_overlap_is_the_nearest_of_each_within_the_threshold(pair, threshold):
    x, y = pair
    everything = fp.distances(x, y)
    found = fp.overlap(x, y, threshold=threshold)
    assert sorted(found.pairs[:, 0].tolist()) == np.flatnonzero(everything.min(axis=1) <= threshold).tolist()
    np.testing.assert_array_equal(found.distances, everything.min(axis=1)[found.pairs[:, 0]])
    np.testing.assert_array_equal(found.pairs[:, 1], everything.argmin(axis=1)[found.pairs[:, 0]])
    assert (np.diff(found.distances) >= 0).all()


@given(labelled())
def test_clean_finds_nothing_among_people_who_are_points(batch):
    x, labels = batch
    places = np.eye(4, dtype=np.float32)[labels]
    found = fp.clean(places, np.unique(labels, return_inverse=True)[1])
    assert not len(found.wrong)
    assert not len(found.doubtful)
    assert not found.same
    assert found.twins.tolist() == [
        [a, b] for a, b in itertools.combinations(range(len(x)), 2) if labels[a] == labels[b]
    ]


@given(labelled(), labelled())
def test_assigned_are_the_known_and_newcomers_the_others(import_, known):
    """Whoever stands where somebody enrolled does is that person; whoever does not is somebody new."""
    (_, new), (_, numbers) = import_, known
    x, enrolled = (np.eye(5, dtype=np.float32)[rows] for rows in (new + 1, numbers))
    found = fp.assign(x, enrolled, numbers)
    there = np.isin(new + 1, numbers)
    assert (found.labels[there] == new[there] + 1).all()
    assert (found.labels[~there] == -1).all()
    assert (found.newcomers[there] == -1).all()
    assert same_groups(found.newcomers[~there], new[~there])


DISTANCES = st.lists(st.floats(0, 4, width=32), min_size=20, max_size=60).map(np.array)


@given(DISTANCES, DISTANCES)
def test_a_stricter_rate_has_no_laxer_threshold(one, other):
    same, different = sorted([one, other], key=np.mean)
    found = [fp.evaluate.calibrate(same, np.repeat(different, 3), far) for far in (0.05, 0.1, 0.2, 0.5)]
    for stricter, laxer in itertools.pairwise(found):
        assert stricter.threshold <= laxer.threshold
        assert stricter.val.val <= laxer.val.val
        assert stricter.val.far <= laxer.val.far
    assert all(entry.val.far <= entry.far for entry in found)
    if found[0].slope is not None and found[0].slope > 0:
        assert found[0].probability(0.1) >= found[0].probability(0.2)


@given(labelled(least=12))
def test_a_stricter_search_names_fewer_strangers_and_misses_more_of_the_known(batch):
    x, labels = batch
    if len(set(labels.tolist())) < 2:
        return
    found = fp.evaluate.identification(x, labels, [0.25, 0.5, 0.75])
    for stricter, laxer in itertools.pairwise(found):
        assert stricter.threshold <= laxer.threshold
        assert stricter.fpir <= laxer.fpir
        assert stricter.fnir is None or stricter.fnir >= laxer.fnir


@st.composite
def galleries(draw):
    """A gallery in which some were removed."""
    x, storage = draw(batches()), draw(st.sampled_from(["float32", "float16", "int8"]))
    each = {
        "labels": NAMES,
        "metadata": st.sampled_from([None, {}, {"age": 3, "\u00e4": [None, "x", 0.5]}]),
        "photos": st.sampled_from([None, "a.jpg", "b/\u00e4.jpg"]),
        "quality": st.sampled_from([0.0, 0.25, 1.0, np.nan]),
    }
    known = {name: draw(st.lists(of, min_size=len(x), max_size=len(x))) for name, of in each.items()}
    gallery = fp.Gallery(storage=storage)
    ids = gallery.add(x, **known)
    gallery.remove(ids=draw(st.lists(st.sampled_from(ids.tolist()), unique=True, max_size=len(x) - 1)))
    return gallery


def held_in(gallery):
    return (
        [
            (entry.id, entry.label, entry.metadata, entry.photo, entry.embedding.tobytes())
            for entry in gallery.iterate()
        ],
        gallery.quality.tobytes(),
        gallery.storage,
        gallery.add(np.ones((1, gallery.embeddings().shape[1]), np.float32)).tolist(),
    )


@given(galleries(), st.sampled_from([".npz", ".parquet"]))
def test_what_is_exported_comes_back(gallery, suffix):
    with tempfile.TemporaryDirectory() as folder:
        gallery.export(Path(folder) / f"people{suffix}")
        other = fp.Gallery(storage=gallery.storage)
        other.import_from(Path(folder) / f"people{suffix}")
    assert held_in(other) == held_in(gallery)


@given(galleries(), st.integers(1, 5))
def test_what_is_written_in_shards_comes_back(gallery, rows):
    with tempfile.TemporaryDirectory() as folder:
        shards = fp.write_shards(gallery, Path(folder) / "people", rows=rows)
        assert max(shard.rows for shard in shards.files) <= rows
        np.testing.assert_array_equal(shards.ids(), gallery.ids)
        np.testing.assert_array_equal(shards.embeddings(), gallery.embeddings())
        other = fp.Gallery(storage=gallery.storage)
        fp.read_shards(shards, other)
    assert held_in(other) == held_in(gallery)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_an_upgrade_takes_a_rotation_back(seed, saved):
    """Of a network whose embeddings are those of another, turned: mapped, they are the other's, and so when read."""
    made = fp.synthetic.people(400, 40, hard=0, junk=0, label_noise=0, dimension=6, effective=4, seed=seed % 7)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 6)))[0].astype(np.float32)
    upgrade = fp.Upgrade.fit(made.embeddings, made.embeddings @ turn, made.people, far=0.1)
    if saved:
        with tempfile.TemporaryDirectory() as folder:
            upgrade.save(Path(folder) / "x.npz")
            again = fp.Upgrade.load(Path(folder) / "x.npz")
        np.testing.assert_array_equal(again.weights, upgrade.weights)
        np.testing.assert_array_equal(again.offset, upgrade.offset)
        upgrade = again
    mapped = upgrade.apply(made.embeddings @ turn)
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(mapped, made.embeddings, atol=1e-3)


@given(arrays.arrays(np.uint8, (14, 16, 3)), st.tuples(st.integers(0, 9), st.integers(0, 9)), st.sampled_from([6, 9]))
def test_what_is_moved_by_whole_pixels_has_the_same_chips(image, step, side):
    """To the bit: its places are eighths, which moving does not round."""
    chips = []
    for right, down in ((0, 0), step):
        photo, affine = np.zeros((50, 50, 3), np.uint8), np.array([[1.25, -0.5, 15.125], [0.5, 1.25, 11.75]])
        photo[10 + down : 24 + down, 10 + right : 26 + right] = np.maximum(image, 1)
        affine[:, 2] += right, down
        chips.append(_core.chips(photo, affine[None], side, side))
    np.testing.assert_array_equal(*chips)
    assert chips[0].any()


class GalleryMachine(RuleBasedStateMachine):
    """A gallery in a file of small chunks beside a plain dict, through any sequence of changes; another follows it."""

    @initialize(storage=st.sampled_from(["float32", "float16", "int8"]))
    def start(self, storage):
        self.within = ExitStack()
        for module in (held, store):
            self.within.enter_context(patch.object(module, "CHUNK", 2))
        self.path = Path(self.within.enter_context(tempfile.TemporaryDirectory()), "x.faceprint")
        self.gallery = self.within.enter_context(fp.Gallery(self.path, storage=storage))
        self.other = self.within.enter_context(fp.Gallery(self.path))
        self.rows, self.labels, self.details, self.next_id = {}, {}, {}, 0

    def teardown(self):
        if hasattr(self, "within"):
            self.within.close()

    @rule()
    def open_again(self):
        self.gallery.close()
        self.gallery = self.within.enter_context(fp.Gallery(self.path))

    def some(self, data):
        return data.draw(st.lists(st.sampled_from(sorted(self.rows)), unique=True, max_size=4)) if self.rows else []

    @rule(
        x=arrays.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(3)), elements=SMALL.map(np.float32)),
        data=st.data(),
    )
    def add(self, x, data):
        labels = data.draw(st.lists(NAMES, min_size=len(x), max_size=len(x)))
        metadata = data.draw(
            st.lists(st.sampled_from([None, {"age": 3}, {"age": 4}]), min_size=len(x), max_size=len(x))
        )
        given = labels if data.draw(st.booleans()) else [label and np.str_(label) for label in labels]
        ids = self.gallery.add(x, labels=given, metadata=metadata)
        assert ids.tolist() == list(range(self.next_id, self.next_id + len(x)))
        for face, row, label, told in zip(ids.tolist(), x, labels, metadata, strict=True):
            self.rows[face], self.labels[face], self.details[face] = row, label, told
        self.next_id += len(x)

    @rule(data=st.data())
    def remove(self, data):
        gone = self.some(data)
        assert self.gallery.remove(ids=gone) == len(gone)
        for face in gone:
            del self.rows[face], self.labels[face], self.details[face]

    @rule(data=st.data())
    def refuse(self, data):
        """An id that is not there, among some that are."""
        try:
            self.gallery.remove(ids=[*self.some(data), self.next_id])
        except fp.GalleryError:
            return
        raise AssertionError("an id that is not there was removed")

    @rule(data=st.data(), name=NAMES)
    def update(self, data, name):
        some = self.some(data)
        self.gallery.update(some, labels=[name] * len(some))
        self.labels.update(dict.fromkeys(some, name))

    @rule(label=st.sampled_from(["Ann", "Ben"]), new=st.sampled_from(["Ben", "Dee"]))
    def rename(self, label, new):
        names = set(self.labels.values())
        allowed = label in names and (new == label or new not in names)
        try:
            count = self.gallery.rename(label, new)
        except fp.GalleryError:
            assert not allowed
            return
        assert allowed
        assert count == list(self.labels.values()).count(label)
        self.labels = {face: new if name == label else name for face, name in self.labels.items()}

    @rule(label=st.sampled_from(["Ann", "Ben"]))
    def remove_person(self, label):
        gone = [face for face, name in self.labels.items() if name == label]
        assert self.gallery.remove(label=label) == len(gone)
        for face in gone:
            del self.rows[face], self.labels[face], self.details[face]

    @precondition(lambda self: self.rows)
    @rule(
        probe=arrays.arrays(np.float32, (1, 3), elements=SMALL.map(np.float32)), k=st.integers(1, 5), old=st.booleans()
    )
    def search(self, probe, k, old):
        found = self.gallery.search(probe, k=k, where={"age": 3} if old else None)
        allowed = [face for face in self.rows if not old or self.details[face] == {"age": 3}]
        held = dict(zip(self.gallery.ids.tolist(), self.gallery.embeddings(), strict=True))
        assert set(found.ids[0].tolist()) - {-1} <= set(allowed)
        assert (found.ids[0] >= 0).sum() == min(k, len(allowed))
        if self.gallery.storage != "int8" and allowed:  # whose distances are of codes
            rows = np.stack([held[face] for face in sorted(allowed)])
            order = np.argsort(fp.distances(probe, rows)[0], kind="stable")[:k]
            assert found.ids[0, : len(order)].tolist() == [sorted(allowed)[at] for at in order]

    @rule()
    def compact(self):
        self.gallery.compact()

    @invariant()
    def holds_what_the_dict_does(self):
        if not hasattr(self, "rows"):
            return
        faces = sorted(self.rows)
        for gallery in (self.gallery, self.other):
            assert len(gallery) == len(faces)
            assert gallery.ids.tolist() == faces
            assert gallery.labels.tolist() == [self.labels[face] for face in faces]
            entries = list(gallery.iterate())
            assert [entry.metadata for entry in entries] == [self.details[face] for face in faces]
            for entry in entries:
                np.testing.assert_allclose(entry.embedding, self.rows[entry.id], atol=0.02)


TestGallery = GalleryMachine.TestCase
TestGallery.settings = settings(max_examples=60, stateful_step_count=20)
