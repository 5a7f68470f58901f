"""The same study by the tools others have, each measured in seconds."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydicom.dataset import Dataset

from bench._pull_study import SLICES
from tests.dicoms import study_uid
from tests.peers import ENVIRONMENT, Peer

DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
IDENTITY = {"Accept-Encoding": "identity"}


def bare_stream(peer: Peer, name: str) -> float:
    """httpx, every byte read and thrown away."""
    url = f"{peer.base_url}/studies/{study_uid(name)}"
    started, size = time.perf_counter(), 0
    headers = IDENTITY | {"Accept": DICOM_PARTS}
    with httpx.stream("GET", url, headers=headers, timeout=60, trust_env=False) as answer:
        for chunk in answer.iter_bytes():
            size += len(chunk)
    if size < SLICES * 500_000:
        raise RuntimeError("the study did not come whole")
    return time.perf_counter() - started


def dicomweb_client(peer: Peer, name: str) -> dict[str, float]:
    """Its two ways to a whole study, and the faster one with every instance saved as a file."""
    from dicomweb_client.api import DICOMwebClient
    from dicomweb_client.session_utils import create_session

    session = create_session()
    session.headers.update(IDENTITY)
    session.trust_env = False
    client = DICOMwebClient(peer.base_url, session=session)
    uid = study_uid(name)
    found = {}
    started = time.perf_counter()
    _check(len(client.retrieve_study(uid)))
    found["retrieve_study"] = time.perf_counter() - started
    started = time.perf_counter()
    _check(sum(1 for _ in client.iter_study(uid)))
    found["iter_study"] = time.perf_counter() - started
    with TemporaryDirectory(prefix="lightbox-bench-") as folder:
        started = time.perf_counter()
        _check(sum(_saved(one, Path(folder)) for one in client.iter_study(uid)))
        found["iter_study_saved"] = time.perf_counter() - started
    return found


def getscu(peer: Peer, name: str) -> float:
    """DCMTK's, to files, without Nagle's algorithm."""
    with TemporaryDirectory(prefix="lightbox-bench-") as folder:
        command = ["getscu", "-aec", peer.ae_title, "-S", "-k", "QueryRetrieveLevel=STUDY"]
        command += ["-k", f"StudyInstanceUID={study_uid(name)}", "-od", folder]
        started = time.perf_counter()
        subprocess.run(  # noqa: S603  a fixed command
            [*command, "127.0.0.1", str(peer.port)], check=True, env=ENVIRONMENT
        )
        took = time.perf_counter() - started
        _check(sum(1 for _ in Path(folder).iterdir()))
    return took


def _saved(dataset: Dataset, folder: Path) -> int:
    with suppress(AttributeError):
        dataset.save_as(folder / dataset.SOPInstanceUID)
        return 1
    return 0


def _check(count: int) -> None:
    if count != SLICES:
        raise RuntimeError(f"{count} of {SLICES} instances came")
