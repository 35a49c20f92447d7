"""Upgrades against their definitions: the map, what it is worth, when it is refused, its file, and galleries."""

import io
import json
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import faceprint as fp
from faceprint import harmonic, upgrade
from faceprint.harmonic import Affine, deal, fit_least_squares, harmonic_loss, refine_map
from reference import mine_triplets, triplet_loss
from reference import upgrade as reference

FAR = 0.01


def two_networks(people=60, photos=4, old_depth=16, new_depth=24, noise=0.35, seed=0):
    """What two networks make of the same photographs: (old, new, labels). Some of the noise they share."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), photos)
    faces = random.standard_normal((people, 12))[labels] + noise * random.standard_normal((len(labels), 12))
    rows = []
    for depth in (old_depth, new_depth):
        seen = faces @ random.standard_normal((12, depth)) + noise * random.standard_normal((len(labels), depth))
        rows.append(reference.unit(seen + 1).astype(np.float32))
    return *rows, labels


def turned(x, seed=0):
    """The same embeddings, turned and mirrored."""
    axes = np.linalg.qr(np.random.default_rng(seed).standard_normal((x.shape[1], x.shape[1])))[0]
    return (x @ axes).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    old, new, labels = two_networks()
    return fp.Upgrade.fit(fp.Embedded(old, "first"), fp.Embedded(new, "second"), labels, far=FAR, tolerance=1)


@pytest.mark.parametrize(("people", "photos"), [(5, 3), (60, 4)])  # fewer rows than numbers, and more
@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_the_map_is_least_squares_with_the_best_penalty(people, photos, noise):
    old, new, labels = two_networks(people, photos, noise=noise)
    x, y, parts = new.astype(float), old.astype(float), deal(labels, 5)
    found = fit_least_squares(x, y, parts)
    strength = reference.best_strength(x, y, parts, harmonic.STRENGTHS)
    weights, offset = reference.least_squares(x, y, strength)
    np.testing.assert_allclose(found.weights, weights, atol=1e-6)
    np.testing.assert_allclose(found.offset, offset, atol=1e-6)
    assert harmonic.STRENGTHS[0] < strength < harmonic.STRENGTHS[-1]


def test_people_are_dealt_whole_and_evenly():
    people = np.random.default_rng(0).integers(0, 40, 300)
    parts = deal(people, 7)
    assert all(len(set(parts[people == person])) == 1 for person in range(40))
    sizes = np.bincount(parts, minlength=7)
    assert sizes.max() - sizes.min() <= np.bincount(people).max()
    order = np.random.default_rng(1).permutation(300)
    np.testing.assert_array_equal(deal(people[order], 7), parts[order])


@pytest.mark.parametrize("wider", [0, 9])
def test_embeddings_that_were_only_turned_come_back(unit_rows, wider):
    labels = np.repeat(np.arange(60), 5)
    old = reference.unit(unit_rows(60, 32)[labels] + 0.5 * unit_rows(300, 32, seed=1)).astype(np.float32)
    new = turned(np.concatenate([old, np.zeros((300, wider), np.float32)], axis=1))
    found = fp.Upgrade.fit(old, new, labels, far=FAR)
    mapped = found.apply(new)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped, old, atol=2e-6)
    report = found.report()
    assert report.mixed.val == report.old.val == report.new.val
    assert report.change.value == report.change.low == report.change.high == 0
    longer = fp.Upgrade.fit(3 * old, 7 * new, labels, far=FAR)  # only directions count
    np.testing.assert_allclose(longer.weights, found.weights, atol=1e-6)


@pytest.mark.parametrize(
    ("refine", "people", "noise", "refined"), [(0, 30, 0.35, 0), (5, 30, 0.35, 0), (5, 45, 0.5, 1)]
)
def test_report_is_its_definition(refine, people, noise, refined):
    old, new, labels = two_networks(people, 3, noise=noise)
    found = fp.Upgrade.fit(old, new, labels, far=FAR, tolerance=1, refine=refine)
    parts, x, y = deal(labels, 5), new.astype(float), old.astype(float)
    ways = {}
    for steps in (0, refine):
        mapped = np.empty_like(old)
        for part in range(5):
            out = parts == part
            start = fit_least_squares(x[~out], y[~out], parts[~out])
            mapped[out] = refine_map(start, x[~out], y[~out], labels[~out], steps)(x[out])
        ways[steps] = reference.compatibility(y, x, mapped, labels, parts, FAR)
    assert found.refined == (ways[refine]["mixed"] > ways[0]["mixed"]) == refined
    whole = refine_map(fit_least_squares(x, y, parts), x, y, labels, refine * refined)
    np.testing.assert_allclose(found.weights, whole.weights, atol=1e-6)
    np.testing.assert_allclose(found.offset, whole.offset, atol=1e-6)
    report = found.report()
    for name, (val, far) in ways[refine if found.refined else 0].items():
        assert (getattr(report, name).val, getattr(report, name).far) == (val, far), name
        assert getattr(report, name).low <= val <= getattr(report, name).high
    assert (report.far, report.people, report.faces) == (FAR, people, 3 * people)
    assert report.old.same_pairs * 2 == report.mixed.same_pairs == report.kept.same_pairs
    assert report.kept.threshold == report.old.threshold
    assert report.change.value == pytest.approx(report.mixed.val - report.old.val)
    assert report.change.low < report.change.value < report.change.high


def test_nobody_is_measured_whom_the_map_has_seen(unit_rows, monkeypatch):
    """Without a penalty and with more numbers than rows, the map reproduces noise that it has seen, and no other."""
    monkeypatch.setattr(harmonic, "STRENGTHS", np.array([1e-9]))
    labels = np.repeat(np.arange(50), 4)
    old = reference.unit(unit_rows(50, 64)[labels] + 0.4 * unit_rows(200, 64, seed=1)).astype(np.float32)
    noise = unit_rows(200, 256, seed=2)
    found = fp.Upgrade.fit(old, noise, labels, far=FAR, tolerance=1)
    np.testing.assert_allclose(found.apply(noise), old, atol=1e-4)
    assert found.report().old.val > 0.9
    assert found.report().mixed.val < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_refuses_noise(unit_rows, seed):
    old, _, labels = two_networks(40, 3, seed=seed)
    with pytest.raises(fp.UpgradeError) as caught:
        fp.Upgrade.fit(old, unit_rows(120, 20, seed=seed), labels, far=FAR)
    report = caught.value.report
    assert report.change.high < 0
    text = str(caught.value)
    assert text.startswith("upgraded embeddings must be no worse beside old ones than old ones are, within a tolerance")
    assert f"mixed - old: {100 * report.change.value:+.1f} [{100 * report.change.low:+.1f}" in text
    assert f"old       {100 * report.old.val:.1f} % [{100 * report.old.low:.1f}, {100 * report.old.high:.1f}]" in text


def test_refuses_by_the_interval_and_the_tolerance(unit_rows):
    old, new, labels = two_networks(60, 4)
    worse = reference.unit(new + 0.3 * unit_rows(240, 24)).astype(np.float32)
    change = fp.Upgrade.fit(old, worse, labels, far=FAR, tolerance=1).report().change
    assert -0.5 < change.high < -0.01
    fp.Upgrade.fit(old, worse, labels, far=FAR, tolerance=-change.high + 1e-9)
    with pytest.raises(fp.UpgradeError, match="within a tolerance of"):
        fp.Upgrade.fit(old, worse, labels, far=FAR, tolerance=-change.high - 1e-9)
    chance = fp.Upgrade.fit(old, new, labels, far=FAR).report().change  # lower, but within the interval
    assert chance.low < chance.value < 0 < chance.high


@pytest.mark.parametrize("depth", [24, 80])  # fewer numbers than rows, and more
def test_is_the_same_each_time_and_for_every_order_of_the_rows(depth):
    old, new, labels = two_networks(15, 3, new_depth=depth)
    order = np.random.default_rng(0).permutation(45)
    first, second = (fp.Upgrade.fit(old, new, labels, far=FAR, tolerance=1, refine=2, threads=n) for n in (1, 3))
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.offset.tobytes() == second.offset.tobytes()
    assert first.report() == second.report()
    names = np.array([f"person {label:02}" for label in labels])
    shuffled = fp.Upgrade.fit(old[order], new[order], names[order], far=FAR, tolerance=1, refine=2)
    np.testing.assert_allclose(shuffled.weights, first.weights, atol=1e-5)


def test_the_slope_is_that_of_finite_differences():
    old, new, labels = two_networks(8, 3, 5, 7, noise=0.8)
    x, y = new.astype(float), old.astype(float)
    random = np.random.default_rng(0)
    start = Affine(random.standard_normal((7, 5)), random.standard_normal(5))
    value, slope = harmonic_loss(start, x, y, labels)

    def cost(step, triplets):
        moved = Affine(start.weights + step * ahead.weights, start.offset + step * ahead.offset)
        batch = np.concatenate([moved(x), y])
        return triplet_loss(batch, np.tile(labels, 2), triplets, harmonic.MARGIN, "sum")[0] / len(batch)

    batch = np.concatenate([start(x), y])
    apart = np.square(batch[:, None] - batch).sum(axis=2)
    triplets = mine_triplets(apart, np.tile(labels, 2), "batch-hard", harmonic.MARGIN)
    for _ in range(10):
        ahead = Affine(random.standard_normal((7, 5)), random.standard_normal(5))
        assert cost(0, triplets) == pytest.approx(value, rel=1e-5)
        change = (cost(1e-6, triplets) - cost(-1e-6, triplets)) / 2e-6
        assert change == pytest.approx((slope.weights * ahead.weights).sum() + slope.offset @ ahead.offset, rel=1e-3)


def test_refining_lowers_the_loss():
    old, new, labels = two_networks(noise=0.6)
    x, y = new.astype(float), old.astype(float)
    maps = [fit_least_squares(x, y, deal(labels, 5))]
    maps += [refine_map(maps[0], x, y, labels, steps) for steps in (0, 1, 5, 20)]
    losses = [harmonic_loss(found, x, y, labels)[0] for found in maps]
    assert losses[0] == losses[1] > losses[2] > losses[3] > losses[4]


@pytest.mark.parametrize("noise", [0.2, 0.5, 0.8])
def test_refining_is_no_worse_beyond_noise(noise):
    for seed in range(3):
        old, new, labels = two_networks(noise=noise, seed=seed)
        plain, refined = (
            fp.Upgrade.fit(old, new, labels, far=FAR, tolerance=1, refine=steps).report() for steps in (0, 20)
        )
        assert plain.old == refined.old
        assert refined.mixed.val >= plain.mixed.low


def test_apply_takes_what_galleries_take(fitted, unit_rows):
    new = unit_rows(5, 24)
    plain = fitted.apply(new)
    assert isinstance(plain, np.ndarray)
    assert plain.shape == (5, 16)
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-6)
    expected = reference.unit(new.astype(float) @ fitted.weights + fitted.offset)
    np.testing.assert_allclose(plain, expected, atol=1e-6)
    np.testing.assert_allclose(fitted.apply(7 * new), plain, atol=1e-6)  # only directions count
    faces = fp.Faces(*[np.zeros((5, 1))] * 3, None, np.zeros((5, 1)), new, "second")
    for known in (fp.Embedded(new, "second"), faces):
        found = fitted.apply(known)
        assert (found.fingerprint, found.upgraded_from, len(found)) == ("first", "second", 5)
        np.testing.assert_array_equal(found.embeddings, plain)
    assert fitted.apply(fp.Embedded(new, None)).upgraded_from == "second"
    assert fitted.apply(new[:0]).shape == (0, 16)


def test_apply_in_batches(fitted, unit_rows, monkeypatch):
    new = unit_rows(10, 24)
    expected = fitted.apply(new)
    monkeypatch.setattr(upgrade, "BATCH", 3)
    np.testing.assert_allclose(fitted.apply(new), expected, atol=1e-7)


def test_an_upgrade_of_arrays_knows_no_networks(unit_rows):
    old, new, labels = two_networks(30, 3)
    nameless = fp.Upgrade.fit(old, new, labels, far=FAR, tolerance=1)
    assert (nameless.old, nameless.new) == (None, None)
    found = nameless.apply(fp.Embedded(unit_rows(1, 24), "any"))
    assert (found.fingerprint, found.upgraded_from) == (None, "any")


def test_galleries_hold_and_find_upgraded_faces(fitted, unit_rows):
    old, new, _ = two_networks()
    gallery = fp.Gallery()
    gallery.add(fp.Embedded(old[:100], "first"))
    assert gallery.sources == {"first"}
    for call in (gallery.add, gallery.search):
        with pytest.raises(fp.GalleryError, match="those of second cannot be compared, unless an Upgrade"):
            call(fp.Embedded(new, "second"))
    probes = fitted.apply(fp.Embedded(new[:100], "second"))
    assert gallery.search(probes, k=1).ids.shape == (100, 1)
    assert gallery.sources == {"first"}  # only asked
    gallery.add(probes)
    assert len(gallery) == 200
    assert gallery.fingerprint == "first"
    assert gallery.sources == {"first", "second"}
    assert (gallery.search(probes, k=1).ids[:, 0] == np.arange(100, 200)).all()
    other = replace(probes, fingerprint="third")
    with pytest.raises(fp.GalleryError, match="those of third cannot be compared"):
        gallery.add(other)
    assert gallery.sources == {"first", "second"}
    alone = fp.Gallery()
    alone.add(probes)
    assert (alone.fingerprint, alone.sources) == ("first", {"second"})
    assert fp.Gallery().sources == frozenset()


@pytest.mark.parametrize("options", [{"folds": 3}, {"folds": 20}, {"tolerance": 0}, {"tolerance": 1}])
def test_what_can_just_be_fitted(options):
    old, new, labels = two_networks(40, 3)
    found = fp.Upgrade.fit(old, new, labels, **{"far": 0.05, "tolerance": 1, **options})
    assert found.apply(new[:2]).shape == old[:2].shape


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"old": np.ones((8, 3))}, TypeError, "old must be float32, not float64"),
        ({"new": np.ones(8, np.float32)}, ValueError, r"new must have shape \(n, dimension\), not \(8,\)"),
        ({"new": np.full((120, 3), np.inf, np.float32)}, ValueError, "new must be finite: row 0 is not"),
        ({"new": np.float32([[1, 0], [0, 0]])}, ValueError, "new must have a direction: row 1 is 0"),
        ({"old": np.ones((9, 3), np.float32)}, ValueError, "of the same faces, but have 9 and 120 rows"),
        ({"old": [[1.0]]}, TypeError, "old must be a numpy array or speak DLPack, not list"),
        ({"labels": np.zeros(3, int)}, ValueError, r"labels must have shape \(120,\)"),
        ({"labels": np.arange(120) // 20}, ValueError, "at least 10 people, two for each of 5 folds, not 6"),
        ({"labels": np.arange(120)}, ValueError, "labels must give somebody two rows or more"),
        ({"folds": 2}, ValueError, "folds must be 3 or more, not 2"),
        ({"folds": 21}, ValueError, "at least 42 people, two for each of 21 folds, not 40"),
        ({"far": 1e-4}, ValueError, "FAR 0.0001 needs at least 10,000 pairs of different people, not 1,260; there are"),
        ({"far": 0}, ValueError, "far must lie between 0 and 1, not 0"),
        ({"folds": 3.0}, TypeError, "folds must be a whole number, not float"),
        ({"refine": "3"}, TypeError, "refine must be a whole number, not str"),
        ({"tolerance": "0"}, TypeError, "tolerance must be a number, not str"),
        ({"refine": -1}, ValueError, "refine must be 0 steps or more, not -1"),
        ({"tolerance": 1.5}, ValueError, r"tolerance must be a share in \[0, 1\], not 1.5"),
        ({"tolerance": np.nan}, ValueError, r"tolerance must be a share in \[0, 1\], not nan"),
        (
            dict.fromkeys(("old", "new"), fp.Embedded(np.ones((1, 3), np.float32), "x")),
            ValueError,
            "old and new must be of two networks, but both are of x",
        ),
    ],
)
def test_what_cannot_be_fitted(change, error, text):
    old, new, labels = two_networks(40, 3)
    with pytest.raises(error, match=text):
        fp.Upgrade.fit(**{"old": old, "new": new, "labels": labels, "far": FAR, **change})


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (np.ones((1, 16), np.float32), ValueError, r"embeddings must have shape \(n, 24\), not \(1, 16\)"),
        (np.ones((1, 24)), TypeError, "embeddings must be float32, not float64"),
        (np.zeros((1, 24), np.float32), ValueError, "embeddings must have a direction: row 0 is 0"),
        (np.full((1, 24), np.nan, np.float32), ValueError, "embeddings must be finite: row 0 is not"),
        (
            fp.Embedded(np.ones((1, 24), np.float32), "first"),
            fp.UpgradeError,
            "^the upgrade is for embeddings of network second, not of first$",
        ),
    ],
)
def test_what_cannot_be_upgraded(fitted, given, error, text):
    with pytest.raises(error, match=text):
        fitted.apply(given)


def test_progress_reaches_1_and_may_end_the_fit():
    old, new, labels = two_networks(30, 3)
    seen = []
    fp.Upgrade.fit(old, new, labels, far=FAR, tolerance=1, progress=seen.append)
    assert seen == pytest.approx(np.arange(1, 7) / 6)

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fp.Upgrade.fit(old, new, labels, far=FAR, progress=stop)


def test_report_prints_as_a_table(fitted):
    lines = str(fitted.report()).splitlines()
    assert [line.split("  ")[0].strip() for line in lines[1:5]] == ["old", "mixed", "upgraded", "new"]
    assert lines[0] == "VAL at FAR 0.01, 360 pairs of the same of 60 people"
    assert "mixed" not in repr(fitted)  # it is asked for


def test_saved_and_loaded_it_is_the_same(fitted, unit_rows, tmp_path):
    path = tmp_path / "second to first.upgrade"
    fitted.save(path)
    again = fp.Upgrade.load(path)
    assert (again.old, again.new) == ("first", "second")
    assert again.report() == fitted.report()
    rows = unit_rows(7, 24)
    np.testing.assert_array_equal(again.apply(rows), fitted.apply(rows))
    assert path.stat().st_size < 10_000
    np.load(path, allow_pickle=False)["about"]


def test_the_largest_is_read_too(fitted, tmp_path):
    weights, offset = np.eye(upgrade.LARGEST, dtype=np.float32), np.zeros(upgrade.LARGEST, np.float32)
    largest = replace(fitted, weights=weights, offset=offset, old="\U0001fae8" * 1000, new="\U0001faea" * 1000)
    largest.save(tmp_path / "largest")
    again = fp.Upgrade.load(tmp_path / "largest")
    assert again.weights.shape == (upgrade.LARGEST, upgrade.LARGEST)
    assert (again.old, again.new) == (largest.old, largest.new)


@pytest.mark.parametrize("named", ["v" * 65, "first\nsecond", "\x1b[2J", "\U0001fae8"])
def test_any_name_of_a_network_is_read_again(unit_rows, tmp_path, named):
    old, new, labels = two_networks(30, 3)
    made = fp.Upgrade.fit(fp.Embedded(old, named), fp.Embedded(new, f"{named}2"), labels, far=FAR, tolerance=1)
    made.save(tmp_path / "x.npz")
    again = fp.Upgrade.load(tmp_path / "x.npz")
    assert (again.old, again.new) == (named, f"{named}2")
    shown = f"{named}2".replace("\n", "\\n").replace("\x1b", "\\x1b")
    text = f"^the upgrade is for embeddings of network {re.escape(shown)}, not of third$"
    with pytest.raises(fp.UpgradeError, match=text):
        again.apply(fp.Embedded(unit_rows(1, 24), "third"))


def test_names_of_networks_that_no_file_holds_are_refused(fitted):
    old, new, labels = two_networks(30, 3)
    text = "^the fingerprint of {} must have at most 1,000 characters, not 1,001$"
    with pytest.raises(ValueError, match=text.format("old")):
        fp.Upgrade.fit(fp.Embedded(old, "v" * 1001), new, labels, progress=pytest.fail)
    with pytest.raises(ValueError, match=text.format("new")):
        replace(fitted, new="v" * 1001)


def content(fitted, tmp_path):
    fitted.save(tmp_path / "whole")
    with np.load(tmp_path / "whole") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weights": np.zeros((24, 16))}, r"weights must be float32, 1 to 4096 either way, not float64"),
        ({"weights": np.zeros((0, 16), np.float32)}, r"weights must be float32, 1 to 4096 either way, .* \(0, 16\)"),
        ({"weights": np.zeros(16, np.float32)}, "weights must be float32, 1 to 4096 either way"),
        ({"weights": np.full((24, 16), np.nan, np.float32)}, "weights and offset must be finite"),
        ({"offset": np.zeros(15, np.float32)}, r"offset must be 16 float32 numbers, not float32 of shape \(15,\)"),
        ({"offset": np.zeros(16, object)}, "Object arrays cannot be loaded when allow_pickle=False"),
        ({"about": np.array("{")}, "Expecting property name"),
        ({"about": np.array("[" * 100_000)}, ""),
        ({"about": np.array("[]")}, "about must be an object of format, new, old, refined, report"),
        ({"about": {"format": 2}}, "format must be 1, the only one this version reads, not 2"),
        ({"about": {"old": 7}}, "the fingerprint of old must be a str, not int$"),
        ({"about": {"old": "\ud800"}}, "the fingerprint of old must be text that UTF-8 can hold, not .*: surrogates"),
        ({"about": {"new": "v" * 1001}}, "the fingerprint of new must have at most 1,000 characters, not 1,001$"),
        ({"about": {"report": None}}, "report must be an object of change, faces, far"),
        ({"about": {"report": {"far": "much"}}}, "report: far must be a finite number, not 'much'"),
        ({"about": {"report": {"far": float("nan")}}}, "report: far must be a finite number, not nan"),
        ({"about": {"report": {"old": [1]}}}, "old must be an object of different_pairs, far"),
        ({"about": {"report": {"change": {"value": True, "low": 0, "high": 0}}}}, "change: value must be a finite"),
        ({"about": {"refined": 1}}, "refined must be true or false, not 1"),
    ],
)
def test_damaged_files_are_refused(fitted, tmp_path, change, text):
    arrays = content(fitted, tmp_path)
    about = change.get("about")
    if isinstance(about, dict):
        whole = json.loads(str(arrays["about"]))
        if isinstance(about.get("report"), dict):
            about = {"report": whole["report"] | about["report"]}
        change = {"about": np.array(json.dumps(whole | about))}
    np.savez(tmp_path / "x.npz", **arrays | change)
    with pytest.raises(fp.UpgradeError, match=rf"x\.npz must be an \.npz written by Upgrade\.save: .*{text}"):
        fp.Upgrade.load(tmp_path / "x.npz")


def packed(member, names=upgrade.ARRAYS):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(f"{name}.npy", member)
    return raw.getvalue()


def header(shape):
    raw = io.BytesIO()
    np.lib.format.write_array_header_1_0(raw, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return raw.getvalue()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "No data left in file"),
        (b"hello" * 99, "it holds no arrays$"),
        (header((0,)), "it holds one array without a name"),
        (packed(b"text"), "weights is not an array"),
        (packed(b"x", ["other"]), "weights is not a file in the archive"),
        (packed(header((1 << 45,))), ""),
        (packed(header((4, 4)) + bytes(80_000_000)), "it unpacks to more than 67,"),
        (packed(header((4, 4)))[:-30], ""),
    ],
    ids=["empty", "letter", "npy", "text", "other", "huge", "bomb", "cut"],
)
def test_hostile_files_are_refused(tmp_path, raw, text):
    (tmp_path / "x\x1b.npz").write_bytes(raw)
    with pytest.raises(fp.UpgradeError, match=rf"x\\x1b\.npz must be an \.npz written by Upgrade\.save: .*{text}"):
        fp.Upgrade.load(tmp_path / "x\x1b.npz")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(fp.UpgradeError, match="No such file or directory"):
        fp.Upgrade.load(tmp_path / "none")
    with pytest.raises(fp.UpgradeError, match="Is a directory"):
        fp.Upgrade.load(tmp_path)
