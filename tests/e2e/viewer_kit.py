"""One image pane in a browser, over a small server that speaks docs/series-metadata.md.

The server is not the product's: it lets a test hold back, damage or refuse whatever it likes.
"""

import base64
import json
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import imagecodecs
import numpy as np
from playwright.sync_api import Browser, Page

from imaging.frames.canonical import tile_part_ends
from imaging.pixels import render
from mdt.middleware import HEADERS

ROOT = Path(__file__).resolve().parents[2]
CODEC = ROOT / "node_modules/@cornerstonejs/codec-openjph/dist"
KINDS = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
CHROMIUM = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
PAGE = """<!doctype html><html lang="en-GB"><meta charset="utf-8">
<meta name="csrf-token" content="a-token"><title>One pane</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/css/viewer.css">
<link rel="stylesheet" href="/pane.css"><input id="text" aria-label="Some text">
<div id="pane"></div><script type="module" src="/pane.js"></script></html>"""
SIZE = (512, 384)
STYLE = "body{margin:0}#pane{width:512px;height:384px}"
SCRIPT = """
import { ImagePane } from "/static/js/viewer/image-pane.js";
const EVENTS = ["view", "point", "preview", "drawn", "changed", "removed", "shown", "refused"];
const codec = "/static/vendor/codec/openjphjs";
window.events = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.blockedURI));
window.makePane = (options = {}) => {
  window.pane = new ImagePane({
    element: document.getElementById("pane"), caseId: "case",
    assets: { worker: "/static/js/viewer/decode-worker.js", codec: `${codec}.js`,
      wasm: `${codec}.wasm` },
    ...options,
  });
  for (const type of EVENTS) {
    pane.addEventListener(type, ({ detail }) => events.push([type, detail]));
  }
};
window.base64 = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(text);
};
window.isReady = true;
"""


@dataclass
class Series:
    """A series as the server has it. `held` lists frames whose bytes wait for `gate`."""

    metadata: dict[str, Any]
    segment: bytearray
    gate: Event = field(default_factory=Event)
    held: set[int] = field(default_factory=set)
    refusal: int = 0
    unmade: dict[int, dict[str, Any]] = field(default_factory=dict)

    def frame_at(self, offset: int) -> int:
        """The number of the frame whose bytes hold `offset`."""
        for number, frame in enumerate(self.metadata["frames"], start=1):
            if frame["offset"] <= offset < frame["offset"] + frame["length"]:
                return number
        return 0

    def unmake(self, number: int) -> None:
        """Let a frame have no place until it is wanted."""
        frame = self.metadata["frames"][number - 1]
        self.unmade[number] = dict(frame)
        frame.update(segment=None, offset=0, length=0, ends=[], crc32=0)


IMAGE: dict[str, Any] = {
    "kind": "mono16",
    "is_signed": True,
    "photometric": "MONOCHROME2",
    "slope": 1.0,
    "intercept": 0.0,
    "unit": "HU",
    "value_range": [-1024, 3071],
    "voi": [{"centre": 40.0, "width": 400.0, "function": "LINEAR", "name": "WINDOW1"}],
    "voi_lut": None,
    "spacing": {"row": 0.5, "column": 0.5, "kind": "calibrated", "note": ""},
    "pixel_aspect": 1.0,
    "lossy": None,
    "laterality": "",
    "burned_in": False,
    "row_cosines": [1, 0, 0],
    "column_cosines": [0, 1, 0],
    "frame_rate": None,
}


def make_series(arrays: list[np.ndarray], *, is_placed: bool = True, **image: Any) -> Series:
    """A series of equal frames, 2 mm apart from z = -80; `image` overrides what IMAGE says."""
    first = arrays[0]
    shared = IMAGE | {"rows": first.shape[0], "columns": first.shape[1]}
    shared |= {"is_signed": first.dtype == np.int16}
    if first.ndim == 3:
        shared |= {"kind": "rgb8", "photometric": "RGB", "unit": "", "voi": []}
    if not is_placed:
        shared |= {"row_cosines": None, "column_cosines": None}
    frames, segment = [], bytearray()
    for index, array in enumerate(arrays):
        data = bytes(
            imagecodecs.htj2k_encode(
                array, reversible=True, rgb=array.ndim == 3, planar=False, tilepart=1
            )
        )
        frames.append(
            {
                "key": f"key{index}",
                "image": 0,
                "position": [-128.0, -128.0, -80.0 + 2 * index] if is_placed else None,
                "label": str(index + 1),
                "segment": 1,
                "offset": len(segment),
                "length": len(data),
                "ends": tile_part_ends(data),
                "crc32": zlib.crc32(array.tobytes()),
                "code": "",
            }
        )
        segment += data
    geometry = {"kind": "volume" if is_placed else "none", "spacing": 2.0, "notes": []}
    return Series(_document(geometry, shared | image, frames), segment)


def _document(
    geometry: dict[str, Any], image: dict[str, Any], frames: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "format": 1,
        "series": "s",
        "version": 1,
        "is_complete": True,
        "modality": "CT",
        "description": "HEAD 1.5",
        "study_date": "2026-11-20",
        "trust": "RM3",
        "frame_of_reference": None,
        "geometry": geometry,
        "images": [image],
        "frames": frames,
    }


