"""Many faces on many machines: the formulas of `faceprint.plan` beside a simulation of the schedule.

    python bench/python/scale.py [--most 20000] [--out bench/results/scale.json]

Nothing is measured here. Machines have the share of their peak that `results/join-2-threads.json` measured for the
self-join and `results/search-128-2-threads.json` for a full scan, core for core; networks give what they promise.

Simulated are tasks as each machine does them, one after the other: read two blocks of rows and their lists, compute,
write the lists. In a self-join a block is in one task at a time, in the order of a tournament (circle method); in a
search the lists of each query are merged when all groups are done. Transfers share what the storage gives. Machines die
at random, lose what they were at, and come back. Of a self-join of more than `--most` tasks so many are simulated, and
the time is scaled to all. The tables that are printed are those of `docs/scale.md`.
"""

import argparse
import heapq
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))
from faceprint.plan import NEIGHBOUR, NUMBER, Plan, search_plan, self_join_plan

RESULTS = Path(__file__).parents[1] / "results"
DIMENSION = 128
MACHINES, CORES = 32, 32
GIGABIT = 1e9 / 8
H100 = 67e12 / 2  # multiply-adds a second in float32 by NVIDIA's data sheet (SXM, 67 teraFLOPS): not measured
SHARD = 517  # bytes a face: 131,072 random rows of 128 float32 with labels and quality, as `Shards.add` writes them
PACKED = 728  # bytes a face in memory, as `docs/million.md` has it
JOINED = 528  # bytes a face in the memory of a worker, without codes
BLOCK = 2**18
NETWORKS = ["1 Gbit/s", "10 Gbit/s", "25 Gbit/s", "100 Gbit/s"]
QUERIES, QUERY_BLOCK, GROUP = 10**6, 2**16, 2**22


@dataclass(frozen=True)
class Cluster:
    """Rates are a second; those of computing and of the network are one machine's, that of storage is all machines'."""

    machines: int
    multiply_adds: float
    network: float
    storage: float = inf
    between_deaths: float = inf  # seconds of one machine, in the mean
    restart: float = 60.0
    spread: float = 0.1  # by how much computing takes longer or shorter at random, so that machines fall out of step


@dataclass(frozen=True, order=True)
class Task:
    """What a machine does: read so many bytes, multiply and add, write; tasks begin in their order."""

    order: tuple[int, ...]
    read: float = field(compare=False)
    multiply_adds: float = field(compare=False)
    write: float = field(compare=False)


