"""Ports for the servers of tests, which several runs beside each other never share."""

import socket
from collections.abc import Iterator
from functools import cache

from mdt.embedded import PORTS, is_free_to_bind

BLOCK, END = 400, 32_768  # above those of the product, below those given to outgoing connections


def free_port() -> int:
    """A loopback TCP port that nobody uses, and that nobody is given as long as we run.

    Also one on which nothing listens for long, such as where an archive sends when it is told to.
    """
    return next(port for port in _ours() if is_free_to_bind(port))


@cache
def _ours() -> Iterator[int]:
    """The ports of one block, each once. Its first is bound, never listened on: who has it, has
    the block."""
    for first in range(PORTS.stop, END - BLOCK, BLOCK):
        lock = socket.socket()
        try:
            lock.bind(("127.0.0.1", first))
        except OSError:
            lock.close()
            continue
        return _of_block(lock, first)
    raise RuntimeError("so many tests run at once that no block of ports is left")


def _of_block(lock: socket.socket, first: int) -> Iterator[int]:
    with lock:
        yield from range(first + 1, first + BLOCK)
    raise RuntimeError("the tests of one run asked for too many ports")
