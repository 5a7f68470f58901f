"""A bare WebSocket relay and two of the smallest pages: what `main_job` is measured against."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

PAGES = Path(__file__).parent / "control"
TYPES = {".html": "text/html", ".js": "text/javascript"}


@asynccontextmanager
async def running() -> AsyncIterator[str]:
    """The relay on a free loopback port, and its address without a path."""
    everyone: set[ServerConnection] = set()

    async def relay(connection: ServerConnection) -> None:
        everyone.add(connection)
        try:
            async for message in connection:
                broadcast(everyone - {connection}, message)
        finally:
            everyone.discard(connection)

    async with serve(relay, "127.0.0.1", 0, process_request=_page, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def _page(connection: ServerConnection, request: Request) -> Response | None:
    """Answer a page or its script; None lets the WebSocket handshake go on."""
    if request.path == "/relay":
        return None
    path = PAGES / Path(request.path).name
    if not path.is_file():
        return connection.respond(HTTPStatus.NOT_FOUND, "")
    headers = Headers({"Content-Type": TYPES[path.suffix], "Connection": "close"})
    return Response(HTTPStatus.OK, "OK", headers, path.read_bytes())


if __name__ == "__main__":

    async def main() -> None:
        async with running() as address:
            print(address, flush=True)  # noqa: T201 the parent process reads it
            await asyncio.Event().wait()

    asyncio.run(main())