class Tournament:
    """The self-join's tasks: every block meets itself, then each other one, and is in one task at a time.

    With `met` rounds behind each it begins later: what is scaled to all tasks must not begin with the cheap ones.
    """

    def __init__(self, rows: int, block_rows: int, dimension: int, k: int, *, met: int = 0) -> None:
        self.blocks = -(-rows // block_rows)
        self.tasks = self.blocks * (self.blocks + 1) // 2
        self.last_rows = rows - (self.blocks - 1) * block_rows
        self.block_rows, self.dimension, self.listed = block_rows, dimension, NEIGHBOUR * min(k, rows - 1)
        self.met = [met] * self.blocks  # rounds behind each block
        self.ready: list[Task] = []
        for block in range(self.blocks):
            if met == 0:
                self.ready.append(self._task(0, block, block))
            elif (other := self._partner(met, block)) is None:
                self.met[block] += 1
            elif block < other:
                self.ready.append(self._task(met, block, other))

    def finish(self, task: Task) -> None:
        """Say that a task is done, so that its blocks may go on."""
        played, *pair = task.order
        for block in set(pair):
            self.met[block] = played + 1
            if self._partner(played + 1, block) is None:  # whom all others leave alone for a round
                self.met[block] += 1
        for block in set(pair):
            self._call(block)

    def _call(self, block: int) -> None:
        """Make a block's next task ready, if its partner is."""
        other = self._partner(self.met[block], block)
        if other is not None and self.met[other] == self.met[block]:
            heapq.heappush(self.ready, self._task(self.met[block], *sorted((block, other))))

    def _partner(self, played: int, block: int) -> int | None:
        """Whom a block meets after so many rounds, of which the first was with itself; None for nobody."""
        players = self.blocks + self.blocks % 2
        if not 0 < played < players:
            return None
        seat = players - 1  # who stays there, while all others go round
        if block == seat:
            other = played * players // 2 % seat
        else:
            other = (played - block) % seat
            other = seat if other == block else other
        return other if other < self.blocks else None

    def _task(self, played: int, one: int, other: int) -> Task:
        a, b = (self.last_rows if block == self.blocks - 1 else self.block_rows for block in (one, other))
        rows, pairs = (a, a * (a - 1) // 2) if one == other else (a + b, a * b)
        lists = rows * self.listed
        return Task(
            (played, one, other),
            read=rows * NUMBER * self.dimension + (lists if played else 0),
            multiply_adds=pairs * self.dimension,
            write=lists,
        )


class Grid:
    """The search's tasks: every block of queries with every group of shards, then the merging of each block's lists."""

    def __init__(self, queries: int, rows: int, query_rows: int, block_rows: int, dimension: int, k: int) -> None:
        blocks, groups = -(-queries // query_rows), -(-rows // block_rows)
        self.tasks = blocks * groups + blocks
        self.left = [groups] * blocks
        self.merges: list[Task] = []
        self.ready: list[Task] = []
        for block, first in enumerate(range(0, queries, query_rows)):
            probes = min(query_rows, queries - first)
            found = 0
            for group, start in enumerate(range(0, rows, block_rows)):
                size = min(block_rows, rows - start)
                lists = probes * NEIGHBOUR * min(k, size)
                found += lists
                read = (probes + size) * NUMBER * dimension
                self.ready.append(Task((0, block, group), read, probes * size * dimension, lists))
            self.merges.append(Task((1, block), found, 0, probes * NEIGHBOUR * min(k, rows)))

    def finish(self, task: Task) -> None:
        """Say that a task is done."""
        if task.order[0] == 0:
            self.left[task.order[1]] -= 1
            if self.left[task.order[1]] == 0:
                heapq.heappush(self.ready, self.merges[task.order[1]])


@dataclass
class Machine:
    """One of them: its task and what it is at; `life` tells events of before its death from later ones."""

    task: Task | None = None
    phase: str = "idle"
    life: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a simulation came to; of all tasks, where only some were simulated."""

    seconds: float
    tasks: int
    read_bytes: float
    written_bytes: float
    deaths: int
    share_simulated: float


def simulate(schedule: Tournament | Grid, cluster: Cluster, *, most: int = 20_000, seed: int = 0) -> Outcome:
    """Run the tasks of a schedule on a cluster, or `most` of them."""
    run = _Run(schedule, cluster, random.Random(seed))
    while run.done < min(most, schedule.tasks):
        run.step()
    scale = schedule.tasks / run.done
    return Outcome(run.clock * scale, schedule.tasks, run.read * scale, run.written * scale, run.deaths, 1 / scale)


class _Run:
    """A simulation under way.

    All transfers at one moment are equally fast. So one that begins when `moved` bytes have been moved for each ends
    when that has grown by its own bytes, whoever comes and goes meanwhile.
    """

    def __init__(self, schedule: Tournament | Grid, cluster: Cluster, chance: random.Random) -> None:
        self.schedule, self.cluster, self.chance = schedule, cluster, chance
        self.clock = self.moved = self.read = self.written = 0.0
        self.done = self.deaths = self.moving = 0
        self.machines = [Machine() for _ in range(cluster.machines)]
        self.idle = list(range(cluster.machines))
        self.transfers: list[tuple[float, int, int]] = []  # moved at the end, machine, its life
        self.waits: list[tuple[float, int, int]] = []  # clock at the end, machine, its life
        self.next_death = self._draw_death()

    def step(self) -> None:
        """Give out tasks, and go on to whatever ends next."""
        while self.idle and self.schedule.ready:
            self._begin(self.idle.pop(), heapq.heappop(self.schedule.ready))
        for events in (self.transfers, self.waits):
            while events and self.machines[events[0][1]].life != events[0][2]:
                heapq.heappop(events)
        rate = min(self.cluster.network, self.cluster.storage / max(self.moving, 1))
        transferred = self.clock + (self.transfers[0][0] - self.moved) / rate if self.transfers else inf
        waited = self.waits[0][0] if self.waits else inf
        now = min(transferred, waited, self.next_death)
        if self.moving:
            self.moved += (now - self.clock) * rate
        self.clock = now
        if now == self.next_death:
            self._die(self.chance.randrange(len(self.machines)))
        elif now == transferred:
            self.moved, number, _ = heapq.heappop(self.transfers)
            self.moving -= 1
            self._after_transfer(number)
        else:
            self._after_wait(heapq.heappop(self.waits)[1])

    def _begin(self, number: int, task: Task) -> None:
        self.machines[number].task = task
        self._transfer(number, "reads", task.read)

    def _transfer(self, number: int, phase: str, size: float) -> None:
        self.machines[number].phase = phase
        self.moving += 1
        heapq.heappush(self.transfers, (self.moved + size, number, self.machines[number].life))

    def _wait(self, number: int, phase: str, seconds: float) -> None:
        self.machines[number].phase = phase
        heapq.heappush(self.waits, (self.clock + seconds, number, self.machines[number].life))

    def _after_transfer(self, number: int) -> None:
        machine = self.machines[number]
        task = machine.task
        assert task is not None
        if machine.phase == "reads":
            self.read += task.read
            varied = 1 + self.cluster.spread * self.chance.uniform(-1, 1)
            self._wait(number, "computes", varied * task.multiply_adds / self.cluster.multiply_adds)
        else:
            self.written += task.write
            self.done += 1
            self.schedule.finish(task)
            self._rest(number)

    def _after_wait(self, number: int) -> None:
        machine = self.machines[number]
        if machine.phase == "restarts":
            self._rest(number)
        else:
            assert machine.task is not None
            self._transfer(number, "writes", machine.task.write)

    def _rest(self, number: int) -> None:
        self.machines[number].task, self.machines[number].phase = None, "idle"
        self.idle.append(number)

    def _die(self, number: int) -> None:
        """Lose what a machine was at, whose task somebody does again."""
        machine = self.machines[number]
        self.deaths += 1
        self.next_death = self._draw_death()
        if machine.phase in ("reads", "writes"):
            self.moving -= 1
        if machine.phase == "idle":
            self.idle.remove(number)
        if machine.task is not None:
            heapq.heappush(self.schedule.ready, machine.task)
        machine.task, machine.life = None, machine.life + 1
        self._wait(number, "restarts", self.cluster.restart)

    def _draw_death(self) -> float:
        if self.cluster.between_deaths == inf:
            return inf
        return self.clock + self.chance.expovariate(len(self.machines) / self.cluster.between_deaths)


def rates() -> dict[str, dict[str, float]]:
    """Multiply-adds a second of a machine: 32 cores like those measured, or an H100 at the same share of its peak."""
    found: dict[str, dict[str, float]] = {"cpu": {}, "h100": {}}
    for operation, file, workload, contestant in (
        ("self-join", "join-2-threads.json", "self-join", "faceprint"),
        ("search", "search-128-2-threads.json", "many", "faceprint full"),
    ):
        measured = json.loads((RESULTS / file).read_text())
        told = measured["workloads"][workload]
        (best,) = (entry for entry in told["contestants"] if entry["name"] == contestant)
        pairs = told["queries"] * told["rows"] / (2 if operation == "self-join" else 1)
        core = pairs * told["depth"] / best["seconds"] / measured["ceilings"]["threads"]
        peak = measured["ceilings"]["fma_flops"]["all"] / 2 / measured["ceilings"]["threads"]
        found["cpu"][operation] = CORES * core
        found["h100"][operation] = H100 * core / peak
    return found


def self_join(rows: int, k: int, block_rows: int, cluster: Cluster, most: int) -> dict[str, Any]:
    """The plan of a self-join and its simulation."""
    plan = self_join_plan(
        rows,
        DIMENSION,
        k,
        block_rows=block_rows,
        workers=cluster.machines,
        multiply_adds_per_second=cluster.multiply_adds,
        network_bytes_per_second=cluster.network,
    )
    schedule = Tournament(rows, block_rows, DIMENSION, k, met=int(plan.tasks > most))
    return told(plan, simulate(schedule, cluster, most=most), cluster, k, block_rows)


def search(rows: int, k: int, cluster: Cluster) -> dict[str, Any]:
    """The plan of a search and its simulation."""
    plan = search_plan(
        QUERIES,
        rows,
        DIMENSION,
        k,
        query_rows=QUERY_BLOCK,
        block_rows=GROUP,
        workers=cluster.machines,
        multiply_adds_per_second=cluster.multiply_adds,
        network_bytes_per_second=cluster.network,
    )
    schedule = Grid(QUERIES, rows, QUERY_BLOCK, GROUP, DIMENSION, k)
    return told(plan, simulate(schedule, cluster, most=schedule.tasks), cluster, k, GROUP)


def told(plan: Plan, outcome: Outcome, cluster: Cluster, k: int, block_rows: int) -> dict[str, Any]:
    """One case, as the results keep it."""
    settings = {key: None if value == inf else value for key, value in asdict(cluster).items()}
    return {"k": k, "block_rows": block_rows, **settings, "plan": asdict(plan), "simulated": asdict(outcome)}


def cases(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that the page tells, each with the name of what it shows."""
    speed = rates()
    sizes, lists, networks = (10**8, 10**9), (10, 80), (1, 10, 25, 100)
    for device, rows, k in product(speed, sizes, lists):
        for gigabits in networks:
            join = Cluster(MACHINES, speed[device]["self-join"], gigabits * GIGABIT)
            for block_rows in (2**15, BLOCK, 2**20):
                yield f"self-join, {device}", self_join(rows, k, block_rows, join, most)
            yield f"search, {device}", search(rows, k, Cluster(MACHINES, speed[device]["search"], join.network))
    for gigabytes in (20, 10, 5, 2.5):
        cluster = Cluster(MACHINES, speed["cpu"]["self-join"], 25 * GIGABIT, storage=gigabytes * 1e9)
        yield "storage", self_join(10**9, 80, BLOCK, cluster, most)
    for hours in (24, 1, 0.25):
        cluster = Cluster(MACHINES, speed["cpu"]["self-join"], 25 * GIGABIT, between_deaths=3600 * hours)
        yield "deaths", self_join(10**9, 80, BLOCK, cluster, 4 * most)
    for rows in (2 * 10**6, 4 * 10**6, 8 * 10**6, 32 * 10**6):
        cluster = Cluster(MACHINES, speed["cpu"]["self-join"], 25 * GIGABIT)
        yield "few blocks", self_join(rows, 80, BLOCK, cluster, most)


def tables(results: dict[str, Any]) -> list[str]:
    """What `docs/scale.md` shows of results, in Markdown."""
    every, shown = results["cases"], []
    for operation, title, unit in (("self-join", "self-join, hours", 3600), ("search", "search, minutes", 60)):
        rows = []
        for device, name in (("cpu", "32 cores"), ("h100", "H100, computed")):
            cases = [case for case in every[f"{operation}, {device}"] if case["block_rows"] in (BLOCK, GROUP)]
            for size, k in product((10**8, 10**9), (10, 80)):
                some = [case for case in cases if (case["plan"]["rows"], case["k"]) == (size, k)]
                computing = some[0]["plan"]["compute_seconds"] / MACHINES
                times = [case["simulated"]["seconds"] for case in some]
                rows.append([name, f"{size:,}", k, *(three(seconds / unit) for seconds in (computing, *times))])
        shown.append(markdown([title, "faces", "k", "computing alone", *NETWORKS], rows))
    rows = []
    for device, name in (("cpu", "32 cores"), ("h100", "H100, computed")):
        for k in (10, 80):
            speed = results["rates"][device]["self-join"]
            even = [even_block(k, speed, gigabits * GIGABIT) for gigabits in (1, 10, 25, 100)]
            rows.append([name, k, *(f"{each:,.0f}" for each in even)])
    shown.append(markdown(["rows a block", "k", *NETWORKS], rows))
    rows = []
    for size, k in product((10**8, 10**9), (10, 80)):
        for block_rows in (2**15, BLOCK, 2**20):
            cpu, h100 = (
                case
                for device in ("cpu", "h100")
                for case in every[f"self-join, {device}"]
                if (case["plan"]["rows"], case["k"], case["block_rows"]) == (size, k, block_rows)
                and case["network"] == 10 * GIGABIT
            )
            plan, memory = cpu["plan"], 2 * block_rows * (JOINED + 2 * NEIGHBOUR * k)
            moved = [f"{plan[key] / MACHINES / 1e12:.1f}" for key in ("read_bytes", "written_bytes")]
            times = [three(case["simulated"]["seconds"] / 3600) for case in (cpu, h100)]
            row = [f"{size:,}", k, f"{block_rows:,}", f"{plan['tasks']:,}", *moved, f"{memory / 1e9:.1f}", *times]
            rows.append(row)
    head = ["faces", "k", "rows a block", "tasks", "TB read", "TB written", "GB of memory", "hours, 32 cores", "H100"]
    shown.append(markdown(head, rows))
    for what, head, value in (
        ("storage", "all machines together, GB/s", lambda case: f"{case['storage'] / 1e9:g}"),
        ("deaths", "a machine dies every", lambda case: f"{case['between_deaths'] / 3600:g} h"),
        ("few blocks", "faces", lambda case: f"{case['plan']['rows']:,}"),
    ):
        rows = [
            [value(case), *(three(case[key]["seconds"] / 3600) for key in ("plan", "simulated")), f"{ratio(case):.2f}"]
            for case in every[what]
        ]
        shown.append(markdown([head, "by the formula, hours", "simulated, hours", "ratio"], rows))
    rows = []
    for size in (10**6, 10**8, 10**9):
        sizes = (SHARD, NEIGHBOUR * 10, NEIGHBOUR * 80, PACKED, results["cluster_bytes"])
        rows.append([f"{size:,}", *(three(size * each / 1e9) for each in sizes)])
    shown.append(markdown(["faces, GB", "shards", "lists, k = 10", "k = 80", "rows packed", "fp.cluster"], rows))
    return shown


def ratio(case: dict[str, Any]) -> float:
    """Simulated time over that of the formula."""
    return float(case["simulated"]["seconds"] / case["plan"]["seconds"])


def even_block(k: int, multiply_adds: float, network: float) -> float:
    """How many rows two blocks have whose transfers take as long as comparing them; larger ones compute for longer."""
    return 2 * (NUMBER * DIMENSION + 2 * NEIGHBOUR * k) * multiply_adds / (DIMENSION * network)


def three(value: float) -> str:
    """A number to three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))


def main() -> None:
    """Simulate all cases, print what the page tells of them, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=RESULTS / "scale.json")
    arguments = parser.parse_args()
    kept: dict[str, list[dict[str, Any]]] = {}
    for what, case in cases(arguments.most):
        kept.setdefault(what, []).append(case)
    largest = json.loads((RESULTS / "cluster-million.json").read_text())["results"][-1]
    cluster_bytes = largest["peak_gigabytes"] * 1e9 / largest["faces"]
    results = {"dimension": DIMENSION, "rates": rates(), "cluster_bytes": cluster_bytes, "cases": kept}
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    for what, some in kept.items():
        ratios = [ratio(case) for case in some]
        print(f"{what}: {len(some)} cases, simulated over plan {min(ratios):.3f} to {max(ratios):.3f}")
    print("", *tables(results), sep="\n\n")


if __name__ == "__main__":
    main()
