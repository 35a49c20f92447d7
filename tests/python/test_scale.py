"""Formulas for many machines: held against a simulation of the schedule, and against the page that tells of them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from faceprint.plan import search_plan, self_join_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scale():
    """bench/python/scale.py."""
    sys.path.insert(0, str(ROOT / "bench" / "python"))
    try:
        import scale

        yield scale
    finally:
        sys.path.pop(0)


def cluster_of(scale, machines=4, **others):
    return scale.Cluster(machines, 1e11, 1e8, **{"spread": 0.0, **others})


def self_join(scale, cluster, rows=3_000_000, block_rows=100_000, k=80):
    plan = self_join_plan(
        rows,
        128,
        k,
        block_rows=block_rows,
        workers=cluster.machines,
        multiply_adds_per_second=cluster.multiply_adds,
        network_bytes_per_second=cluster.network,
    )
    schedule = scale.Tournament(rows, block_rows, 128, k)
    return plan, scale.simulate(schedule, cluster, most=schedule.tasks)


def search(scale, cluster, queries=500_000, rows=4_000_000, k=10):
    plan = search_plan(
        queries,
        rows,
        128,
        k,
        query_rows=30_000,
        block_rows=70_000,
        workers=cluster.machines,
        multiply_adds_per_second=cluster.multiply_adds,
        network_bytes_per_second=cluster.network,
    )
    schedule = scale.Grid(queries, rows, 30_000, 70_000, 128, k)
    return plan, scale.simulate(schedule, cluster, most=schedule.tasks)


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 7, 8, 33, 100])
def test_a_tournament_meets_every_pair_once_and_no_block_twice_at_a_time(scale, blocks):
    schedule, met, at_once = scale.Tournament(10 * blocks - 3, 10, 8, 5), [], 0
    while schedule.ready:
        running, busy = list(schedule.ready), []
        for task in running:
            busy += sorted(set(task.order[1:]))
            met.append(task.order[1:])
        assert len(set(busy)) == len(busy)
        at_once = max(at_once, len([task for task in running if task.order[0]]))
        schedule.ready.clear()
        for task in running:
            schedule.finish(task)
    assert sorted(met) == [(a, b) for a in range(blocks) for b in range(a, blocks)]
    assert schedule.tasks == len(met)
    assert at_once == blocks // 2


@pytest.mark.parametrize("rows", [1, 99_999, 100_000, 100_001, 950_000, 3_000_000])
@pytest.mark.parametrize("k", [1, 80])
def test_a_self_join_moves_and_computes_what_the_formula_says(scale, rows, k):
    schedule, sums = scale.Tournament(rows, 100_000, 128, k), [0, 0, 0]
    while schedule.ready:
        task = schedule.ready.pop()
        sums = [sums[0] + task.read, sums[1] + task.write, sums[2] + task.multiply_adds]
        schedule.finish(task)
    plan, simulated = self_join(scale, cluster_of(scale), rows=rows, k=k)
    assert sums == [plan.read_bytes, plan.written_bytes, plan.multiply_adds]
    assert (simulated.tasks, simulated.read_bytes, simulated.written_bytes) == (plan.tasks, *sums[:2])


@pytest.mark.parametrize("queries", [1, 30_000, 100_001])
@pytest.mark.parametrize("rows", [5, 70_000, 1_000_000])
def test_a_search_moves_and_computes_what_the_formula_says(scale, queries, rows):
    plan, simulated = search(scale, cluster_of(scale), queries=queries, rows=rows)
    merges = -(-queries // 30_000)
    assert (simulated.tasks - merges, simulated.read_bytes) == (plan.tasks, plan.read_bytes)
    assert simulated.written_bytes == plan.written_bytes
    assert plan.multiply_adds == queries * rows * 128


@pytest.mark.parametrize("network", [1e7, 1e8, 1e10])
def test_where_nothing_is_shared_formula_and_simulation_agree(scale, network):
    for machines in (1, 4, 8):
        cluster = scale.Cluster(machines, 1e11, network, spread=0.0)
        plan, simulated = self_join(scale, cluster)
        assert simulated.seconds == pytest.approx(plan.seconds, rel=0.03)
        plan, simulated = search(scale, cluster)
        assert simulated.seconds == pytest.approx(plan.seconds, rel=0.06)
    one = self_join(scale, scale.Cluster(1, 1e11, network, spread=0.0))
    assert one[1].seconds == pytest.approx(one[0].seconds, rel=1e-9)
    assert one[0].seconds == pytest.approx(one[0].compute_seconds + one[0].transfer_seconds)


def test_with_few_blocks_only_so_many_work(scale):
    plan, simulated = self_join(scale, cluster_of(scale, machines=50), rows=1_000_000)
    assert plan.seconds == pytest.approx((plan.compute_seconds + plan.transfer_seconds) / 5)
    assert simulated.seconds == pytest.approx(plan.seconds, rel=0.12)


def test_storage_that_all_share_makes_it_longer_than_the_formula(scale):
    plan, simulated = self_join(scale, cluster_of(scale, machines=8))
    enough = self_join(scale, cluster_of(scale, machines=8, storage=8e8))[1]
    assert enough.seconds == simulated.seconds
    scarce = self_join(scale, cluster_of(scale, machines=8, storage=5e7))[1]
    least = (plan.read_bytes + plan.written_bytes) / 5e7  # the storage always at work
    most = least + plan.compute_seconds / 8  # and all machines computing at once, in step
    assert 2 * plan.seconds < least <= scarce.seconds <= most * 1.01


def test_after_deaths_everything_is_done_later(scale):
    plan, simulated = self_join(scale, cluster_of(scale))
    mortal = self_join(scale, cluster_of(scale, between_deaths=plan.seconds / 10, restart=plan.seconds / 500))[1]
    assert 20 < mortal.deaths < 80
    assert mortal.tasks == plan.tasks
    assert mortal.written_bytes == plan.written_bytes
    assert mortal.read_bytes > plan.read_bytes
    task = plan.seconds * 4 / plan.tasks
    share_lost = (task / 2 + plan.seconds / 500) / (plan.seconds / 10)
    assert mortal.seconds / simulated.seconds - 1 == pytest.approx(share_lost, rel=0.6)


def test_some_tasks_stand_for_all(scale):
    whole = self_join(scale, cluster_of(scale, spread=0.1), rows=10_000_000)[1]
    schedule = scale.Tournament(10_000_000, 100_000, 128, 80, met=1)
    part = scale.simulate(schedule, cluster_of(scale, spread=0.1), most=1000)
    assert part.share_simulated == pytest.approx(1000 / 5050)
    assert (part.seconds, part.read_bytes, part.written_bytes) == (
        pytest.approx(whole.seconds, rel=0.02),
        pytest.approx(whole.read_bytes, rel=0.02),
        pytest.approx(whole.written_bytes, rel=0.02),
    )


def test_a_plan_says_what_it_is():
    plan = self_join_plan(
        10**9, 128, 80, block_rows=2**18, workers=32, multiply_adds_per_second=1e12, network_bytes_per_second=1.25e9
    )
    assert str(plan) == (
        "1,000,000,000 x 1,000,000,000 x 128: 6.4e19 multiply-adds in 7,279,020 tasks, "
        "about 19,839 machine-hours on this cluster"
    )
    assert (plan.workers * plan.seconds / 3600, plan.tasks) == (pytest.approx(19839, abs=1), 3815 * 3816 // 2)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"block_rows": 0}, ValueError, "block_rows must be 1 or more, not 0"),
        ({"workers": 0}, ValueError, "workers must be 1 or more, not 0"),
        ({"workers": 1.5}, TypeError, "workers must be a whole number, not float"),
        ({"rows": -1}, ValueError, "rows must be 0 or more, not -1"),
        ({"dimension": 0}, ValueError, "dimension must be 1 or more, not 0"),
        ({"dimension": "128"}, TypeError, "dimension must be a whole number, not str"),
        ({"k": 0}, ValueError, "k must be 1 or more, not 0"),
        ({"k": 2.5}, TypeError, "k must be a whole number, not float"),
        ({"multiply_adds_per_second": "1"}, TypeError, "multiply_adds_per_second must be a number, not str"),
        ({"network_bytes_per_second": "1"}, TypeError, "network_bytes_per_second must be a number, not str"),
        ({"multiply_adds_per_second": 0}, ValueError, "rates must be above 0, not 0 and 1"),
        ({"network_bytes_per_second": float("nan")}, ValueError, "rates must be above 0, not 1 and nan"),
    ],
)
def test_plans_that_cannot_be(change, error, text):
    good = {"rows": 100, "dimension": 8, "k": 5, "block_rows": 5, "workers": 1}
    good |= {"multiply_adds_per_second": 1, "network_bytes_per_second": 1}
    with pytest.raises(error, match=f"^{text}$"):
        self_join_plan(**good | change)
    with pytest.raises(error, match=f"^{text}$"):
        search_plan(100, query_rows=10, **good | change)


@pytest.mark.parametrize("change", [{"queries": -1}, {"query_rows": 0}])
def test_searches_that_cannot_be(change):
    ((name, value),) = change.items()
    good = {"queries": 9, "query_rows": 9, "block_rows": 5, "workers": 1}
    with pytest.raises(ValueError, match=f"^{name} must be {value + 1} or more, not {value}$"):
        search_plan(rows=9, dimension=8, k=5, multiply_adds_per_second=1, network_bytes_per_second=1, **good | change)


def test_sizes_of_numpy_are_sizes():
    rates = {"multiply_adds_per_second": np.float32(1), "network_bytes_per_second": 1}
    sizes = (10**9, 128, 80)
    plain, numpys = (
        self_join_plan(*map(kind, sizes), block_rows=kind(2**18), workers=kind(2), **rates) for kind in (int, np.int64)
    )
    assert plain == numpys


def test_no_rows_cost_nothing():
    rates = {"workers": 2, "multiply_adds_per_second": 1, "network_bytes_per_second": 1}
    for plan in (
        self_join_plan(0, 8, 5, block_rows=10, **rates),
        search_plan(0, 10, 8, 5, query_rows=10, block_rows=10, **rates),
        search_plan(10, 0, 8, 5, query_rows=10, block_rows=10, **rates),
    ):
        assert (plan.tasks, plan.multiply_adds, plan.seconds) == (0, 0, 0)


def test_the_page_tells_the_results(scale):
    results = json.loads((ROOT / "bench" / "results" / "scale.json").read_text())
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    for table in scale.tables(results):
        assert table in page
    assert results["rates"] == scale.rates()
    for case in results["cases"]["self-join, cpu"]:
        plan = self_join_plan(
            case["plan"]["rows"],
            128,
            case["k"],
            block_rows=case["block_rows"],
            workers=case["machines"],
            multiply_adds_per_second=case["multiply_adds"],
            network_bytes_per_second=case["network"],
        )
        assert asdict(plan) == case["plan"]
    agree = {what: max(abs(scale.ratio(case) - 1) for case in some) for what, some in results["cases"].items()}
    assert max(agree["self-join, cpu"], agree["self-join, h100"]) < 0.01
    assert max(agree["search, cpu"], agree["search, h100"]) < 0.05
