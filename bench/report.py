"""Write the table of one or more results of bench/against.py, with the goals and whether they are met.

    python bench/report.py bench/results/NAME.json ...

writes bench/results/NAME.md beside each.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from goals import AUTO, FULL, GOALS, MEMORY_BYTES

TITLES = {
    "many": "{queries:,} queries",
    "few": "{queries} queries",
    "one": "1 query",
    "self-join": "self-join",
    "distances": "all distances",
}


def report(results: dict[str, Any]) -> str:
    """The whole page."""
    return "\n".join([*_machine(results), *_goals(results), *_workloads(results), *_memory(results), ""])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _machine(results: dict[str, Any]) -> Iterator[str]:
    machine, limits, settings = results["machine"], results["ceilings"], results["settings"]
    yield f"# {machine['cpu']}, {_count(settings['threads'], 'thread')}, {settings['depth']} numbers a row"
    yield ""
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    memory = f"{machine['memory_bytes'] / 1e9:.0f} GB" if machine["memory_bytes"] else "unknown"
    yield f"{_count(machine['cpus'], 'CPU')}; caches {caches}; memory {memory}; {machine['system']};"
    yield f"Python {machine['python']}; numpy {machine['numpy']}; faceprint {machine['faceprint']},"
    yield f"backend {machine['backend']}."
    yield f"Peers: {', '.join(f'{name} {version}' for name, version in results['peers'].items()) or 'none'}."
    for name, reason in results["missing"].items():
        yield f"{name}: {reason}."
    yield ""
    rows = [
        (f"float32 multiply-adds ({limits['fma_kernel']})", limits["fma_flops"], "GFLOP/s"),
        (f"int8 multiply-adds ({limits['int8_kernel']})", limits["int8_ops"], "GOP/s"),
        ("reading", limits["read_bytes"], "GB/s"),
        (f"numpy's sgemm ({limits['sgemm']['kernel']})", limits["sgemm"], "GFLOP/s"),
    ]
    several = settings["threads"] > 1
    head = ["ceiling, best of the rounds", "one thread", f"{settings['threads']} threads"][: 2 + several]
    shown = ([name, *(_rate(value.get(key), unit) for key in ("one", "all"))] for name, value, unit in rows)
    yield from _table(head, (row[: 2 + several] for row in shown))


def _goals(results: dict[str, Any]) -> Iterator[str]:
    yield "## Goals"
    yield ""
    rows = []
    for goal in GOALS:
        entry = results["workloads"].get(goal.workload)
        reached = goal.reached(entry["contestants"]) if entry else None
        against = f"share of {goal.other}" if goal.kind == "share" else f"times as fast as {goal.other}"
        best = goal.best_round(entry["contestants"]) if entry else None
        shown = _number(reached) + ("" if best is None else f" (best round {_number(best)})")
        met = "not run" if reached is None else "met" if reached >= goal.least else "**missed**"
        rows.append((_title(goal.workload, entry), goal.ours, against, f"{goal.least:g}", shown, met))
    found = [entry["extra_bytes"] for entry in results.get("memory", []) if entry["extra_bytes"] is not None]
    worst = max(found) / 1e6 if found else None
    met = "not run" if worst is None else "met" if max(found) <= MEMORY_BYTES else "**missed**"
    limit = f"{MEMORY_BYTES / 1e6:g} MB"
    rows.append(
        (
            "any",
            AUTO,
            "memory beyond gallery and outputs, at most",
            limit,
            "" if worst is None else f"{worst:.1f} MB",
            met,
        )
    )
    yield from _table(("workload", "ours", "measure", "goal", "reached", ""), rows)


def _workloads(results: dict[str, Any]) -> Iterator[str]:
    for name, entry in results["workloads"].items():
        yield f"## {_title(name, entry)}: {entry['rows']:,} x {entry['depth']}" + (
            f", k = {entry['k']}" if entry["k"] else ""
        )
        yield ""
        known = {told["name"]: told["seconds"] for told in entry["contestants"]}
        ours, full = known[AUTO], known.get(FULL)
        head = ["contestant", "ms", "over ours", *(["over our full scan"] if full else []), "share of limit"]
        head += ["recall", "largest error", "rounds", "notes"]
        rows = []
        for told in sorted(entry["contestants"], key=lambda told: told["seconds"]):
            seconds = told["seconds"]
            row = [told["name"], f"{seconds * 1e3:,.3f}", f"{seconds / ours:.2f}"]
            row += [f"{seconds / full:.2f}"] if full else []
            row += [_number(told["share_of_limit"]), _number(told.get("recall"), 4), _error(told.get("largest_error"))]
            rows.append([*row, str(len(told["rounds"])), _notes(told)])
        yield from _table(head, rows)


def _memory(results: dict[str, Any]) -> Iterator[str]:
    if not results.get("memory"):
        return
    yield "## Memory of a call of ours, beyond gallery, queries and outputs"
    yield ""
    rows = [
        (
            entry["call"],
            f"{entry['rows']:,}",
            "" if entry["extra_bytes"] is None else f"{entry['extra_bytes'] / 1e6:.1f}",
        )
        for entry in results["memory"]
    ]
    yield from _table(("call", "rows", "MB"), rows)


def _title(name: str, entry: dict[str, Any] | None) -> str:
    return TITLES[name].format(**entry) if entry else name


def _notes(told: dict[str, Any]) -> str:
    standard = {"name", "exact", "seconds", "rounds", "recall", "largest_error"}
    standard |= {"share_of_limit", "share_of_limit_best_round"}
    notes = [] if told["exact"] else ["not exact"]
    for name, value in told.items():
        if name not in standard:
            notes.append(f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(notes).replace("_", " ")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"


def _rate(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value / 1e9:.1f} {unit}"


def main() -> None:
    """Write a page beside each file of results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    for path in parser.parse_args().results:
        page = path.with_suffix(".md")
        page.write_text(report(json.loads(path.read_text())))
        print(page)


if __name__ == "__main__":
    main()
