"""Commands about this machine: whether the package works here, how fast, and what would run where."""

from dataclasses import asdict
from pathlib import Path

import click

from .._info import info as describe
from ..backend import use_backend
from ..bench import run_bench
from ..demo import run_demo
from ..draft import draft_recipe
from ..golden import make_golden
from ..network import open_network
from .options import APath, Json, Untrusted
from .output import answered, print_json


@click.command()
@click.option("--out", type=APath, default="faceprint-demo.html", show_default=True)
@Json
def demo(out: Path, as_json: bool) -> None:
    """Run the whole way on the photographs that ship with the package, and write a page about it."""
    found = run_demo(out)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['faces']} faces on {found['photos']} photographs, {len(found['people'])} people:")
    for number, names in enumerate(found["people"], 1):
        click.echo(f"  person {number}: {', '.join(names)}")
    click.echo(f"who matches whom (same at distance <= {found['threshold']:.3f}, FAR {found['far']:g}):")
    for pair in found["pairs"]:
        click.echo(f"  {pair['a']:12} {pair['b']:12} {pair['distance']:.3f}  {answered(pair['same'])}")
    click.echo("time:")
    for name, seconds in found["seconds"].items():
        click.echo(f"  {name:26} {seconds * 1e3:8.1f} ms")
    click.echo(f"page: {found['page']}")


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(min=1000), help="Rows of the gallery.")
@click.option("--depth", default=128, show_default=True, type=click.IntRange(min=1), help="Numbers of a row.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of ours; all CPUs if not given.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@Json
def bench(rows: int, depth: int, threads: int | None, device: str, as_json: bool) -> None:
    """Measure in about two minutes how fast this machine searches, beside numpy."""
    if device == "cuda":
        use_backend("cuda")
    timings = []
    for timing in run_bench(rows, depth, threads):
        timings.append({**asdict(timing), "speedup": timing.speedup})
        if not as_json:
            recall = "" if timing.recall is None else f"  recall {timing.recall:.4f}"
            click.echo(
                f"{timing.workload:28} {timing.contestant:24} {timing.seconds * 1e3:11.3f} ms"
                f"  {timing.speedup:7.2f} x numpy{recall}"
            )
    if as_json:
        described = describe()
        machine = {name: described[name] for name in ("versions", "python", "machine", "backend")}
        print_json({**machine, "threads": threads or described["threads"], "timings": timings})


@click.command()
@click.argument("network", required=False, type=APath)
@click.option("--recipe", help="The name of a known recipe, or a .json file.")
@click.option("--draft", is_flag=True, help="Print the recipe that NETWORK lacks, with question marks to fill in.")
@click.option("--golden", is_flag=True, help="Print the golden embedding of NETWORK, for the 'golden' of its recipe.")
@Untrusted
@Json
def info(network: Path | None, recipe: str | None, draft: bool, golden: bool, untrusted: bool, as_json: bool) -> None:
    """Show versions, backends, and what would run where; of NETWORK, an .onnx file, its graph, recipe and licence."""
    if network is None and (recipe or draft or golden or untrusted):
        raise click.UsageError("--recipe, --draft, --golden and --untrusted need a NETWORK")
    if draft and (golden or recipe):
        raise click.UsageError("--draft is for a network without a recipe")
    if network is not None and draft:
        print_json(draft_recipe(network, untrusted=untrusted))
        return
    if network is not None and golden:
        print_json(asdict(make_golden(open_network(network, recipe, untrusted=untrusted).golden())))
        return
    found = describe(network, recipe=recipe, untrusted=untrusted)
    if as_json:
        print_json(found)
        return
    for topic, value in found.items():
        if isinstance(value, dict):
            value = "; ".join(f"{name} {entry or 'not installed'}" for name, entry in value.items())
        elif isinstance(value, list):
            value = ", ".join(value) or "none: pip install 'faceprint[cpu]'"
        click.echo(f"{topic}: {value}")
