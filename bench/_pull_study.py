"""A made CT study of 300 slices with a scanner's noise: the same bytes every time."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.dicoms import make_instance, uid

SLICES, SIZE = 300, 512
NOISE_HU = 12
SEED = 3
NHS_NUMBER = "9990000018"


def slices(name: str) -> Iterator[bytes]:
    """The files of one study. `name` makes its UIDs, so each name's bytes are its own."""
    for number in range(1, SLICES + 1):
        yield make_instance(
            name,
            number=number,
            nhs_number=NHS_NUMBER,
            Rows=SIZE,
            Columns=SIZE,
            PixelSpacing=[0.5, 0.5],
            PixelRepresentation=1,
            RescaleIntercept=0,
            PixelData=_pixels(number).tobytes(),
        )


def sop_instance_uids(name: str) -> set[str]:
    return {uid(name, 1, number) for number in range(1, SLICES + 1)}


@cache
def _noise() -> NDArray[np.float32]:
    """One sheet, correlated as a reconstruction kernel leaves it; each slice sees it shifted."""
    white = np.random.default_rng(SEED).normal(0, 1, (SIZE * 2, SIZE * 2)).astype("f4")
    soft = white + np.roll(white, 1, 0) + np.roll(white, 1, 1) + np.roll(white, (1, 1), (0, 1))
    return soft / 2 * NOISE_HU


def _pixels(number: int) -> NDArray[Any]:
    """A head of soft tissue within bone, in air, in Hounsfield units."""
    y, x = np.mgrid[:SIZE, :SIZE].astype("f4") - SIZE / 2
    radius = np.hypot(x / 0.8, y) / (SIZE * 0.42)
    height = np.sin(np.pi * (number - 0.5) / SLICES)
    tissue = 30 + 15 * np.sin(x / 40) * np.cos(y / 55 + number / 20)
    head = np.where(radius < height, tissue, -1000.0)
    head[(radius < height) & (radius > height - 0.08)] = 900
    down, right = number * 37 % SIZE, number * 101 % SIZE
    noisy = head + _noise()[down : down + SIZE, right : right + SIZE]
    return np.clip(np.round(noisy), -1024, 3071).astype("<i2")
