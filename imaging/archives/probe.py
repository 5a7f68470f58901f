"""Testing an archive step by step, so that whoever looks after it reads what is wrong in words.

Archives answer different faults alike (C-MOVE to an unknown AE title, to a closed port and of an
unknown study: one status, no comment), so what is wrong is found here one thing at a time. Nothing
of a patient is kept or said: what comes is counted and dropped.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from imaging import arrivals
from imaging.archives import addresses, http_tls, registry
from imaging.archives.base import (
    Archive,
    ArchiveError,
    FoundStudy,
    Level,
    Listed,
    Patience,
    Question,
    Wanted,
)
from imaging.archives.folder_files import files_under, read_file
from imaging.archives.probe_words import advice_on
from imaging.frames.limits import MAX_INSTANCE_BYTES

if TYPE_CHECKING:
    from imaging import models

PATIENCE = Patience(connect_s=3, idle_s=5)
STEP_S = 12.0  # somebody watches the page: after this a step has failed
SOON_DAYS = 30
MOST_FILES = 500  # of a folder that are opened to find an image
DICM = slice(128, 132)  # where a DICOM file says that it is one (PS3.10 7.1)


class Step(StrEnum):
    """In this order: each makes sense only when those before it are well."""

    NETWORK = "network"
    TLS = "tls"
    LIFE = "life"
    QUERY = "query"
    SCP = "scp"
    RETRIEVE = "retrieve"


class Verdict(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """How one step ended, for people; `code` is stable, `advice` what to do about it."""

    step: Step
    verdict: Verdict
    words: str
    advice: str = ""
    code: str = ""
    seconds: float = 0.0


Said = tuple[Verdict, str, str]  # the verdict, words, advice


def steps_of(profile: "models.Archive") -> list[Step]:
    """A folder has no network, and our Storage SCP is for C-MOVE alone."""
    steps = list(Step)
    if profile.kind == profile.Kind.FOLDER:
        steps = steps[2:]
    if profile.kind != profile.Kind.DIMSE or profile.retrieve_by != profile.RetrieveBy.MOVE:
        steps.remove(Step.SCP)
    return steps


def run(profile: "models.Archive", step: Step, test_number: str = "") -> Result:
    """Carry out one step, in at most STEP_S. `test_number` is a test patient's Patient ID there.

    Never raises for what the archive does.
    """
    began = time.monotonic()
    try:
        verdict, words, advice = _within(STEP_S, lambda: STEPS[step](profile, test_number.strip()))
        result = Result(step, verdict, words, advice)
    except ArchiveError as failure:
        advice = advice_on(failure.code, profile)
        result = Result(step, Verdict.FAILED, failure.message, advice, failure.code)
    return replace(result, seconds=time.monotonic() - began)


def _within(limit_s: float, act: Callable[[], Said]) -> Said:
    """What `act` says, or raises. One that goes on is left to the connector's own patience."""
    ended: SimpleQueue[Said | Exception] = SimpleQueue()

    def carry_out() -> None:
        outcome: Said | Exception
        try:
            outcome = act()
        except Exception as error:
            outcome = error
        connection.close()  # this thread's own, and it ends here
        ended.put(outcome)

    Thread(target=carry_out, daemon=True).start()
    try:
        outcome = ended.get(timeout=limit_s)
    except Empty:
        text = f"This did not end within {limit_s:.0f} seconds."
        raise ArchiveError("archive.silent", text) from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _network(profile: "models.Archive", _: str) -> Said:
    host, port = addresses.host_and_port(profile)
    address = addresses.resolve(host, port)
    with _connected(address, port):
        pass
    named = host if host == address else f"{host} is {address}, and it"
    return Verdict.OK, f"{named} can be reached: port {port} opens.", ""


