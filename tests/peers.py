"""Real archives to test against, each started once per session, on loopback and a free port.

Fixtures: `orthanc` (DICOMweb and DIMSE), `orthanc_with_password`, `qrscp` (pynetdicom's) and
`dcmqrscp` (DCMTK's). Tests share them, so every test keeps to study UIDs of its own. `hostile`
starts small fakes of bad archives, one per test.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pynetdicom import AE, build_context

from imaging.archives.dimse_reactor import keep_answers
from tests.ports import free_port

PASSWORD = ("lightbox", "made-up-for-tests")
#: pynetdicom installs programs by DCMTK's names: outside environments of Python are DCMTK's own.
_PATH = [
    folder
    for folder in os.environ["PATH"].split(os.pathsep)
    if not (Path(folder).parent / "pyvenv.cfg").exists()
]
ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join(_PATH),
    "TCP_NODELAY": "1",  # DCMTK's Nagle costs 40 ms a message
}
PLUGINS = "/usr/share/orthanc/plugins"


@dataclass
class Peer:
    """A running archive, and how it is filled."""

    name: str
    port: int
    ae_title: str
    base_url: str = ""
    username: str = ""
    password: str = ""
    pid: int = 0
    move_port: int = 0  # where it sends what LIGHTBOX asks it to by C-MOVE
    extra: dict[str, object] = field(default_factory=dict)
    native_url: str = field(default="", repr=False)

    def store(self, files: list[bytes]) -> None:
        if self.native_url:
            self._post(files)
        else:
            self._send(files)

    def forget(self, study_instance_uid: str) -> None:
        """Orthanc only: the study is gone."""
        with self._client() as client:
            found = client.post("/tools/lookup", content=study_instance_uid).json()
            for one in found:
                client.delete(f"/studies/{one['ID']}").raise_for_status()

    def forget_instance(self, sop_instance_uid: str) -> None:
        with self._client() as client:
            for one in client.post("/tools/lookup", content=sop_instance_uid).json():
                client.delete(f"/instances/{one['ID']}").raise_for_status()

    def as_archive(self, kind: str) -> dict[str, object]:
        """The fields of an imaging.models.Archive that point here."""
        if kind == "dicomweb":
            mine = {"base_url": self.base_url, "username": self.username}
            mine |= {"auth": "basic" if self.username else "none", "takes_wildcards_raw": True}
            return {"kind": kind, "password": self.password, **mine}
        mine = {"port": self.port, "called_ae_title": self.ae_title}
        return {"kind": kind, "host": "127.0.0.1", **mine, **self.extra}

    def _client(self) -> httpx.Client:
        auth = (self.username, self.password) if self.username else None
        return httpx.Client(base_url=self.native_url, auth=auth, timeout=20, trust_env=False)

    def _post(self, files: list[bytes]) -> None:
        with self._client() as client:
            for file in files:
                client.post("/instances", content=file).raise_for_status()

    def _send(self, files: list[bytes]) -> None:
        datasets = [dcmread(BytesIO(file)) for file in files]
        kinds = {(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in datasets}
        contexts = [build_context(*kind) for kind in kinds]
        association = AE(ae_title="LIGHTBOX").associate(
            "127.0.0.1", self.port, contexts, ae_title=self.ae_title
        )
        assert association.is_established
        keep_answers(association)
        for dataset in datasets:
            assert association.send_c_store(dataset).Status == 0
        association.release()


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[int]:
    """A process until the block ends; yields its pid once it listens."""
    log = (folder / "log").open("w")
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        _wait_for(process, port, folder)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
        process.wait()
        log.close()


def _wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{folder.name} did not start: {(folder / 'log').read_text()[-2000:]}")


@contextmanager
def start_orthanc(folder: Path, *, name: str, with_password: bool = False) -> Iterator[Peer]:
    port, http, move_port = free_port(), free_port(), free_port()
    username, password = PASSWORD if with_password else ("", "")
    config = {
        **{"Name": name, "DicomAet": name, "DicomPort": port, "DicomCheckCalledAet": True},
        **{"HttpPort": http, "HttpBindAddresses": ["127.0.0.1"], "RemoteAccessAllowed": False},
        **{"StorageDirectory": "db", "IndexDirectory": "db", "OverwriteInstances": False},
        **{
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowMove": True,
        },
        **{"AuthenticationEnabled": with_password, "RegisteredUsers": {username: password}},
        "DicomModalities": {"lightbox": ["LIGHTBOX", "127.0.0.1", move_port]},
        "Plugins": [f"{PLUGINS}/libOrthancDicomWeb.so"],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    if not with_password:
        del config["RegisteredUsers"]
    (folder / "orthanc.json").write_text(json.dumps(config))
    native = f"http://127.0.0.1:{http}"
    with running(["Orthanc", "orthanc.json"], folder, http) as pid:
        url = f"{native}/dicom-web"
        yield Peer(name, port, name, url, username, password, pid, move_port, native_url=native)


@contextmanager
def start_qrscp(folder: Path) -> Iterator[Peer]:
    port = free_port()
    config = "[DEFAULT]\nae_title: QRSCP\nmax_pdu: 131072\nbind_address: 127.0.0.1\n"
    config += "acse_timeout: 30\ndimse_timeout: 30\nnetwork_timeout: 30\nlog_identifier: False\n"
    # whole paths: it takes others as beginning where it is installed, for every run alike
    config += f"port: {port}\ninstance_location: {folder}/files\n"
    config += f"database_location: {folder}/files.sqlite\n"
    (folder / "qrscp.ini").write_text(config)
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", "qrscp.ini"]
    with running(command, folder, port) as pid:
        yield Peer("qrscp", port, "QRSCP", pid=pid)


@contextmanager
def start_dcmqrscp(folder: Path) -> Iterator[Peer]:
    port, move_port = free_port(), free_port()
    (folder / "files").mkdir()
    config = f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
    config += f"HostTable BEGIN\nlightbox = (LIGHTBOX, 127.0.0.1, {move_port})\nHostTable END\n"
    config += "VendorTable BEGIN\nVendorTable END\nAETable BEGIN\n"
    config += f"DCMQR {folder}/files RW (200, 1024mb) ANY\nAETable END\n"
    (folder / "dcmqrscp.cfg").write_text(config)
    with running(["dcmqrscp", "+xy", "-c", "dcmqrscp.cfg"], folder, port) as pid:
        yield Peer("dcmqrscp", port, "DCMQR", pid=pid, move_port=move_port)


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with start_orthanc(tmp_path_factory.mktemp("orthanc"), name="TRUSTA") as peer:
        yield peer


@pytest.fixture(scope="session")
def orthanc_with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("orthanc-with-password")
    with start_orthanc(folder, name="TRUSTB", with_password=True) as peer:
        yield peer


@pytest.fixture(scope="session")
def qrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with start_qrscp(tmp_path_factory.mktemp("qrscp")) as peer:
        yield peer


@pytest.fixture(scope="session")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with start_dcmqrscp(tmp_path_factory.mktemp("dcmqrscp")) as peer:
        yield peer


# Hostile fakes

Reply = tuple[int, dict[str, str], bytes]


@pytest.fixture
def hostile() -> Iterator[Callable[[Callable[[str], Reply]], str]]:
    """hostile(answer) starts an HTTP server that says `answer(path)`; returns its URL.

    A body shorter than the Content-Length it states is how a cut connection looks.
    """
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str], Reply]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing: the tests say what matters."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/dicom-web"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class Cd:
    """A folder as an archive: nobody runs it."""

    root: Path
    name: str = "a CD"

    def store(self, files: list[bytes]) -> None:
        folder = self.root / "DICOM" / f"ST{len(list(self.root.glob('DICOM/*')))}"
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            (folder / f"IM{number}").write_bytes(file)

    def as_archive(self, kind: str) -> dict[str, object]:
        return {"kind": kind, "folder": str(self.root)}


@pytest.fixture(scope="session")
def cd(tmp_path_factory: pytest.TempPathFactory) -> Cd:
    return Cd(tmp_path_factory.mktemp("cd"))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def multipart(parts: list[bytes], *, boundary: bytes = b"xyz", is_closed: bool = True) -> bytes:
    body = b"".join(
        b"\r\n--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + part
        for part in parts
    )
    return body + (b"\r\n--" + boundary + b"--\r\n" if is_closed else b"")
