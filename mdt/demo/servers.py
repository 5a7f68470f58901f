"""Starts the demo's archives: our own in this process, qrscp and Orthanc as processes of theirs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydicom import dcmread
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.events import EventHandlerType

from imaging.archives.dimse_reactor import keep_answers
from mdt.demo import ports
from mdt.demo.archives import DemoArchiveServer, without_delay
from mdt.demo.make import folder
from mdt.demo.places import ARCHIVES, DemoArchive, find_orthanc
from mdt.demo.ports import Ports
from mdt.embedded import is_free

ORTHANC_USER, ORTHANC_PASSWORD = "lightbox", "only-for-the-demo"
DICOMWEB_PLUGINS = [
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
    "/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so",
]
WAIT_S = 30


@contextmanager
def running() -> Iterator[None]:
    """All archives listen and hold their studies; at the end none is left."""
    known, processes, servers = ports.load(), list[subprocess.Popen[bytes]](), []
    try:
        for archive in ARCHIVES:
            if archive.server == "full":
                servers.append(_full(archive, known[archive.name]))
            elif archive.server in STARTERS:
                processes.append(STARTERS[archive.server](archive, known[archive.name]))
        for archive in ARCHIVES:
            if archive.server in LOADERS:
                LOADERS[archive.server](archive, known[archive.name])
        yield
    finally:
        for server in servers:
            server.stop()
        _end(processes)


def _full(archive: DemoArchive, at: Ports) -> DemoArchiveServer:
    server = DemoArchiveServer(folder() / archive.name, archive.ae_title, at.dimse)
    server.start()
    return server


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def _start_qrscp(archive: DemoArchive, at: Ports) -> "subprocess.Popen[bytes]":
    home = folder() / "qrscp"
    home.mkdir(exist_ok=True)
    (home / "qrscp.ini").write_text(
        f"[DEFAULT]\nae_title: {archive.ae_title}\nport: {at.dimse}\nmax_pdu: 131072\n"
        "acse_timeout: 30\ndimse_timeout: 30\nnetwork_timeout: 60\nbind_address: 127.0.0.1\n"
        f"instance_location: {home}/instances\ndatabase_location: {home}/index.sqlite\n"
        "log_identifier: False\n"
    )
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", f"{home}/qrscp.ini", "-q"]
    return subprocess.Popen(command, cwd=home)  # noqa: S603


def _start_orthanc(archive: DemoArchive, at: Ports) -> "subprocess.Popen[bytes]":
    home = folder() / "orthanc" / archive.name
    home.mkdir(parents=True, exist_ok=True)
    config = {
        "Name": archive.name,
        "DicomAet": archive.ae_title,
        "DicomPort": at.dimse,
        "HttpPort": at.http,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "StorageDirectory": str(home / "db"),
        "IndexDirectory": str(home / "db"),
        "AuthenticationEnabled": archive.server == "orthanc-auth",
        "RegisteredUsers": {ORTHANC_USER: ORTHANC_PASSWORD},
        "Plugins": [plugin for plugin in DICOMWEB_PLUGINS if Path(plugin).exists()],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full"},
    }
    (home / "orthanc.json").write_text(json.dumps(config, indent=1))
    with (home / "orthanc.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [find_orthanc(), str(home / "orthanc.json")],
            env=os.environ | {"TCP_NODELAY": "1"},
            stdout=log,
            stderr=log,
        )


def _load_qrscp(archive: DemoArchive, at: Ports) -> None:
    _until(lambda: not is_free(at.dimse), archive.name)
    if any((folder() / "qrscp/instances").glob("*")):
        return
    ae = AE(ae_title="DEMO")
    ae.requested_contexts = StoragePresentationContexts
    handlers: list[EventHandlerType] = [(evt.EVT_CONN_OPEN, without_delay)]
    association = ae.associate(
        "127.0.0.1", at.dimse, ae_title=archive.ae_title, evt_handlers=handlers
    )
    if not association.is_established:
        raise ConnectionError(f"{archive.name} does not take what it is to hold")
    keep_answers(association)
    for path in sorted((folder() / archive.name).glob("*.dcm")):
        association.send_c_store(dcmread(path))
    association.release()


def _load_orthanc(archive: DemoArchive, at: Ports) -> None:
    """By Orthanc's own POST, only when it is empty."""
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{at.http}", auth=(ORTHANC_USER, ORTHANC_PASSWORD)
    )

    def answers() -> bool:
        try:
            return client.get("/system").is_success
        except httpx.TransportError:
            return False

    with client:
        _until(answers, archive.name)
        if client.get("/statistics").json()["CountInstances"]:
            return
        for path in sorted((folder() / archive.name).glob("*.dcm")):
            client.post("/instances", content=path.read_bytes()).raise_for_status()


def _until(done: Callable[[], bool], name: str) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} did not start within {WAIT_S} s")
        time.sleep(0.2)


STARTERS = {"poor": _start_qrscp, "orthanc": _start_orthanc, "orthanc-auth": _start_orthanc}
LOADERS = {"poor": _load_qrscp, "orthanc": _load_orthanc, "orthanc-auth": _load_orthanc}
