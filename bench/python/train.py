"""Train a small embedding network with PyTorch, from photographs to a file that `fp.load` opens: an example.

    pip install ".[cpu,torch]" -r bench/requirements.txt
    python bench/python/train.py LFW [--out bench/results/train.json] [--network FOLDER]

LFW holds `pairs.txt` and `images/NAME/NAME_0001.jpg`. The network learns people of folds 1 to 3 with LEAST photographs
or more, from chips that faceprint's own detector finds and cuts, by the batches of PKSampler and the triplet loss of
each of KINDS in turn, beginning with the same weights. VAL is measured on photographs of people of fold 4, whom it
never saw. The settings were chosen with `--train 1 2 --test 3`.

The network of the first kind is exported to ONNX with a recipe and opened again; its embeddings are held against
PyTorch's. With `--network` its files stay: a network from news photographs gathered for research, for nothing else.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from lfw import read_pairs
from numpy.typing import NDArray
from torch import nn

import faceprint as fp
from faceprint import _core
from faceprint.chip import align, named_alignment
from faceprint.evaluate import AllPairs
from faceprint.torch import TripletLoss

sys.path.append(str(Path(__file__).parents[1]))
from machine import available_cpus, describe

SIDE, ROOM = 64, 4  # pixels of a chip, and around it, where crops may begin
MEAN, SCALE = 127.5, 1 / 128
DIMENSION, WIDTHS = 128, (24, 48, 96, 192)
PEOPLE, FACES, LEAST = 20, 8, 2  # in a batch; photographs of a person, to learn from
KINDS = ("semihard", "batch-hard", "batch-all")
MARGIN, RATE, DECAY, EPOCHS, LOOKS = 0.2, 1e-3, 1e-2, 50, 10
MOST = 10  # photographs of a person in the measurement
FARS = (1e-3, 1e-2)
CLOSE = 1e-5  # how near an exported number must be


@dataclass(frozen=True)
class Look:
    """What was measured after so many epochs: VAL at each of FARS."""

    epoch: int
    seconds: float
    loss: float
    val: dict[str, float]


class Chips(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Chips of (SIDE + 2 ROOM)^2 pixels, of which each look is another crop, mirrored or not."""

    def __init__(self, pixels: NDArray[np.uint8], people: NDArray[np.int64]) -> None:
        self.pixels, self.people = torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(people)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        top, left, mirrored = torch.randint(2 * ROOM + 1, (3,)).tolist()
        chip = self.pixels[row, :, top : top + SIDE, left : left + SIDE]
        return normal(chip.flip(-1) if mirrored % 2 else chip), self.people[row]

    def middle(self) -> torch.Tensor:
        """All chips as they are cut for a network in use."""
        return normal(self.pixels[:, :, ROOM : ROOM + SIDE, ROOM : ROOM + SIDE])


class Block(nn.Module):
    """Two convolutions beside a shortcut, at half the resolution (He et al., Deep residual learning, 2016)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            convolution(before, after, 2),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Halve the sides of (faces, before, ...)."""
        return torch.relu(self.path(x) + self.shortcut(x))


class Network(nn.Module):
    """Chips (faces, 3, SIDE, SIDE) to unit embeddings (faces, DIMENSION)."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [Block(before, after) for before, after in pairwise(WIDTHS)]
        self.features = nn.Sequential(convolution(3, WIDTHS[0], 2), nn.ReLU(), *blocks, nn.Flatten())
        left = SIDE // 2 ** len(WIDTHS)
        self.embedding = nn.Linear(WIDTHS[-1] * left * left, DIMENSION)

    def forward(self, chips: torch.Tensor) -> torch.Tensor:
        """Embed."""
        return nn.functional.normalize(self.embedding(self.features(chips)))


def convolution(before: int, after: int, stride: int) -> nn.Sequential:
    """3 x 3, with batch normalisation."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after))


def normal(pixels: torch.Tensor) -> torch.Tensor:
    """What the recipe says of mean and scale."""
    return (pixels - MEAN) * SCALE


def photos_of(folder: Path, folds: Sequence[int], least: int, most: int | None = None) -> list[Path]:
    """Photographs of all people of some folds, counted from 1, who have at least so many; at most so many of each."""
    pairs = (pair for pair in read_pairs(folder) if pair.fold + 1 in folds)
    people = {photo.parent for pair in pairs for photo in (pair.a, pair.b)}
    shown = (sorted(person.glob("*.jpg")) for person in sorted(people))
    return [photo for photos in shown if len(photos) >= least for photo in photos[:most]]


def cut(model: fp.Model, photos: list[Path]) -> Chips:
    """The most prominent face of each photograph, by the alignment of the recipe, with ROOM around."""
    side = SIDE + 2 * ROOM
    points = tuple((x + ROOM, y + ROOM) for x, y in named_alignment("arcface", SIDE))
    pixels, names = [], []
    for photo in photos:
        image = fp.read_photo(photo)
        found = model.detect(image)[:1]
        if len(found.scores):
            pixels.append(_core.chips(image, align(found, points, side, side), side, side, layout="NHWC")[0])
            names.append(photo.parent.name)
    return Chips(np.rint(pixels).astype(np.uint8), np.unique(names, return_inverse=True)[1].astype(np.int64))


