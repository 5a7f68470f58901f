"""A head drawn in code: skull, brain, ventricles and one spherical lesion of a known diameter.

Everything is in patient millimetres (DICOM LPS: +x to the patient's left, +y to the back,
+z to the head), the origin in the middle of the head. Array in, array out: no DICOM here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Ellipsoid:
    """`value` replaces what is below it; `radii` and `centre` are x, y, z in mm."""

    radii: tuple[float, float, float]
    value: float
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Tissues:
    """What a part of the head measures: Hounsfield units for CT, arbitrary for MR."""

    air: float
    scalp: float
    bone: float
    grey: float
    white: float
    fluid: float
    sinus: float
    oedema: float
    lesion: float
    noise: float


CT = Tissues(-1000, 40, 1050, 38, 29, 6, -900, 20, 64, 5)
MR_T1_CONTRAST = Tissues(2, 640, 40, 420, 520, 110, 5, 330, 900, 14)

LESION_CENTRE = (28.0, -42.0, 24.0)  # left frontal lobe


@dataclass(frozen=True)
class Grid:
    """Where the slices lie: square, axial, feet to head, around the origin."""

    size: int
    spacing: float
    slices: int
    thickness: float

    def slice_z(self, index: int) -> float:
        """Millimetres of the slice with `index` (from 0)."""
        return (index - (self.slices - 1) / 2) * self.thickness

    @property
    def first_pixel(self) -> float:
        """x and y (mm) of the centre of the top-left pixel."""
        return -(self.size - 1) / 2 * self.spacing


def head(tissues: Tissues, lesion_mm: float) -> list[Ellipsoid]:
    """The parts from the outside in. `lesion_mm` is the lesion's diameter, 0 for none."""
    t, r = tissues, lesion_mm / 2
    x, y, z = LESION_CENTRE
    parts = [
        Ellipsoid((52, 56, 70), t.scalp, (0, 18, -62)),  # neck
        Ellipsoid((79, 98, 92), t.scalp),
        Ellipsoid((74, 93, 87), t.bone),
        Ellipsoid((68, 87, 81), t.grey),
        Ellipsoid((59, 77, 68), t.white, (0, 0, 4)),
        Ellipsoid((2.2, 84, 60), t.grey, (0, 0, 24)),  # falx and the fissure beside it
        Ellipsoid((8, 27, 11), t.fluid, (11, 2, 16)),
        Ellipsoid((8, 27, 11), t.fluid, (-11, 2, 16)),
        Ellipsoid((5, 12, 7), t.fluid, (0, 34, -24)),
        Ellipsoid((16, 12, 16), t.sinus, (0, -86, -30)),
        Ellipsoid((2.5, 2.5, 2.5), t.bone, (0, 26, 8)),  # calcified pineal gland
    ]
    if lesion_mm:
        parts.append(Ellipsoid((r + 9, r + 11, r + 7), t.oedema, (x + 2, y + 3, z)))
        parts.append(Ellipsoid((r, r, r), t.lesion, (x, y, z)))
    return parts


def draw_slice(parts: list[Ellipsoid], tissues: Tissues, grid: Grid, index: int) -> Plane:
    """One slice. Edges are as wide as a pixel, so half the step lies on the true border."""
    rng = np.random.default_rng([grid.size, grid.slices, index])
    axis = (np.arange(grid.size, dtype=np.float32) * grid.spacing + grid.first_pixel).astype("f4")
    plane = np.full((grid.size, grid.size), tissues.air, np.float32)
    for part in parts:
        _blend(plane, part, axis, grid.slice_z(index), grid.spacing)
    noise = rng.standard_normal(plane.shape, dtype=np.float32)
    return plane + np.float32(tissues.noise) * noise


def _blend(plane: Plane, part: Ellipsoid, axis: Plane, z: float, spacing: float) -> None:
    (rx, ry, rz), (cx, cy, cz) = part.radii, part.centre
    height = 1 - ((z - cz) / rz) ** 2
    if height <= 0:
        return
    columns, rows = _within(axis, cx, rx, spacing), _within(axis, cy, ry, spacing)
    x, y = (axis[columns] - cx) / rx, (axis[rows] - cy) / ry
    distance = np.sqrt(x[None, :] ** 2 + y[:, None] ** 2 + np.float32(1 - height))
    cover = np.clip((1 - distance) * min(rx, ry) / spacing + 0.5, 0, 1)
    window = plane[rows, columns]
    window += cover * (part.value - window)


def _within(axis: Plane, centre: float, radius: float, spacing: float) -> slice:
    """The pixels of `axis` that an ellipsoid can touch."""
    first, last = np.searchsorted(axis, [centre - radius - spacing, centre + radius + spacing])
    return slice(int(first), int(last))
