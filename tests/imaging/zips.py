"""Zips as people bring them, and as nobody should."""

import struct
import zipfile
from io import BytesIO


def zipped(files, *, how=zipfile.ZIP_DEFLATED):
    """A zip of {name: bytes}."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_name(name, data=b"x"):
    """A zip whose only file is called so, whatever zipfile would make of it."""
    stand_in = "a" * len(name.encode())
    return zipped({stand_in: data}).replace(stand_in.encode(), name.encode())


def with_link(target="/etc/passwd"):
    info = zipfile.ZipInfo("image")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, target)
    return stream.getvalue()


def patched(data, *, of_each, at, value):
    """A zip with a field of each local header (`PK12`) or each entry of the contents (`PK34`)."""
    data, place = bytearray(data), -1
    mark = {"header": b"PK\3\4", "entry": b"PK\1\2"}[of_each]
    while (place := data.find(mark, place + 1)) >= 0:
        data[place + at : place + at + len(value)] = value
    return bytes(data)


def encrypted(files):
    data = patched(zipped(files), of_each="header", at=6, value=b"\1\0")
    return patched(data, of_each="entry", at=8, value=b"\1\0")


def swollen(megabytes):
    """So many megabytes of nothing in a few kilobytes."""
    return zipped({"DICOM/IM1": bytes(128) + b"DICM" + bytes(megabytes << 20)})


def with_huge_contents(size):
    """An end that says the table of contents is so long."""
    data = bytearray(zipped({"a": b"x"}))
    at = data.rfind(b"PK\5\6")
    data[at + 12 : at + 16] = struct.pack("<L", size)
    return bytes(data)


def with_sizes(files, size):
    """Each file's size is told as `size`."""
    said = struct.pack("<L", size)
    data = patched(zipped(files), of_each="header", at=22, value=said)
    return patched(data, of_each="entry", at=24, value=said)