def embed(network: Network, chips: torch.Tensor) -> NDArray[np.float32]:
    """Embed without learning."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part) for part in chips.split(256)]).numpy()


def measure(x: NDArray[np.float32], people: NDArray[np.int64]) -> dict[str, float]:
    """VAL over all pairs, at each of FARS."""
    return {f"{far:g}": round(AllPairs(people).val(x, far).val, 4) for far in FARS}


def train(network: Network, kind: Any, learnt: Chips, unseen: Chips, epochs: int) -> Iterator[Look]:
    """Train in place, and measure now and then."""
    sampler = fp.PKSampler(learnt.people, PEOPLE, FACES)
    loader = torch.utils.data.DataLoader(learnt, batch_sampler=sampler)
    loss = TripletLoss(MARGIN, kind)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * len(sampler), pct_start=0.1)
    start = perf_counter()
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        network.train()
        values = []
        for chips, people in loader:
            optimizer.zero_grad()
            value = loss(network(chips), people)
            value.backward()
            optimizer.step()
            schedule.step()
            values.append(value.item())
        if (epoch + 1) % max(1, epochs // LOOKS) == 0:
            seconds = round(perf_counter() - start, 1)
            val = measure(embed(network, unseen.middle()), unseen.people.numpy())
            yield Look(epoch + 1, seconds, round(float(np.mean(values)), 4), val)


def export(network: Network, path: Path) -> None:
    """Write the network and its recipe."""
    network.eval()
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, SIDE, SIDE),),
        path,
        input_names=["chips"],
        output_names=["embeddings"],
        dynamic_shapes=({0: torch.export.Dim("faces")},),
        external_data=False,  # all in one file
        dynamo=True,
        verbose=False,
    )
    draft = fp.draft_recipe(path)
    draft |= {
        "licence": "for research only",
        "source": "bench/python/train.py, on Labeled Faces in the Wild",
        "landmarks": "arcface",
        "measured": "VAL over epochs, in bench/results/train.json",
        "input": {**draft["input"], "channels": "RGB", "mean": [MEAN] * 3, "scale": [SCALE] * 3},
    }
    path.with_suffix(".json").write_text(json.dumps(draft, indent=2) + "\n")


def check(network: Network, model: fp.Model, photos: list[Path]) -> float:
    """Hold the embeddings of opened files against PyTorch's on the same chips: the largest difference of a number."""
    apart = 0.0
    for photo in photos:
        image = fp.read_photo(photo)
        inputs = model.network.inputs(image, model.detect(image)[:1])[:, 0]
        apart = max([apart, *np.abs(model.network.embed(inputs) - embed(network, torch.from_numpy(inputs))).ravel()])
    if apart > CLOSE:
        raise SystemExit(f"the exported network must embed as PyTorch does, but differs by {apart:.2g}")
    return float(apart)


def measure_photos(model: fp.Model, photos: list[Path]) -> dict[str, float]:
    """VAL of a model from the photographs on, the most prominent face of each."""
    found = [
        (faces.embeddings[0], photo.parent.name)
        for photo, faces in zip(photos, model.faces(photos), strict=True)
        if len(faces)
    ]
    rows, names = zip(*found, strict=True)
    return measure(np.stack(rows), np.unique(names, return_inverse=True)[1].astype(np.int64))


def describe_chips(chips: Chips) -> dict[str, int]:
    """How many there are, of how many people, and the pairs they make."""
    people = chips.people.numpy()
    same, different = AllPairs(people).count()
    return {"people": len(np.unique(people)), "chips": len(people), "same_pairs": same, "different_pairs": different}


def main() -> None:
    """Cut chips, train with each kind, export, check, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--train", type=int, nargs="+", default=[1, 2, 3], help="folds, counted from 1")
    parser.add_argument("--test", type=int, nargs="+", default=[4])
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--network", type=Path, help="a folder in which to leave the exported network")
    parser.add_argument("--out", type=Path, help="where to write .json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start = perf_counter()
    model = fp.load(threads=arguments.threads)
    held_out = photos_of(arguments.data, arguments.test, 2, MOST)
    learnt, unseen = cut(model, photos_of(arguments.data, arguments.train, LEAST)), cut(model, held_out)
    cutting = perf_counter() - start
    print(f"{len(learnt)} chips to learn, {len(unseen)} to measure, in {cutting:.0f} s", flush=True)
    looks: dict[str, list[dict[str, Any]]] = {}
    networks = {}
    for kind in arguments.kinds:
        torch.manual_seed(0)
        networks[kind], looks[kind] = Network(), []
        for look in train(networks[kind], kind, learnt, unseen, arguments.epochs):
            print(
                f"{kind:12} epoch {look.epoch:3}, {look.seconds:6.1f} s, loss {look.loss:.4f}, VAL {look.val}",
                flush=True,
            )
            looks[kind].append(asdict(look))
    network = networks[arguments.kinds[0]]
    with tempfile.TemporaryDirectory() as folder:
        path = (arguments.network or Path(folder)) / "small.onnx"
        export(network, path)
        opened = fp.load(path, threads=arguments.threads)
        apart = check(network, opened, held_out[:20])
        exported = measure_photos(opened, held_out)
    bundled = measure_photos(model, held_out)
    seconds = round(perf_counter() - start)
    print(f"exported: VAL {exported}, embeddings within {apart:.1g} of PyTorch's", flush=True)
    print(f"bundled: VAL {bundled}; {seconds} s in all")
    if arguments.out:
        content = {
            "machine": describe(),
            "torch": torch.__version__,
            "threads": arguments.threads,
            "folds": {"learnt": arguments.train, "measured": arguments.test},
            "settings": {
                "side": SIDE,
                "parameters": sum(part.numel() for part in network.parameters()),
                "people": PEOPLE,
                "faces": FACES,
                "margin": MARGIN,
                "rate": RATE,
                "decay": DECAY,
                "epochs": arguments.epochs,
            },
            "learnt": describe_chips(learnt),
            "measured": describe_chips(unseen),
            "cutting_seconds": round(cutting),
            "seconds": seconds,
            "looks": looks,
            "exported": {"kind": arguments.kinds[0], "largest_difference": apart, "val": exported},
            "bundled": {"network": model.recipe.name, "val": bundled},
        }
        arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
