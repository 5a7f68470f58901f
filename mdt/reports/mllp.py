"""HL7 v2 over MLLP: blocks in, acknowledgements out. Every wait ends and every length is bounded.

MLLP release 1: <VT> message <FS><CR>. The acknowledgement leaves after the commit: whoever does
not get it sends again, and what says the same is kept once.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, connection

from imaging.store.base import StoreError
from mdt.reports import hl7, services, sources
from mdt.reports.arrived import NotTaken
from mdt.reports.queries import hl7_addresses, hl7_source, kinds_of

log = logging.getLogger(__name__)
START, END = b"\x0b", b"\x1c\r"
BETWEEN_S = 600.0  # a sender may keep its line open
STALL_S = 20.0  # within a message, from one piece to the next
WHOLE_S = 120.0  # a message at one byte at a time ends here
AT_MOST, AT_MOST_OF_ONE = 64, 8
ROOM_FOR_TEXT = 2 << 20
PIECE = 1 << 16


#: HL7 table 0357.
DATA_ERROR = "102^Data type error^HL70357"
NOT_ORU, NOT_LIVE = "200^Unsupported message type^HL70357", "202^Unsupported processing id^HL70357"
UNKNOWN, INTERNAL = "204^Unknown key identifier^HL70357", "207^Application internal error^HL70357"
Answer = TypeVar("Answer")


class Rejected(Exception):
    """A message that is not for us. `error` is of table 0357."""

    def __init__(self, why: str, error: str) -> None:
        super().__init__(why)
        self.why, self.error = why, error


class BrokenBlock(Exception):
    """What came is no MLLP block, or more than one may be: the line is closed."""


@dataclass(frozen=True)
class Patience:
    between_s: float = BETWEEN_S
    stall_s: float = STALL_S
    whole_s: float = WHOLE_S


class Blocks:
    """The messages that come over one line."""

    def __init__(self, reader: asyncio.StreamReader, most_bytes: int, patience: Patience) -> None:
        self._reader, self._most, self._patience = reader, most_bytes, patience
        self._held = bytearray()

    async def next(self) -> bytes | None:
        """The next message; None when the peer has closed between two. Raises BrokenBlock."""
        if not self._held and not await self._more(self._patience.between_s):
            return None
        if self._held[:1] != START:
            raise BrokenBlock("it does not begin a block")
        try:
            async with asyncio.timeout(self._patience.whole_s):
                return await self._rest()
        except TimeoutError:
            raise BrokenBlock("it does not come to its end") from None

    async def _rest(self) -> bytes:
        looked_at = 0
        while (end := self._held.find(END, max(looked_at - 1, 0))) < 0:
            looked_at = len(self._held)
            if looked_at > self._most:
                raise BrokenBlock("it is too long")
            if not await self._more(self._patience.stall_s):
                raise BrokenBlock("it was cut short")
        block = bytes(self._held[1:end])
        del self._held[: end + len(END)]
        return block

    async def _more(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                piece = await self._reader.read(PIECE)
        except TimeoutError:
            raise BrokenBlock("nothing came any more") from None
        self._held += piece
        return bool(piece)


class Listener:
    """The server. One thread writes: rows are short, and SQLite has one writer anyway."""

    def __init__(self, patience: Patience = Patience()) -> None:
        self._patience = patience
        self._scribe = ThreadPoolExecutor(1, "scribe")
        self._lines: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, secured: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._line, host, port, ssl=secured)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for line in [*self._open]:
            line.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._written(lambda: connection.close())  # the scribe's own
        self._scribe.shutdown()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side is done with it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a server's callback is one
        self._open.add(task)
        address = str(writer.get_extra_info("peername")[0])
        self._lines[address] += 1
        try:
            if await self._may_speak(address):
                await self._converse(reader, writer, address)
        except BrokenBlock as why:
            log.info("a line of a report sender was closed: %s", why)
        except OSError:
            log.info("a report sender broke its line")
        except asyncio.CancelledError:
            log.info("a report sender's line was closed: the listener stops")
        finally:
            self._lines[address] -= 1
            self._open.discard(task)
            writer.close()

    async def _may_speak(self, address: str) -> bool:
        """From where somebody sends, and not too often at one time."""
        is_room = self._lines.total() <= AT_MOST and self._lines[address] <= AT_MOST_OF_ONE
        is_known = is_room and address in await self._written(hl7_addresses)
        if not is_known:
            log.warning("a line was refused: %s", "unknown address" if is_room else "too many")
        return is_known

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        most = settings.REPORT_MOST_BYTES * 4 // 3 + ROOM_FOR_TEXT
        blocks = Blocks(reader, most, self._patience)
        while (block := await blocks.next()) is not None:
            answer = await self._written(partial(answer_to, block, address))
            writer.write(START + answer + END)
            async with asyncio.timeout(self._patience.stall_s):
                await writer.drain()

    async def _written(self, ask: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._scribe, _asked, ask)


def answer_to(data: bytes, address: str) -> bytes:
    """Take one message, and what to say of it: AA once it is kept, AE for what cannot be read,
    AR for what is not for us, or cannot be kept now.
    """
    message: hl7.Message | None = None
    try:
        message = hl7.parse(data)
        _take(message, address)
    except Rejected as no:
        return hl7.acknowledge(message, "AR", no.why, no.error)
    except NotTaken as no:
        log.info("a report could not be read: %s", no.code)
        return hl7.acknowledge(message, "AE", f"{no.message} {no.code}", DATA_ERROR)
    except (DatabaseError, StoreError) as error:
        log.error("a report could not be kept: %s", type(error).__name__)
        return hl7.acknowledge(message, "AR", "It cannot be kept now. Send it again.", INTERNAL)
    except Exception as error:  # one message must not end the line for those after it
        log.error("a report could not be read: %s", type(error).__name__)
        return hl7.acknowledge(message, "AE", "It could not be read.", INTERNAL)
    return hl7.acknowledge(message, "AA")


def _take(message: hl7.Message, address: str) -> None:
    """Raises Rejected, NotTaken, StoreError."""
    source = hl7_source(address, *message.sender)
    if source is None:
        raise Rejected("This sender is not known here.", UNKNOWN)
    if message.type != "ORU^R01":
        raise Rejected("Only ORU^R01 is taken.", NOT_ORU)
    if message.part(message.first("MSH"), 11) != "P":
        raise Rejected("Only production messages are taken: MSH-11 is not P.", NOT_LIVE)
    kinds = kinds_of(source)
    reports = hl7.reports_in(message, kinds)
    services.receive_all(reports=reports, source=source, message_id=message.control_id)
    sources.count_not_kept(source=source, sections=hl7.sections_not_kept(message, kinds))


def _asked(ask: Callable[[], Answer]) -> Answer:
    """A connection that failed is not used again."""
    try:
        return ask()
    finally:
        connection.close_if_unusable_or_obsolete()
