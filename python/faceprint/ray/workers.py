"""Processes of a Ray cluster that do tasks: one at a time each, and each task again if its process dies."""

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._nearest import Progress
from ..errors import DeviceError
from ..expected import as_kind, as_number, as_whole
from ..shards import Shards

PATIENCE = 60.0  # seconds without any worker, after which none is expected any more
ANSWER = 10.0  # seconds in which a cluster must answer, and workers that are idle should
ATTEMPTS = 10  # at a task, or at starting each worker, that ended with the death of a worker


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A call of a function that may be made again: `function(*arguments)`, for a caller who calls it `name`.

    It waits until the tasks named in `after` are done. A worker that has done a task of the same `home` is preferred,
    for what it keeps in memory; `work` is its share of the whole.
    """

    name: Any
    function: Callable[..., Any]
    arguments: Sequence[Any]
    after: frozenset[Hashable] = frozenset()
    home: Hashable = None
    work: float = 1.0


class Workers:
    """Processes of a Ray cluster, which calls of `faceprint.ray` have their work done by; a context manager.

    `count` of them use `threads` CPUs each, and `gpus` GPUs. Without `threads`, each uses all CPUs of the smallest
    node; without `count` there are as many as fit. A program that is connected to a cluster stays with it. Else
    `address` is that of the cluster, "host:port"; None takes the one that RAY_ADDRESS names or that runs on this
    machine, or else starts one of this machine alone, which ends with the program. Ray's reports of usage are off.

    Workers that die, with their node or alone, are replaced where the cluster has room, and what they were doing is
    done again. One call at a time may use them. Raises DeviceError where there is no such cluster, no room for a worker
    for a minute, and where workers cannot start, as on nodes without faceprint; ValueError for less than one, or
    `gpus` beyond 1 that are not whole; TypeError for what is no whole number.

    >>> with Workers(2, threads=1) as workers:
    ...     sorted(workers.do([Task(n, pow, (n, 2)) for n in (1, 2, 3)]))
    [(1, 1), (2, 4), (3, 9)]
    """

    def __init__(
        self, count: int | None = None, *, threads: int | None = None, gpus: float = 0, address: str | None = None
    ) -> None:
        for name, number in (("count", count), ("threads", threads)):
            if number is not None:
                as_whole(number, name, 1)
        self.gpus = as_number(gpus, "gpus")
        if not (0 <= self.gpus <= 1 or (self.gpus > 1 and self.gpus.is_integer())):
            raise ValueError(f"gpus must be in [0, 1], the share of one, or a whole number, not {gpus}")
        self._ray = _connect(address)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        nodes = [node for node in nodes if node.get("CPU", 0) >= 1]
        if not nodes:
            raise DeviceError("the Ray cluster must have a node with CPUs, and has none")
        self.threads = threads or min(int(node["CPU"]) for node in nodes)
        self.count = count or max(1, sum(map(self._room, nodes)))
        remote = self._ray.remote(num_cpus=self.threads, num_gpus=self.gpus, scheduling_strategy="SPREAD")
        self._remote = remote(_Worker)
        self._starting: dict[Any, Any] = {}  # what tells that a worker has started, and the worker
        self._idle: list[Any] = []
        self._known: dict[Any, _Known] = {}  # of each that has started
        self._failed = 0  # of those that were to start, since one did
        for _ in range(self.count):
            self._start()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; the cluster stays."""
        for worker in [*self._idle, *self._starting.values()]:
            self._ray.kill(worker)
        self._idle.clear()
        self._starting.clear()

    def put(self, value: Any) -> Any:
        """Leave something large with the cluster: as an argument of tasks, it is sent to each node once."""
        return self._ray.put(value)

    def do(
        self, tasks: Iterable[Task], *, work: float | None = None, progress: Progress | None = None
    ) -> Iterator[tuple[Any, Any]]:
        """Do tasks, and give the name and the result of each as it ends.

        No more than two for each worker are asked for from `tasks` before they can begin, and none begins before the
        results of those that it is to come `after` were taken from here. `progress` is told the share of `work`, the
        sum of the tasks'.

        What a task raises is raised here. DeviceError where a task has ended ten workers, as for want of memory.
        """
        self._look_after_idle()
        source, waiting, running = iter(tasks), deque[Task](), dict[Any, tuple[Any, Task]]()
        done, attempts, worked = set[Hashable](), dict[Hashable, int](), 0.0
        _tell(progress, 0.0)
        try:
            while True:
                for worker, task in self._assignments(source, waiting, done):
                    running[worker.do.remote(task.function, *task.arguments)] = (worker, task)
                if not running and not waiting:
                    break
                for answer in self._wait([*running, *self._starting], patient=bool(running or self._idle)):
                    if answer in self._starting:
                        self._started(answer)
                        continue
                    worker, task = running.pop(answer)
                    try:
                        result = self._ray.get(answer)
                    except self._lost() as error:
                        attempts[task.name] = attempts.get(task.name, 0) + 1
                        if attempts[task.name] == ATTEMPTS:
                            raise DeviceError(f"{ATTEMPTS} workers died of one task, {task.name}: {error}") from error
                        waiting.appendleft(task)
                        self._replace(worker)
                        continue
                    except self._ray.exceptions.RayTaskError as error:
                        self._idle.append(worker)
                        raise error.cause from error
                    self._idle.append(worker)
                    done.add(task.name)
                    worked += task.work
                    yield task.name, result
                    if work and worked < work:
                        _tell(progress, worked / work)
        finally:
            self._break_off([worker for worker, _ in running.values()])
        _tell(progress, 1.0)

    def _break_off(self, workers: list[Any]) -> None:
        """Replace workers whose results nobody will want, and see them gone: nothing goes on behind the caller's back.

        Ray calls a worker dead when it has been told to end, which it may do a little later.
        """
        processes: dict[str, list[int]] = {}
        for worker in workers:
            known = self._known[worker]
            processes.setdefault(known.node, []).append(known.process)
            self._replace(worker)
        on = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        gone = [
            self._ray.remote(num_cpus=0, scheduling_strategy=on(node, soft=False))(_await_end).remote(numbers)
            for node, numbers in processes.items()
        ]
        if gone:
            self._ray.wait(gone, num_returns=len(gone), timeout=ANSWER)

    def _assignments(
        self, source: Iterator[Task], waiting: "deque[Task]", done: set[Hashable]
    ) -> Iterator[tuple[Any, Task]]:
        """Idle workers and what they are to do: of the tasks at hand, one they are at home with if there is one."""
        while True:
            while len(waiting) < 2 * self.count and (task := next(source, None)) is not None:
                waiting.append(task)
            ready = [task for task in waiting if task.after <= done]
            if not self._idle or not ready:
                return
            worker, task = next(
                ((worker, task) for task in ready for worker in self._idle if task.home in self._known[worker].homes),
                (self._idle[0], ready[0]),
            )
            self._idle.remove(worker)
            waiting.remove(task)
            self._known[worker].homes.append(task.home)
            yield worker, task

    def _room(self, node: dict[str, float]) -> int:
        """How many workers a node has room for."""
        most = int(node["CPU"] // self.threads)
        return min(most, int(node.get("GPU", 0) // self.gpus)) if self.gpus else most

    def _wait(self, answers: list[Any], *, patient: bool) -> list[Any]:
        if not answers:
            raise DeviceError("these workers are closed, or at work for another call")
        ready, _ = self._ray.wait(answers, timeout=None if patient else PATIENCE)
        if not ready:
            needed = f"{self.threads} CPUs" if self.threads > 1 else "a CPU"
            needed += f" and {self.gpus:g} of a GPU" if self.gpus else ""
            raise DeviceError(f"no node of the Ray cluster has had {needed} free for a worker for {PATIENCE:.0f} s")
        return list(ready)

    def _look_after_idle(self) -> None:
        """Replace who has died without a task, so that no task is thought to have ended them."""
        asked = {worker.do.remote(_place): worker for worker in self._idle}
        self._idle.clear()
        self._starting.update(asked)
        if asked:
            answers, _ = self._ray.wait([*asked], num_returns=len(asked), timeout=ANSWER)
            for answer in answers:
                self._started(answer)

    def _start(self) -> None:
        worker = self._remote.remote()
        self._starting[worker.do.remote(_place)] = worker

    def _started(self, answer: Any) -> None:
        worker = self._starting.pop(answer)
        try:
            node, process = self._ray.get(answer)
        except self._lost() as error:
            self._known.pop(worker, None)
            self._start()
            self._failed += 1
            if self._failed == ATTEMPTS * self.count:
                self._failed = 0  # a later call tries again
                raise DeviceError(f"no worker can start on the Ray cluster: {error}") from error
        else:
            self._failed = 0
            self._idle.append(worker)
            self._known.setdefault(worker, _Known(node, process))

    def _replace(self, worker: Any) -> None:
        self._known.pop(worker, None)
        self._ray.kill(worker)
        self._start()

    def _lost(self) -> tuple[type[Exception], ...]:
        errors = self._ray.exceptions
        return (
            errors.RayActorError,
            errors.WorkerCrashedError,
            errors.ObjectLostError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
        )


def check_given(shards: Any, name: str, workers: Any) -> None:
    """TypeError unless these are shards, under this name, and workers."""
    as_kind(shards, Shards, name)
    as_kind(workers, Workers, "workers")


@dataclass(frozen=True, slots=True)
class _Known:
    """Where a worker runs, and what its last tasks were at home with."""

    node: str
    process: int
    homes: deque[Hashable] = field(default_factory=lambda: deque(maxlen=4))


class _Worker:
    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


def _place() -> tuple[str, int]:
    """The node and the number of this process."""
    import ray

    return ray.get_runtime_context().get_node_id(), os.getpid()


def _await_end(processes: Sequence[int]) -> None:
    """Wait until processes of this node are gone."""
    while any(map(_is_there, processes)):
        time.sleep(0.01)


def _is_there(process: int) -> bool:
    if os.name != "posix":  # where signal 0 would end it, and nothing else can be asked
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _connect(address: str | None) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # older Ray warns of what newer does
    try:
        import ray
    except ImportError as error:
        raise ModuleNotFoundError("faceprint.ray needs Ray: pip install 'faceprint[ray]'") from error
    if ray.is_initialized():
        return ray
    named = address or os.environ.get("RAY_ADDRESS") or "this machine"
    try:
        _check_answers(named)
        ray.init(address=address, include_dashboard=None if address else False, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise DeviceError(f"no Ray cluster answers at {named}: {error}") from error
    return ray


def _check_answers(address: str) -> None:
    """Knock at "host:port": Ray itself would for minutes. OSError where nobody answers."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), ANSWER).close()


def _tell(progress: Progress | None, share: float) -> None:
    if progress is not None:
        progress(share)
