"""How the pixels of an instance are laid out, as its header states it (DICOM PS3.3 C.7.6.3)."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from imaging.frames import values
from imaging.frames.refused import Refused

GREY = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
COLOUR = frozenset(
    {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"}
)


@dataclass(frozen=True)
class Shape:
    """Sizes are pixels, and bits a sample. `is_planar`: colour by plane, not by pixel."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    is_planar: bool

    @property
    def is_colour(self) -> bool:
        """Whether browsers get RGB: palette colour has one sample and three colours."""
        return self.samples == 3 or self.photometric == "PALETTE COLOR"

    @property
    def is_halved(self) -> bool:
        """Whether, uncompressed, two pixels share their chroma (PS3.3 C.7.6.3.1.2)."""
        return self.photometric == "YBR_FULL_422"

    @property
    def frame_bits(self) -> int:
        """Of one uncompressed frame."""
        samples = 2 if self.is_halved else self.samples
        return self.rows * self.columns * samples * self.bits_allocated


def shape_of(dataset: Dataset) -> Shape:
    """What the header states, with the defaults that readers have agreed on."""
    samples = values.whole(dataset, "SamplesPerPixel") or 1
    allocated = values.whole(dataset, "BitsAllocated") or 0
    stored = values.whole(dataset, "BitsStored") or allocated
    high_bit = values.whole(dataset, "HighBit")
    photometric = values.text(dataset, "PhotometricInterpretation", 16)
    return Shape(
        rows=values.whole(dataset, "Rows") or 0,
        columns=values.whole(dataset, "Columns") or 0,
        samples=samples,
        photometric=photometric or ("MONOCHROME2" if samples == 1 else "RGB"),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        is_signed=values.whole(dataset, "PixelRepresentation") == 1,
        is_planar=values.whole(dataset, "PlanarConfiguration") == 1,
    )


def check(shape: Shape) -> None:
    """Raises Refused: frame.unsupported for what has no canonical form, frame.damaged for lies."""
    known = GREY if shape.samples == 1 else COLOUR if shape.samples == 3 else frozenset()
    if shape.photometric not in known or shape.bits_allocated not in (1, 8, 16):
        kind = f"{shape.photometric}, {shape.samples} x {shape.bits_allocated} bits"
        raise Refused("frame.unsupported", f"Pixels of this kind cannot be shown: {kind}.")
    lowest = shape.high_bit - shape.bits_stored + 1
    if shape.bits_stored < 1 or lowest < 0 or shape.high_bit >= shape.bits_allocated:
        raise Refused("frame.damaged", "The header contradicts itself about the bits of a pixel.")