def _tls(profile: "models.Archive", _: str) -> Said:
    """The handshake, with the certificates of the profile."""
    if not _speaks_tls(profile):
        text = "Not encrypted: names and numbers of patients travel readable on the network."
        return Verdict.SKIPPED, text, "Use TLS if the archive offers it."
    host, port = addresses.host_and_port(profile)
    context = http_tls.context(
        ca=profile.ca_certificate,
        certificate=profile.client_certificate,
        key=profile.client_key,
    )
    try:
        with (
            _connected(addresses.resolve(host, port), port) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return _certificate_words(secured)
    except (ssl.SSLError, OSError) as error:
        if known := http_tls.fault(error, "the archive", is_connecting=True):
            raise known from error
        text = "The connection ended while it was being secured: this port may not speak TLS."
        raise ArchiveError("archive.tls", text, may_retry=False) from error


def _certificate_words(secured: ssl.SSLSocket) -> Said:
    certificate: Any = secured.getpeercert() or {}
    issuer = {name: value for one in certificate.get("issuer", ()) for name, value in one}
    signer = issuer.get("organizationName") or issuer.get("commonName") or "somebody unnamed"
    signer = str(signer)[:80]
    expires = ssl.cert_time_to_seconds(certificate["notAfter"])
    days = int((expires - time.time()) // 86_400)
    day = time.strftime("%d %b %Y", time.gmtime(expires)).lstrip("0")
    advice = f"It expires in {days} days: have it renewed." if days < SOON_DAYS else ""
    words = f"{secured.version()}. The certificate is good until {day}, signed by {signer}."
    return Verdict.OK, words, advice


def _life(profile: "models.Archive", _: str) -> Said:
    with registry.connect(profile, PATIENCE) as archive:
        archive.echo()
    return Verdict.OK, HOW_IT_LIVES[profile.kind], ""


HOW_IT_LIVES = {
    "dicomweb": "It answers a search for one study, and lets us in.",
    "dimse": "It answers C-ECHO and C-FIND, and knows our AE title.",
    "folder": "The folder is there and can be read.",
}


def _query(profile: "models.Archive", test_number: str) -> Said:
    """A number that nobody has must find nobody: some archives ignore what they do not know."""
    if profile.kind == profile.Kind.FOLDER:
        text = "Not tried: whose its files are is read here, from each, with the first search."
        return Verdict.SKIPPED, text, ""
    nobody = f"LBX-{token_hex(8)}".upper()
    with registry.connect(profile, PATIENCE) as archive:
        strangers = archive.search_for_studies(Question(patient_id=nobody))
        if strangers:
            text = (
                f"It ignores the number asked for: {len(strangers)} studies came back for a number "
                "that nobody has. Each answer is checked here, so nobody else's study is shown, "
                "but every question costs it a list of everybody."
            )
            raise ArchiveError("archive.ignores_filters", text, may_retry=False)
        if not test_number:
            text = "A number that nobody has finds nobody, as it must."
            more = (
                "Give a test patient's number to see which fields come back and whether it pages."
            )
            return Verdict.OK, text, more
        studies = _of_test_patient(archive, test_number)
    return Verdict.OK, _fields_words(studies), _paging_advice(profile, test_number, studies)


def _of_test_patient(archive: Archive, test_number: str) -> list[FoundStudy]:
    """Those that carry the number themselves: the same rule as for patients."""
    found = archive.search_for_studies(Question(patient_id=test_number))
    mine = [one for one in found if test_number in _numbers_of(one)]
    if not mine:
        text = "It holds no study of this test patient, or answers without the Patient ID."
        raise ArchiveError("archive.no_test_patient", text, may_retry=False)
    return mine


def _numbers_of(study: FoundStudy) -> set[str]:
    return {study.patient_id} | {number for number, _ in study.other_patient_ids}


def _fields_words(studies: list[FoundStudy]) -> str:
    """Which of the fields we ask for come back, never what is in them."""
    asked: dict[str, Callable[[FoundStudy], object]] = {
        "birth date": lambda study: study.birth_date,
        "issuer of the number": lambda study: study.issuer_of_patient_id,
        "other numbers": lambda study: study.other_patient_ids,
        "description": lambda study: study.description,
        "accession number": lambda study: study.accession_number,
        "modalities": lambda study: study.modalities,
        "number of images": lambda study: study.instance_count,
    }
    missing = [name for name, value in asked.items() if not any(map(value, studies))]
    count = "1 study" if len(studies) == 1 else f"{len(studies)} studies"
    rest = f"Not said: {', '.join(missing)}." if missing else "Every field we ask for is there."
    return f"A number that nobody has finds nobody; the test patient has {count}. {rest}"


def _paging_advice(profile: "models.Archive", test_number: str, studies: list[FoundStudy]) -> str:
    """One answer a page must bring the same studies as all at once."""
    if profile.kind != profile.Kind.DICOMWEB:
        return ""
    if len(studies) < 2:
        return "Whether it pages is seen only with a test patient of two studies."
    narrow = copy(profile)
    narrow.page_size = 1
    with registry.connect(narrow, PATIENCE) as archive:
        paged = _of_test_patient(archive, test_number)
    if len(paged) == len(studies):
        return ""
    return (
        f"Asked one at a time it gives {len(paged)} of {len(studies)}: it does not page. "
        "Its answers must fit one page."
    )


def _scp(profile: "models.Archive", _: str) -> Said:
    """Whether anything could be sent to us; whether the archive reaches us, retrieving tells."""
    inbox = registry.inbox_of(profile)
    if not inbox.is_listening():
        text = "Our own Storage SCP does not run: no archive could send anything to it."
        raise ArchiveError("scp.not_running", text)
    title = profile.move_destination or settings.SCP_AE_TITLE
    text = f"Our Storage SCP listens on port {inbox.port}."
    advice = f"The archive must know it as {title}, with this server's address and that port."
    return Verdict.OK, text, advice


def _retrieve(profile: "models.Archive", test_number: str) -> Said:
    """One instance, received whole and dropped."""
    if profile.kind == profile.Kind.FOLDER:
        return _one_of_folder(Path(profile.folder))
    if not test_number:
        text = "Not tried: it needs the number of a test patient in this archive."
        return Verdict.SKIPPED, text, ""
    with registry.connect(profile, PATIENCE) as archive:
        study, listed = _first_listed(archive, test_number)
        wanted = Wanted(study.study_instance_uid, Level.IMAGE, [listed])
        began = time.monotonic()
        try:
            size = len(_one_file(archive, wanted))
        finally:
            _let_go(profile, wanted)
    seconds = max(time.monotonic() - began, 0.001)
    return Verdict.OK, f"One image of {size / 1000:,.0f} kB came in {seconds:.1f} s.", ""


def _let_go(profile: "models.Archive", wanted: Wanted) -> None:
    """By C-MOVE it came to our Storage SCP, which keeps what it acknowledged."""
    if profile.retrieve_by == profile.RetrieveBy.MOVE and profile.pk:
        sops = [one.sop_instance_uid for one in wanted.instances]
        arrivals.forget_read(profile.pk, wanted.study_instance_uid, sops)


def _one_of_folder(root: Path) -> Said:
    """Some folders take an hour to be read in whole: the first of its files that is an image."""
    for found in islice(files_under(root), MOST_FILES):
        with suppress(OSError):
            if read_file(root, found.path, DICM.stop)[DICM] == b"DICM":
                began = time.monotonic()
                size = len(read_file(root, found.path, MAX_INSTANCE_BYTES))
                seconds = max(time.monotonic() - began, 0.001)
                return Verdict.OK, f"One file of {size / 1000:,.0f} kB came in {seconds:.1f} s.", ""
    text = f"None of the first {MOST_FILES} files of the folder is DICOM."
    raise ArchiveError("archive.lists_nothing", text, may_retry=False)


def _first_listed(archive: Archive, test_number: str) -> tuple[FoundStudy, Listed]:
    for study in _of_test_patient(archive, test_number):
        if listed := archive.list_instances(study.study_instance_uid):
            return study, listed[0]
    text = "It lists no image of the test patient's studies."
    raise ArchiveError("archive.lists_nothing", text, may_retry=False)


def _one_file(archive: Archive, wanted: Wanted) -> bytes:
    files = archive.retrieve(wanted)
    data = next(files, b"")
    if data[DICM] != b"DICM":
        text = "It says that it sent the image, and no image came."
        raise ArchiveError("archive.sent_nothing", text)
    return data


def _speaks_tls(profile: "models.Archive") -> bool:
    if profile.kind == profile.Kind.DIMSE:
        return profile.is_tls
    return profile.base_url.startswith("https:")


def _connected(address: str, port: int) -> socket.socket:
    """Raises ArchiveError, with the reasons told apart that a firewall or a typing error have."""
    try:
        return socket.create_connection((address, port), PATIENCE.connect_s)
    except ConnectionRefusedError as error:
        text = f"{address} can be reached, but nothing listens on port {port}."
        raise ArchiveError("archive.port_closed", text) from error
    except TimeoutError as error:
        text = f"Nothing comes back from {address}, port {port}."
        raise ArchiveError("archive.no_way", text) from error
    except OSError as error:
        text = f"There is no way from here to {address}."
        raise ArchiveError("archive.no_way", text) from error


STEPS: dict[Step, Callable[["models.Archive", str], Said]] = {
    Step.NETWORK: _network,
    Step.TLS: _tls,
    Step.LIFE: _life,
    Step.QUERY: _query,
    Step.SCP: _scp,
    Step.RETRIEVE: _retrieve,
}
