"""DICOM files for tests: pydicom's own, and some made here."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pynetdicom  # noqa: F401  it makes newer transfer syntaxes known to pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

ROOTS = (
    Path(pydicom.__file__).parent / "data/test_files",
    Path(data_store.__file__).parent / "data",
)
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


def every_part10():
    """Paths of all of pydicom's files that begin as a DICOM file must."""
    paths = sorted(path for root in ROOTS for path in root.rglob("*") if path.is_file())
    return [path for path in paths if path.read_bytes()[128:132] == b"DICM"]


def path_of(name):
    return next(path for path in every_part10() if path.name == name)


def read(name):
    return path_of(name).read_bytes()


def made(pixels=None, *, syntax=ExplicitVRLittleEndian, **attributes):
    """A CT image of 8 x 6 pixels, -24 to 23, with other attributes as told; None: without."""
    pixels = np.arange(-24, 24, dtype="<i2").reshape(6, 8) if pixels is None else pixels
    dataset = Dataset()
    defaults = {
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": "1.2.826.0.1.1",
        "SeriesInstanceUID": "1.2.826.0.1.2",
        "FrameOfReferenceUID": "1.2.826.0.1.3",
        "PatientName": "SYNTHETIC^ONE",
        "PatientID": "T1",
        "Modality": "CT",
        "InstanceNumber": 1,
        "Rows": pixels.shape[-2] if pixels.shape[-1] != 3 else pixels.shape[-3],
        "Columns": pixels.shape[-1] if pixels.shape[-1] != 3 else pixels.shape[-2],
        "SamplesPerPixel": 3 if pixels.shape[-1] == 3 else 1,
        "PhotometricInterpretation": "RGB" if pixels.shape[-1] == 3 else "MONOCHROME2",
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": pixels.dtype.itemsize * 8,
        "HighBit": pixels.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 0],
        "PixelSpacing": [0.5, 0.25],
        "PixelData": pixels.tobytes(),
    }
    if pixels.shape[-1] == 3:
        defaults["PlanarConfiguration"] = 0
    for keyword, value in {**defaults, **attributes}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return written(dataset, syntax)


def written(dataset, syntax=ExplicitVRLittleEndian):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CT_IMAGE)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2")
    if dataset.file_meta.TransferSyntaxUID.is_compressed and "PixelData" in dataset:
        dataset["PixelData"].is_undefined_length = dataset.file_meta.TransferSyntaxUID != DEFLATED
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def with_meta(rest, syntax=ExplicitVRLittleEndian):
    """A file whose data set is these bytes."""
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value
    return b"\0" * 128 + b"DICM" + meta + rest


def bomb(megabytes):
    """A deflated file of a few kilobytes that inflates to so many megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = struct.pack("<HH2sHI", 9, 0x1001, b"OB", 0, megabytes << 20)
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return with_meta(b"".join([*parts, packer.flush()]), DEFLATED)


def nested(depth):
    """Sequences within sequences, of undefined length, so deep."""
    opening = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    opening += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return with_meta(opening * depth)
