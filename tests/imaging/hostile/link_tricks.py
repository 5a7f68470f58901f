"""What bad DIMSE archives do, by name: C-FIND and C-GET handlers, and talk on raw sockets."""

import socket
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import count
from time import sleep

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import evt

from tests.dicoms import uid
from tests.imaging.hostile.links import (
    PENDING,
    Handler,
    LinkArchive,
    accepted,
    asked_for_two,
    dripping,
    endless,
    finds,
    item,
    matching,
    offered_by,
    pdu,
    received,
    row_of,
    rows_of,
    sending,
)

LONG_S = 30

# C-FIND


def knows_no_filter(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    level = event.identifier.QueryRetrieveLevel
    yield from ((PENDING, row_of(dataset, level)) for dataset in archive.held())


def answers_without_end(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    level = event.identifier.QueryRetrieveLevel
    for number in count():
        if event.is_cancelled or not event.assoc.is_established:
            return
        uids = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID"), f"1.2.{number}")
        yield PENDING, row_of(archive.held()[0], level, SOPInstanceUID=f"1.2.{number}", **uids)


def answers_one_by_one(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    """Each in time, and never the last."""
    for answer in answers_without_end(event, archive):
        sleep(0.1)
        yield answer


def fails_with(status: int) -> Handler:
    def find(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
        yield status, None

    return find


def finds_paths(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    level = event.identifier.QueryRetrieveLevel
    for bad in ("../../etc/passwd", "/etc/passwd", "1." * 40, "1.2\0.3"):
        uids = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), bad)
        yield PENDING, row_of(archive.held()[0], level, **uids)


def falls_silent(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from ((PENDING, row) for row in rows_of(event, archive)[:1])
    sleep(2)


def hangs_up(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from ((PENDING, row) for row in rows_of(event, archive)[:1])
    event.assoc.abort()


def grows_for_ever() -> Handler:
    numbers = count()

    def find(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
        yield from finds(event, archive)
        if event.identifier.QueryRetrieveLevel == "IMAGE":
            more = uid("more", next(numbers))
            yield PENDING, row_of(archive.held()[0], "IMAGE", SOPInstanceUID=more)

    return find


# C-GET


def says_all_is_well(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    """And has sent nothing."""
    yield 0


def sends_but_two(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from sending(matching(event.identifier, archive)[:2])


def recalls_from_tape(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    """Nothing for longer than a live archive is silent, then all of it."""
    sleep(1.0)
    yield from sending(matching(event.identifier, archive))


def says_three_and_sends_two(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from sending(matching(event.identifier, archive)[:2], states=3)


def aborts_half_way(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from sending(matching(event.identifier, archive)[:2], states=3)
    event.assoc.abort()


def silent_half_way(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield from sending(_first_two(event, archive), states=3)
    sleep(5)


def silent_half_way_for_long(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    """Longer than anybody waits for it."""
    yield from sending(_first_two(event, archive), states=3)
    sleep(LONG_S)


def _first_two(event: evt.Event, archive: LinkArchive) -> list[Dataset]:
    """Of the study, even where the others are asked for: it never comes whole."""
    study = Dataset()
    study.StudyInstanceUID = event.identifier.StudyInstanceUID
    return matching(study, archive)[:2]


def sends_without_end(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
    yield 60_000
    while event.assoc.is_established:
        for dataset in matching(event.identifier, archive):
            yield PENDING, dataset


def sends(change: Callable[[bytes], bytes], *, beside: bool = False) -> Handler:
    """The second file of three changed, or its changed copy beside it."""

    def get(event: evt.Event, archive: LinkArchive) -> Iterator[object]:
        files = archive.files[:]
        files[1:2] = [files[1], change(files[1])] if beside else [change(files[1])]
        yield from sending(dcmread(BytesIO(file)) for file in files)

    return get


# On the raw socket


def says_nothing(connection: socket.socket) -> None:
    sleep(LONG_S)


def speaks_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def rejects(connection: socket.socket) -> None:
    received(connection)
    connection.sendall(pdu(0x03, bytes([0, 1, 1, 7])))


def agrees_on_nothing(connection: socket.socket) -> None:
    connection.sendall(accepted(received(connection), ()))
    sleep(2)


def drips_its_acceptance(connection: socket.socket) -> None:
    request = received(connection)
    dripping(connection, accepted(request, offered_by(request)) + bytes(2000))


def lies_of_its_acceptance(connection: socket.socket) -> None:
    """4 GB are to come."""
    received(connection)
    connection.sendall(pdu(0x02, b"", 0xFFFFFFFF))
    endless(connection, bytes(1 << 16))


def answers_4_gb(connection: socket.socket) -> None:
    asked_for_two(connection)
    connection.sendall(pdu(0x04, b"", 0xFFFFFFF0))
    endless(connection, bytes(1 << 16))


def answers_less_than_it_says(connection: socket.socket) -> None:
    asked_for_two(connection)
    connection.sendall(pdu(0x04, bytes(20), 4000))


def drips_its_answer(connection: socket.socket) -> None:
    asked_for_two(connection)
    dripping(connection, pdu(0x04, bytes(10_000)))


def fragments_without_end(connection: socket.socket) -> None:
    """Of one data set."""
    _, context = asked_for_two(connection)
    body = bytes(16_000)
    value = (len(body) + 2).to_bytes(4) + bytes([context, 0]) + body
    endless(connection, pdu(0x04, value))


def garbage(connection: socket.socket) -> None:
    """A success in C-FIND's own words, then an identifier that is none."""
    _, context = asked_for_two(connection)
    command = (
        *(element(0x0000, b"\x40\0\0\0"), element(0x0002, b"1.2.840.10008.5.1.4.1.2.2.1\0")),
        *(element(0x0100, b"\x20\x80"), element(0x0120, b"\x01\0")),
        *(element(0x0800, b"\x01\0"), element(0x0900, b"\0\xff")),
    )
    ended = [*command[:-2], element(0x0800, b"\x01\x01"), element(0x0900, b"\0\0")]
    said = (3, b"".join(command)), (2, b"\xff\xff\xff\xff no data set" * 9), (3, b"".join(ended))
    for flags, data in said:
        value = (len(data) + 2).to_bytes(4) + bytes([context, flags]) + data
        connection.sendall(pdu(0x04, value))
    sleep(3)


def element(number: int, value: bytes) -> bytes:
    """Of a command set: Implicit VR Little Endian, group 0."""
    return b"\0\0" + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def nonsense_for_ever(connection: socket.socket) -> None:
    received(connection)
    endless(connection, b"\x99" * 4096)


def items_without_end(connection: socket.socket) -> None:
    """Items within items that state more than is there."""
    request = received(connection)
    connection.sendall(pdu(0x02, request[6:74] + item(0x21, b"\x01\0\0\0" + b"\x40\0\xff\xff")))
    sleep(2)
