"""One contract for the ways to the browser; a slow one is known and never waited for."""

import asyncio
from functools import partial
from types import SimpleNamespace

import pytest
from daphne.ws_protocol import WebSocketProtocol
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from mdt.live import writers
from mdt.live.outbox import Behind
from mdt.live.writers import DaphneWriter, PortableWriter, frame, writer_for

pytestmark = pytest.mark.asyncio


class Transport(SimpleNamespace):
    """Twisted's, as far as the writer looks at it."""

    def __init__(self, sent=None, unsent=0, takes=2**20):
        super().__init__(dataBuffer=b"x" * unsent, offset=0, _tempDataLen=0)
        self.connected, self.disconnecting = 1, 0
        self._takes = takes  # what the socket takes at once; an exception: it is lost
        self.socket, self.buffer = bytearray(), bytearray()
        self._sent = sent

    def writeSomeData(self, data):
        if isinstance(self._takes, Exception):
            return self._takes
        self.socket += data[: self._takes]
        if self._sent is not None:
            self._sent.append(data[-data[1] :].decode())
        return min(len(data), self._takes)

    def write(self, data):
        self.buffer += data


def daphne_protocol(sent, unsent=0, takes=2**20):
    """Daphne's protocol object without a server round it."""
    protocol = WebSocketProtocol.__new__(WebSocketProtocol)
    protocol.transport = Transport(sent, unsent, takes)
    protocol.state, protocol.send_queue = WebSocketProtocol.STATE_OPEN, []
    protocol._perMessageCompress = None
    protocol.sendMessage = lambda payload, is_binary: sent.append(payload.decode())
    return protocol


def portable(sent):
    async def send(message):
        sent.append(message["text"])

    return send


def of_daphne(sent, unsent=0):
    async def handle_reply(protocol, message):
        raise AssertionError("the fast writer does not go this way")

    return partial(handle_reply, daphne_protocol(sent, unsent))


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr(writers, "SLOW_S", 0.05)
    monkeypatch.setattr(writers, "LOOK_S", 0.005)


@pytest.mark.parametrize(("make", "kind"), [(portable, PortableWriter), (of_daphne, DaphneWriter)])
async def test_what_is_sent_arrives_in_order_by(make, kind):
    sent = []
    writer = writer_for(make(sent))
    assert isinstance(writer, kind)
    await writer.ready()
    for text in ("one", "zwei \u00e9"):
        if not writer.straight(text):
            await writer.send(text)
    assert sent == ["one", "zwei \u00e9"]


async def test_a_transport_that_looks_otherwise_is_served_by_the_portable_writer():
    send = of_daphne([])
    del send.args[0].transport._tempDataLen
    assert isinstance(writer_for(send), PortableWriter)


async def test_the_portable_writer_gives_up_on_a_server_that_waits_for_its_browser():
    async def never(message):
        await asyncio.Event().wait()

    with pytest.raises(Behind):
        await PortableWriter(never).send("text")


async def test_a_full_buffer_is_not_written_to_and_gives_up():
    sent = []
    writer = writer_for(of_daphne(sent, unsent=writers.FULL_BYTES + 1))
    assert (writer.straight("text"), sent) == (False, [])
    with pytest.raises(Behind):
        await writer.ready()


async def test_a_buffer_that_empties_is_written_to_again():
    send = of_daphne([], unsent=writers.FULL_BYTES + 1)
    writer = writer_for(send)
    asyncio.get_running_loop().call_later(0.01, setattr, send.args[0], "transport", Transport())
    await writer.ready()
    assert writer.straight("text")


@pytest.mark.parametrize("takes", [0, 3, OSError("lost")])
async def test_what_the_socket_does_not_take_goes_to_the_servers_own_buffer(takes):
    protocol = daphne_protocol([], takes=takes)
    assert DaphneWriter(protocol).straight("text")
    transport = protocol.transport
    assert bytes(transport.socket + transport.buffer) == frame(b"text")
    assert len(transport.socket) == (takes if isinstance(takes, int) else 0)


@pytest.mark.parametrize(
    ("where", "state"),
    [
        ("transport.dataBuffer", b"earlier"),
        ("transport.connected", 0),
        ("transport.disconnecting", 1),
        ("state", WebSocketProtocol.STATE_CLOSING),
        ("send_queue", [b"earlier"]),
        ("_perMessageCompress", object()),
    ],
)
async def test_nothing_goes_past_what_the_server_has_under_way(where, state):
    protocol = daphne_protocol(sent := [])
    owner, _, name = where.rpartition(".")
    setattr(getattr(protocol, owner) if owner else protocol, name, state)
    assert DaphneWriter(protocol).straight("text")
    assert (sent, bytes(protocol.transport.socket)) == (["text"], b"")


@pytest.mark.parametrize("size", [0, 125, 126, 2**16 - 1, 2**16])
async def test_a_frame_is_read_back_by_another_implementation(size):
    read = StreamReader()
    read.feed_data(frame(b"x" * size))
    parsing = Frame.parse(read.read_exact, mask=False)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert parsed.value.value == Frame(Opcode.TEXT, b"x" * size)


async def test_a_socket_that_has_just_closed_breaks_nothing():
    protocol = daphne_protocol([])
    del protocol.sendMessage
    protocol.state = WebSocketProtocol.STATE_CLOSED
    assert DaphneWriter(protocol).straight("text")
