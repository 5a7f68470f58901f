"""DICOM files damaged in every way we could think of, each the same for the same number.

A seed is a sound file with our own made-up patient in it; a mutant is a seed after one to three
turns of the hand. Nothing here knows what the product does with it.
"""

import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from random import Random

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.dicoms import KHAN
from tests.imaging import files
from tests.imaging.test_syntaxes_made import KINDS, LOSSLESS, LOSSY, UIDS, file_of, picture

STUDY = "1.2.826.0.1.3680043.8.498.1234567890"
NHS = "9990000018"
PLACEHOLDER = "1.2.826.0.1.3680043.8.498.5.1000000000"
DEFLATED = f"{UIDS}.1.99"
MOST_BYTES, MOST_FRAMES = 300_000, 8
LENGTHS = (0, 1, 2, 3, 0xFFFF, 0xFFFE, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT OB OW OF PN SH SL SQ SS ST TM UI UL UN US UT XX".split()
SYNTAXES = ["", ".1", ".1.99", ".2", ".5", ".1.98", ".8.1"]
SYNTAXES += [f".4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 100, 102, 110, 201, 202, 203)]
NUMBERS = (0, 1, 2, 3, 7, 9, 12, 17, 31, 33, 255, 4096, 32768, 65535)
SHAPE = ["SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"]
SHAPE += ["PixelRepresentation", "PlanarConfiguration"]
FRAMES = (b"0", b"-1", b"2", b"99", b"20001", b"2000000000", b"1e9", b"x", b"1\\2", b"65535")
TEXTS = (
    b"<script>",
    b"../../..",
    b"\0\0\0\0",
    b"\xff\xfe\xfd",
    b"\x1b$B\x1b(B",
    b"%s%n",
    b"\xed\xa0\x80",
)


@dataclass(frozen=True)
class Element:
    """One element at the top of the data set, as offsets into the file before deflation."""

    start: int
    value_at: int
    end: int
    tag: int


@dataclass(frozen=True)
class Seed:
    """A sound file. `begins` is where its data set does; a deflated one is kept inflated."""

    name: str
    data: bytes
    begins: int
    elements: list[Element]
    is_deflated: bool = False

    def numbered(self, number: int) -> bytes:
        """Its bytes under a SOP Instance UID of their own, of the same length.

        They are 97 apart, so that a wrong digit makes none of them another's.
        """
        return self.data.replace(
            PLACEHOLDER.encode(), f"{PLACEHOLDER[:-10]}{10**9 + number * 97}".encode()
        )

    def whole(self, number: int) -> bytes:
        return self.packed(self.numbered(number))

    def packed(self, data: bytes) -> bytes:
        if not self.is_deflated:
            return data
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return data[: self.begins] + packer.compress(data[self.begins :]) + packer.flush()


def seeds() -> tuple[list[Seed], list[str]]:
    """Every small sound file, and the names of those that even pydicom cannot write again."""
    found, left_out = [], []
    for path in files.every_part10():
        if path.stat().st_size > MOST_BYTES:
            continue
        try:
            seed = _seed(path.name, path.read_bytes())
        except Exception:  # what is broken on purpose is no sound file
            left_out.append(path.name)
            continue
        if seed:
            found.append(seed)
    for syntax, kind, data in _made():
        seed = _seed(f"made {syntax} {kind}", data)
        assert seed
        found.append(seed)
    return found, left_out


def _made():
    for syntax, encode in LOSSLESS.items():
        for kind, pixels in KINDS.items():
            bits = 8 if kind == "rgb" else int(kind.split("-")[0])
            yield syntax, kind, file_of(pixels, bits, UIDS + syntax, encode(pixels, bits))
    for syntax, (bits, encode) in LOSSY.items():
        pixels = picture(bits)
        yield syntax, "lossy", file_of(pixels, bits, UIDS + syntax, encode(pixels))
    for syntax in ("", ".1", ".1.99", ".2"):
        for kind, pixels in KINDS.items():
            bits = 8 if kind == "rgb" else int(kind.split("-")[0])
            yield syntax, kind, file_of(pixels, bits, UIDS + syntax, None)


def _seed(name: str, data: bytes) -> Seed | None:
    """The file with our patient and study in it; None for what is no single instance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(data))
        if "SOPInstanceUID" not in dataset or int(dataset.get("NumberOfFrames") or 1) > MOST_FRAMES:
            return None
        for keyword in ("OtherPatientIDs", "OtherPatientIDsSequence", "IssuerOfPatientID"):
            if keyword in dataset:
                delattr(dataset, keyword)
        for keyword, value in KHAN.items():
            setattr(dataset, keyword, value)
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = NHS, "NHS", "TEXT"
        dataset.PatientID, dataset.OtherPatientIDsSequence = "A100", [other]
        dataset.StudyInstanceUID = STUDY
        dataset.SeriesInstanceUID = f"{STUDY}.{zlib.crc32(name.encode())}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = PLACEHOLDER
        is_deflated = dataset.file_meta.TransferSyntaxUID == DEFLATED
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return _taken_apart(name, stream.getvalue(), is_deflated=is_deflated)


def _taken_apart(name: str, data: bytes, *, is_deflated: bool) -> Seed:
    begins = 144 + int.from_bytes(data[140:144], "little")
    if is_deflated:
        data = data[:begins] + zlib.decompress(data[begins:], -zlib.MAX_WBITS)
    syntax = f"{UIDS}.1" if is_deflated else None
    readable = data.replace(DEFLATED.encode(), f"{UIDS}.1\0\0\0".encode()) if syntax else data
    dataset = dcmread(BytesIO(readable))
    raw = [dataset.get_item(tag) for tag in dataset.keys()]  # noqa: SIM118  not converted
    tells = [
        (one.value_tell, one.length, int(one.tag), one.VR)
        for one in raw
        if isinstance(one, RawDataElement)
    ]
    is_implicit = dataset.original_encoding[0]
    elements = []
    for value_at, length, tag, vr in tells:
        before = 8 if is_implicit or vr not in ("OB", "OW", "SQ", "UN", "UT", "OF") else 12
        end = len(data) if length == 0xFFFFFFFF else value_at + length
        elements.append(Element(value_at - before, value_at, end, tag))
    return Seed(name, data, begins, elements, is_deflated)


# The turns of the hand. Each takes the bytes and a seed's map, which a first turn may have put out.

Turn = Callable[[bytearray, Seed, Random], None]


def flip_bits(data: bytearray, seed: Seed, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def flip_in_header(data: bytearray, seed: Seed, random: Random) -> None:
    end = min(len(data), seed.begins + 1200)
    for _ in range(random.choice((1, 2, 4))):
        data[random.randrange(128, end)] ^= 1 << random.randrange(8)


def cut_off(data: bytearray, seed: Seed, random: Random) -> None:
    del data[random.randrange(len(data)) :]


def cut_tail(data: bytearray, seed: Seed, random: Random) -> None:
    del data[-random.randrange(1, 200) :]


def cut_out(data: bytearray, seed: Seed, random: Random) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.choice((1, 2, 7, 64, 1000))]


def put_in(data: bytearray, seed: Seed, random: Random) -> None:
    at = random.randrange(132, len(data))
    data[at:at] = random.randbytes(random.choice((1, 2, 8, 500)))


def overwrite(data: bytearray, seed: Seed, random: Random) -> None:
    at = random.randrange(132, len(data))
    run = random.choice((1, 4, 16, 256))
    data[at : at + run] = random.choice((bytes(run), b"\xff" * run, random.randbytes(run)))


def lie_about_length(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    length = random.choice(
        (*LENGTHS, element.end - element.value_at + random.choice((-2, -1, 1, 2)))
    )
    if element.value_at - element.start == 12:
        data[element.value_at - 4 : element.value_at] = struct.pack("<I", length & 0xFFFFFFFF)
    else:
        data[element.value_at - 2 : element.value_at] = struct.pack("<H", length & 0xFFFF)


def change_tag(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    tag = random.choice((random.randbytes(4), b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", bytes(4)))
    data[element.start : element.start + 4] = tag


def change_vr(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    data[element.start + 4 : element.start + 6] = random.choice(VRS)


def drop_element(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    del data[element.start : element.end]


def repeat_element(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    data[element.start : element.start] = data[element.start : element.end][:5000]


def nest(data: bytearray, seed: Seed, random: Random) -> None:
    """Sequences within sequences, of undefined length, sometimes closed again."""
    depth = random.choice((1, 3, 30, 300, 3000))
    opening = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    opening += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    at = random.choice(seed.elements).start
    data[at:at] = opening * depth + random.choice((b"", closing * depth))


def end_nowhere(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    data[element.value_at - 4 : element.value_at] = b"\xff\xff\xff\xff"


def _value_of(seed: Seed, keyword: str) -> Element | None:
    return next((one for one in seed.elements if one.tag == int(Tag(keyword))), None)


def lie_about_shape(data: bytearray, seed: Seed, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 3))):
        if element := _value_of(seed, random.choice(SHAPE)):
            number = random.choice(NUMBERS)
            data[element.value_at : element.value_at + 2] = struct.pack("<H", number)


def make_huge(data: bytearray, seed: Seed, random: Random) -> None:
    for keyword in ("Rows", "Columns"):
        if element := _value_of(seed, keyword):
            data[element.value_at : element.value_at + 2] = b"\xff\xff"


def lie_about_frames(data: bytearray, seed: Seed, random: Random) -> None:
    number = random.choice(FRAMES)
    number += b" " * (len(number) % 2)
    if element := _value_of(seed, "NumberOfFrames"):
        data[element.value_at - 2 : element.end] = struct.pack("<H", len(number)) + number
    elif element := _value_of(seed, "Rows"):
        new = struct.pack("<HH2sH", 0x28, 8, b"IS", len(number)) + number
        data[element.start : element.start] = new


def swap_syntax(data: bytearray, seed: Seed, random: Random) -> None:
    """Another transfer syntax in the File Meta Information, its group length right again."""
    at = data.find(struct.pack("<HH2s", 2, 0x10, b"UI"))
    if at < 0:
        return
    (length,) = struct.unpack_from("<H", data, at + 6)
    uid = (UIDS + random.choice(SYNTAXES)).encode()
    uid += b"\0" * (len(uid) % 2)
    data[at + 6 : at + 8 + length] = struct.pack("<H", len(uid)) + uid
    (group,) = struct.unpack_from("<I", data, 140)
    data[140:144] = struct.pack("<I", max(group + len(uid) - length, 0))


def lie_about_offsets(data: bytearray, seed: Seed, random: Random) -> None:
    """The first items of encapsulated pixels: the offset table and the fragments' lengths."""
    if not (pixels := _value_of(seed, "PixelData")):
        return
    at = pixels.value_at + random.choice((0, 4, 8, 12, 16, 20))
    word = random.choice((bytes(4), b"\xff" * 4, random.randbytes(4), b"\x02\0\0\0"))
    data[at : at + 4] = word


def damage_codestream(data: bytearray, seed: Seed, random: Random) -> None:
    """The first bytes of the pixels: markers and sizes of a codec, where decoders hang."""
    if not (pixels := _value_of(seed, "PixelData")):
        return
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = pixels.value_at + random.randrange(8, 160)
        if at < len(data):
            data[at] = random.choice((0, 255, data[at] ^ 1 << random.randrange(8)))


def damage_pixels(data: bytearray, seed: Seed, random: Random) -> None:
    if pixels := _value_of(seed, "PixelData"):
        for _ in range(random.choice((1, 8, 64))):
            at = random.randrange(pixels.value_at, max(len(data), pixels.value_at + 1))
            if at < len(data):
                data[at] = random.randrange(256)


def write_nonsense(data: bytearray, seed: Seed, random: Random) -> None:
    element = random.choice(seed.elements)
    length = element.end - element.value_at
    text = (random.choice(TEXTS) * 20)[: min(length, 64)]
    data[element.value_at : element.value_at + len(text)] = text


TURNS: list[Turn] = [
    *(flip_bits, flip_in_header, cut_off, cut_tail, cut_out, put_in, overwrite),
    *(lie_about_length, change_tag, change_vr, drop_element, repeat_element, nest, end_nowhere),
    *(lie_about_shape, make_huge, lie_about_frames, swap_syntax, lie_about_offsets),
    *(damage_codestream, damage_pixels, write_nonsense),
]


def mutant(seed: Seed, number: int) -> tuple[bytes, str]:
    """The mutant of this number, and the names of the turns that made it."""
    random = Random(number)  # noqa: S311  the same for the same number
    data = bytearray(seed.numbered(number))
    turns = random.choices(TURNS, k=random.choice((1, 1, 1, 2, 3)))
    for turn in turns:
        if len(data) > 200:
            turn(data, seed, random)
    packed = bytearray(seed.packed(bytes(data)))
    if seed.is_deflated and random.random() < 0.3 and len(packed) > seed.begins + 1:
        packed[random.randrange(seed.begins, len(packed))] ^= 0x55
    return bytes(packed), "+".join(turn.__name__ for turn in turns)
