import re
import warnings

import numpy as np
import pytest

import faceprint as fp
import reference
from faceprint import _core
from reference.backends import RUNNABLE, each_backend, using

KINDS = ["semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive"]
WAYS = [(kind, "hardest") for kind in KINDS] + [("semihard", "random"), ("easy-positive", "random")]


def batch(seed, most=14, depth=2):
    """A small batch in which distances repeat: rows on a grid, some identities of one row."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(1, most))
    return random.integers(0, 3, (rows, depth)).astype(np.float32), random.integers(0, rows // 2 + 1, rows)


def people(rows, depth=128, identities=45, seed=0, noise=0.7):
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % identities
    x = random.standard_normal((identities, depth))[labels] + noise * random.standard_normal((rows, depth))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels


@each_backend
@pytest.mark.parametrize(("kind", "choice"), WAYS)
def test_equals_three_nested_loops(backend, kind, choice):
    with using(backend):
        for seed in range(200):
            x, labels = batch(seed)
            margin = [0.5, 1, 2, 3, np.inf][seed % 5]
            found = np.stack(fp.mine_triplets(x, labels, kind=kind, choice=choice, margin=margin, seed=seed), axis=1)
            expected = reference.mine_triplets(reference.distances(x, x), labels, kind, margin, choice, seed)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kind", "choice"), WAYS)
@pytest.mark.parametrize("identities", [2, 7])  # 74 and 20 positives: thresholds are searched, or compared one by one
def test_equals_three_nested_loops_on_floats(kind, choice, identities):
    x, labels = people(150, identities=identities, noise=3)
    found = np.stack(fp.mine_triplets(x, labels, kind=kind, choice=choice, margin=0.1, seed=5), axis=1)
    expected = reference.mine_triplets(fp.distances(x, x), labels, kind, 0.1, choice, 5)
    assert len(expected) > 20
    np.testing.assert_array_equal(found, expected)


@each_backend
@pytest.mark.parametrize(("kind", "choice"), WAYS)
def test_equals_three_nested_loops_where_many_distances_are_equal(backend, kind, choice):
    random = np.random.default_rng(1)
    x, labels = random.integers(0, 90, (140, 1)).astype(np.float32), np.arange(140) % 2
    with using(backend):
        found = np.stack(fp.mine_triplets(x, labels, kind=kind, choice=choice, margin=48, seed=5), axis=1)
    expected = reference.mine_triplets(reference.distances(x, x), labels, kind, 48, choice, 5)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kind", "choice"), WAYS)
def test_is_the_same_on_all_backends_and_threads(kind, choice):
    x, labels = people(300, depth=33, identities=20, noise=2)
    with using("portable"):
        expected = [part.tobytes() for part in fp.mine_triplets(x, labels, kind=kind, choice=choice, threads=1)]
        value, gradient = fp.triplet_loss(x, labels, kind=kind, choice=choice, threads=1)
    for backend in RUNNABLE:
        with using(backend):
            for threads in (1, 2, 5):
                how = {"kind": kind, "choice": choice, "threads": threads}
                assert [part.tobytes() for part in fp.mine_triplets(x, labels, **how)] == expected
                again, same = fp.triplet_loss(x, labels, **how)
                assert again == value
                assert same.tobytes() == gradient.tobytes()


def test_draws_every_negative_equally_often():
    x = np.float32([[0], [1], *[[1.1 + row / 1000] for row in range(8)]])
    labels = [0, 0, *[1] * 8]
    drawn = [fp.mine_triplets(x, labels, margin=1, choice="random", seed=seed, anchors=1)[2][0] for seed in range(4000)]
    counts = np.bincount(drawn, minlength=10)[2:]
    assert counts.sum() == 4000
    assert (np.abs(counts - 500) < 100).all()  # 4.8 standard deviations


@pytest.mark.parametrize("kind", KINDS)
def test_takes_anchors_from_the_first_rows_only(kind):
    x, labels = people(60, identities=9, noise=3)
    found = np.stack(fp.mine_triplets(x, labels, kind=kind, anchors=20, seed=3), axis=1)
    every = np.stack(fp.mine_triplets(x, labels, kind=kind, seed=3), axis=1)
    np.testing.assert_array_equal(found, every[every[:, 0] < 20])
    assert found[:, 1:].max() >= 20
    np.testing.assert_array_equal(np.stack(fp.mine_triplets(x, labels, kind=kind, anchors=60, seed=3), axis=1), every)


@pytest.mark.parametrize("kind", KINDS)
def test_spans_many_blocks_of_anchors(kind):
    x, labels = people(5000, depth=8, identities=1250, noise=0.3)
    found = np.stack(fp.mine_triplets(x, labels, kind=kind, margin=0.01), axis=1)
    some = found[np.isin(found[:, 0], [0, 770, 2499, 4999])]
    expected = []
    for anchor in (0, 770, 2499, 4999):
        order = np.r_[anchor, np.delete(np.arange(5000), anchor)]
        first = fp.mine_triplets(x[order], labels[order], kind=kind, margin=0.01, anchors=1)
        expected.append(order[np.stack(first, axis=1)])
    if kind != "random-in-margin":  # what is drawn depends on the row numbers
        np.testing.assert_array_equal(some, np.concatenate(expected))
    assert len(some) == sum(map(len, expected))


@pytest.mark.parametrize("kind", KINDS)
def test_has_an_answer_where_there_is_nothing_to_find(kind):
    x = np.float32([[0, 0], [1, 0], [0, 1]])
    for rows, labels in [(0, []), (1, [0]), (3, [5, 5, 5]), (3, [1, 2, 3])]:
        for part in fp.mine_triplets(x[:rows], np.array(labels, np.int64), kind=kind):
            assert part.shape == (0,)
            assert part.dtype == np.int64
        value, gradient = fp.triplet_loss(x[:rows], np.array(labels, np.int64), kind=kind)
        assert value == 0
        np.testing.assert_array_equal(gradient, np.zeros((rows, 2)))


def test_names_the_mislabelled_only_where_the_hardest_are_asked_for():
    x = np.float32([[0, 0], [0.3, 0], [0, 0], [0.31, 0]])  # 2 is 0 under another name
    labels = ["Ann", "Ann", "Ben", "Cid"]
    assert [rows[0] for rows in fp.mine_triplets(x, labels, kind="semihard")] == [0, 1, 3]
    assert [rows[0] for rows in fp.mine_triplets(x, labels, kind="hardest-within-batch")] == [0, 1, 2]
    assert [rows[0] for rows in fp.mine_triplets(x, labels, kind="batch-hard")] == [0, 1, 2]


@each_backend
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("kind", "choice"), WAYS)
def test_costs_what_all_triplets_cost(backend, kind, choice, reduction):
    with using(backend):
        for seed in range(40):
            x, labels = batch(seed, depth=3)
            how = {"kind": kind, "choice": choice, "margin": [0.5, 1, 2.5][seed % 3], "seed": seed}
            triplets = reference.mine_triplets(reference.distances(x, x), labels, **how)
            value, gradient = fp.triplet_loss(x, labels, reduction=reduction, **how)
            expected, slope = reference.triplet_loss(x, labels, triplets, how["margin"], reduction)
            np.testing.assert_allclose(value, expected, rtol=1e-12)
            np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "batch-all"])
def test_costs_the_soft_hinge_too(kind):
    for seed in range(40):
        x, labels = batch(seed, depth=3)
        triplets = reference.mine_triplets(reference.distances(x, x), labels, kind, np.inf, seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fp.CollapseWarning)
            value, gradient = fp.triplet_loss(x, labels, margin="soft", kind=kind, seed=seed)
        expected, slope = reference.triplet_loss(x, labels, triplets, "soft")
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)


@each_backend
def test_batch_all_equals_brute_force_in_float64(backend):
    with using(backend):
        x, labels = people(400, identities=20, noise=1.2)
        value, gradient = fp.triplet_loss(x, labels, kind="batch-all")
        exact = x.astype(np.float64)
        apart = reference.distances(x, x)
        total, count, slope = 0.0, 0, np.zeros_like(exact)
        for a in range(len(x)):
            positives = np.flatnonzero((labels == labels[a]) & (np.arange(len(x)) != a))
            negatives = np.flatnonzero(labels != labels[a])
            cost = apart[a, positives][:, None] - apart[a, negatives] + 0.2
            active = cost > 0
            total, count = total + cost[active].sum(), count + active.sum()
            weights = np.zeros(len(x))
            weights[positives], weights[negatives] = active.sum(1), -active.sum(0)
            slope[a] += 2 * weights @ (exact[a] - exact)
            slope += 2 * weights[:, None] * (exact - exact[a])
        assert count > 10_000
        assert abs(value - total / count) < 1e-6
        assert np.abs(gradient - slope / count).max() < 1e-6 * np.abs(slope / count).max()


@each_backend
@pytest.mark.parametrize("margin", [0.2, "soft"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_that_of_finite_differences(backend, kind, margin):
    if (kind, margin) == ("batch-all", "soft"):
        return
    with using(backend):
        x, labels = people(40, depth=6, identities=5, noise=1)
        value, gradient = fp.triplet_loss(x, labels, kind=kind, margin=margin, reduction="sum")
        assert value > 0
        triplets = np.stack(fp.mine_triplets(x, labels, kind=kind, margin=np.inf if margin == "soft" else margin), 1)
        random = np.random.default_rng(0)
        for _ in range(10):
            step = random.standard_normal(x.shape)
            step *= 1e-6 / np.linalg.norm(step)
            ahead = reference.triplet_loss(x + step, labels, triplets, margin, "sum")[0]
            behind = reference.triplet_loss(x - step, labels, triplets, margin, "sum")[0]
            assert abs((ahead - behind) / 2 - (gradient * step).sum()) < 1e-5 * np.abs(gradient).max() * 1e-6 * 100


def test_warns_of_a_network_that_has_collapsed():
    x, labels = people(40, identities=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fp.triplet_loss(x, labels)
    near = np.float32([1, 0, 0]) + np.float32(1e-4) * np.random.default_rng(0).standard_normal((40, 3), np.float32)
    with pytest.warns(fp.CollapseWarning, match=r"^the embeddings of the batch lie \S+ apart on average, next to"):
        value, _ = fp.triplet_loss(near, labels)
    assert value == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("kind", ["semihard", "easy-positive", "batch-all"])
def test_warns_where_all_embeddings_are_one(kind):
    x = np.full((4, 4), 0.5, np.float32)
    with pytest.warns(fp.CollapseWarning, match=r"^the embeddings of the batch lie 0 apart on average, next to"):
        value, _ = fp.triplet_loss(x, [0, 0, 1, 1], kind=kind)
    assert value == (pytest.approx(0.2) if kind == "batch-all" else 0)  # no negative is farther than a positive
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in ([0, 0, 0, 0], [0, 1, 2, 3]):  # which have no triplets wherever they lie
            fp.triplet_loss(x, labels, kind=kind)


def test_numbers_labels_of_any_kind():
    x, labels = people(30, identities=4)
    expected = fp.mine_triplets(x, labels)
    for other in (labels.tolist(), labels.astype(np.uint8), [f"name {label}" for label in labels], -2 - labels):
        for part, same in zip(fp.mine_triplets(x, other), expected, strict=True):
            np.testing.assert_array_equal(part, same)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((3, 2))}, TypeError, "x must be float32, not float64"),
        ({"x": np.ones(3, np.float32)}, ValueError, "x must have shape (n, dimension), not (3,)"),
        ({"x": np.float32([[1, 2], [np.nan, 0], [0, 1]])}, ValueError, "embeddings must be finite: row 1 is not"),
        ({"labels": [1, 2]}, ValueError, "labels must have shape (3,), one for each row, not (2,)"),
        ({"labels": [1.0, 2, 1]}, TypeError, "labels must be integers or strings, not float64"),
        ({"margin": 0}, ValueError, "margin must be above 0, not 0.000000"),
        ({"margin": np.nan}, ValueError, "margin must be above 0, not nan"),
        ({"margin": None}, TypeError, "margin must be a number, not NoneType"),
        (
            {"kind": "hard"},
            ValueError,
            "kind must be 'semihard', 'batch-hard', 'batch-all', 'hardest-within-batch', 'random-in-margin' or "
            "'easy-positive', not 'hard'",
        ),
        ({"choice": "any"}, ValueError, "choice must be 'hardest' or 'random', not 'any'"),
        (
            {"kind": "batch-hard", "choice": "random"},
            ValueError,
            "choice must be 'hardest' where kind is 'batch-hard', not 'random': it leaves nothing open",
        ),
        ({"anchors": 4}, ValueError, "anchors must be in [1, 3], the number of rows, not 4"),
        ({"anchors": 0}, ValueError, "anchors must be in [1, 3], the number of rows, not 0"),
        ({"anchors": "2"}, TypeError, "anchors must be a whole number, not str"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, not -1"),
        ({"threads": -1}, ValueError, "threads must be 0 (all) or more, not -1"),
    ],
)
def test_refuses_wrong_arguments(change, error, message):
    given = {"x": np.float32([[0, 0], [1, 0], [0, 1]]), "labels": [1, 1, 2], "kind": "semihard", **change}
    for function in (fp.mine_triplets, fp.triplet_loss):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            function(**given)


def test_refuses_losses_that_have_no_sum():
    x, labels = np.float32([[0, 0], [1, 0], [0, 1]]), [1, 1, 2]
    said = "kind must not be 'batch-all' where margin is 'soft': its sum needs every triplet"
    with pytest.raises(ValueError, match=f"^{said}$"):
        fp.triplet_loss(x, labels, margin="soft")
    with pytest.raises(ValueError, match=r"^a soft hinge has no sum over all triplets that need not name them"):
        _core.triplet_loss(x, np.int64(labels), kind="batch-all", margin=np.inf, hinge="soft")
    with pytest.raises(ValueError, match=r"^margin must be finite where it is part of the loss, not inf$"):
        fp.triplet_loss(x, labels, margin=np.inf)
    with pytest.raises(ValueError, match=r"^reduction must be 'mean' or 'sum', not 'max'$"):
        fp.triplet_loss(x, labels, reduction="max")
    with pytest.raises(ValueError, match=r"^hinge must be 'margin' or 'soft', not 'hard'$"):
        _core.triplet_loss(x, np.int64(labels), hinge="hard")


@pytest.mark.parametrize("function", [fp.mine_triplets, fp.triplet_loss])
def test_tells_its_progress_and_ends_when_told_to(function):
    x, labels = people(6000, identities=150)
    seen = []
    function(x, labels, kind="semihard", progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        function(x, labels, progress=stop)