class Server(ThreadingHTTPServer):
    """Serves `series` by id, and keeps (method, path, headers, body) of what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.series: dict[str, Series] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.grant_seconds = 60.0
        self.grants = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self, method: str, ending: str) -> list[Any]:
        """Bodies of the requests to paths with this ending."""
        return [body for m, path, _, body in self.asked if m == method and path.endswith(ending)]

    def ranges(self) -> list[tuple[int, int]]:
        """First and last byte of each request for part of a segment, in order."""
        found = [headers.get("Range", "") for m, path, headers, _ in self.asked if "/seg" in path]
        return [tuple(map(int, re.findall(r"\d+", text))) for text in found]  # type: ignore[misc]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing: tests read `asked`."""

    def do_GET(self) -> None:
        self._note(None)
        fixed = {"/": (PAGE, "text/html"), "/pane.css": (STYLE, "text/css")}
        fixed["/pane.js"] = (SCRIPT, "text/javascript")
        if self.path in fixed:
            text, kind = fixed[self.path]
            self._send(200, text.encode(), kind)
        elif self.path.startswith("/static/"):
            self._static()
        else:
            self._imaging()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self._note(body)
        _, _, series_id, act = self.path.strip("/").split("/")
        series = self.server.series.get(series_id)
        if series is None or series.refusal:
            return self._refuse(series.refusal if series else 404)
        if act == "grant":
            self.server.grants += 1
            grant = {"grant": f"g{self.server.grants}", "seconds": self.server.grant_seconds}
            return self._json(201, grant)
        if act == "want":
            for number in body["frames"]:
                made = series.unmade.pop(number, None)
                series.metadata["frames"][number - 1].update(made or {})
            series.metadata["version"] += 1
        return self._send(204, b"", "text/plain")

    def _note(self, body: Any) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers), body))

    def _static(self) -> None:
        name = self.path.removeprefix("/static/")
        path = CODEC / Path(name).name if name.startswith("vendor/") else ROOT / "static" / name
        if not path.is_file():
            return self._refuse(404)
        return self._send(200, path.read_bytes(), KINDS[path.suffix])

    def _imaging(self) -> None:
        series = self.server.series.get(self.path.split("/")[3])
        if series is None or not self.headers.get("X-View-Grant"):
            return self._refuse(404)
        if "/metadata" in self.path:
            return self._json(200, series.metadata)
        first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
        if series.frame_at(first) in series.held:
            series.gate.wait(10)
        if series.refusal:
            return self._refuse(series.refusal)
        return self._send(206, bytes(series.segment[first : last + 1]), "application/octet-stream")

    def _refuse(self, status: int) -> None:
        self._json(status, {"code": f"test.{status}", "message": "This was refused."})

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the pane gave this request up


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def open_page(browser: Browser, server: Server, **options: Any) -> Page:
    """A page with one pane in it, 512 x 384, and no series yet; `options` are of the context."""
    page = browser.new_page(**options)
    page.goto(server.url)
    until(page, "window.isReady === true")
    page.evaluate("makePane()")
    return page


def remake(page: Page, **limits: Any) -> None:
    """The pane anew, with what renderer.js calls its limits."""
    page.evaluate("(limits) => { pane.destroy(); makePane({ limits }); }", limits)


def open_series(page: Page, series: str = "s", **what: Any) -> None:
    """Open a series and wait until its first frame is whole."""
    assert page.evaluate("(what) => pane.open(what)", {"series": series, **what})
    wait_whole(page)


def wait_whole(page: Page) -> None:
    page.evaluate("pane.pixels()")
    until(page, "pane.quality === 100")


def until(page: Page, condition: str, within_s: float = 15) -> None:
    """Wait for an expression to be true; Playwright's own way is eval, which the policy bars."""
    end = time.monotonic() + within_s
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"not within {within_s} s: {condition}"
        page.wait_for_timeout(10)


def until_said(page: Page, text: str) -> None:
    """Wait until the pane shows these words."""
    until(page, f"document.getElementById('pane').innerText.includes({json.dumps(text)})")


def view_of(page: Page) -> dict[str, Any]:
    view: dict[str, Any] = page.evaluate("pane.getView()")
    return view


def pixels(page: Page) -> np.ndarray:
    """What the canvas holds: (height, width, 3) of bytes."""
    width, height, text = page.evaluate(
        "() => { const p = pane.pixels(); return [p.width, p.height, base64(p.rgba)]; }"
    )
    rgba = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    return rgba[..., :3]


def expected(array: np.ndarray, series: Series, view: dict[str, Any]) -> np.ndarray:
    """What `pixels` must be for a frame and a view, worked out on this side."""
    image, frame = series.metadata["images"][0], series.metadata["frames"][view["frame"] - 1]
    return render(array, image, frame, view, SIZE)


def is_the_reference(page: Page, array: np.ndarray, series: Series) -> bool:
    return np.array_equal(pixels(page), expected(array, series, view_of(page)))


def events(page: Page, kind: str) -> list[Any]:
    """The details of the events of one kind so far."""
    found: list[Any] = page.evaluate(
        "(kind) => events.filter(([k]) => k === kind).map(([, detail]) => detail)", kind
    )
    return found


def ct(seed: int = 0, shape: tuple[int, int] = (256, 300)) -> np.ndarray:
    """Smooth with steep edges and noise, so that neither a shift nor a mirror goes unseen."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    smooth = 300 * np.sin(rows / 17 + seed) + 400 * np.cos(columns / 29)
    smooth[40:80, 50:120] += 900
    noise = np.random.default_rng(seed).integers(-40, 40, shape)
    return (smooth + noise).astype(np.int16)


def drag(
    page: Page, start: tuple[float, float], end: tuple[float, float], button: Any = "left"
) -> None:
    box = page.locator("#pane").bounding_box()
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down(button=button)
    page.mouse.move(box["x"] + (start[0] + end[0]) / 2, box["y"] + (start[1] + end[1]) / 2)
    page.mouse.move(box["x"] + end[0], box["y"] + end[1])
    page.mouse.up(button=button)


def words(page: Page) -> str:
    return page.locator("#pane").inner_text()
