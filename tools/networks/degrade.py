"""Spoil chips as cameras and networks do, and embed them as the pipeline embeds a face found on a photograph."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import faceprint as fp
from faceprint.detector import Detections

Chip = NDArray[np.uint8]
EDGE = 20  # pixels, enough for the smallest zoom of chips of 150


def blur(chip: Chip, sigma: float) -> Chip:
    """Gaussian blur, `sigma` in pixels of the chip."""
    return np.asarray(Image.fromarray(chip).filter(ImageFilter.GaussianBlur(sigma)))


def shrink(chip: Chip, face: int) -> Chip:
    """Scale down until the face is `face` pixels wide, and back; a face takes two thirds of dlib's chip."""
    height, width = chip.shape[:2]
    side = round(face * 1.5)
    small = Image.fromarray(chip).resize((side, side * height // width), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def jpeg(chip: Chip, quality: int) -> Chip:
    """Through a JPEG file of this `quality`, from 1 to 95."""
    file = io.BytesIO()
    Image.fromarray(chip).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def noise(chip: Chip, sigma: float, rng: np.random.Generator) -> Chip:
    """Gaussian noise on every number of every pixel, `sigma` of 255 grey levels."""
    return (chip + rng.normal(0, sigma, chip.shape)).clip(0, 255).astype(np.uint8)


def occlude(chip: Chip, share: float, rng: np.random.Generator) -> Chip:
    """A rectangle of one colour over a `share` of the chip, anywhere on it."""
    size = np.array(chip.shape[:2])
    cover = (size * share**0.5).astype(int)
    top, left = rng.integers(0, size - cover + 1)
    spoilt = chip.copy()
    spoilt[top : top + cover[0], left : left + cover[1]] = rng.integers(0, 256, 3)
    return spoilt


def embed_chips(model: fp.Model, chips: list[Chip]) -> NDArray[np.float32]:
    """Embed chips as photographs whose one face lies where the recipe's template puts it, with all views.

    Beyond their edges, which zooms below 1 look across, chips go on as they end.
    """
    template = np.array([model.recipe.landmarks], np.float32) + EDGE
    found = Detections(np.zeros((1, 4), np.float32), template, np.ones(1, np.float32))
    edges = ((EDGE, EDGE), (EDGE, EDGE), (0, 0))
    return np.concatenate([model.describe(np.pad(chip, edges, mode="edge"), found).embeddings for chip in chips])
