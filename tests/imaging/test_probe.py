import socket
from threading import Thread
from time import monotonic

import pytest

from imaging.archives import probe, registry
from imaging.archives.base import ArchiveError, FoundStudy, Patience
from imaging.archives.folder_index import FolderIndex
from imaging.archives.probe import Step, Verdict
from imaging.models import Archive, Arrival
from tests.factories import ArchiveFactory
from tests.imaging.fakes import FakeArchive
from tests.imaging.files import made

NUMBER = "TEST-0001"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(probe, "PATIENCE", Patience(connect_s=0.3, idle_s=0.3))


def study(**said):
    return FoundStudy("1.2.826.0.7.1", **{"patient_id": NUMBER} | said)


@pytest.fixture
def fake(monkeypatch):
    """An archive of one made file, and what it was asked."""
    archive = FakeArchive([made(StudyInstanceUID="1.2.826.0.7.1")])
    monkeypatch.setattr(registry, "connect", lambda *_: archive)
    answers = {}
    archive.search_for_studies = lambda question: answers.get(
        question.patient_id, answers.get("anybody", [])
    )
    archive.answers = answers
    return archive


def at(port, **more):
    return Archive(kind="dicomweb", base_url=f"http://127.0.0.1:{port}/dicom-web", **more)


def dimse(**more):
    return Archive(kind="dimse", host="127.0.0.1", port=1, called_ae_title="PACS", **more)


def test_each_kind_has_the_steps_that_make_sense_for_it():
    assert probe.steps_of(at(1)) == [s for s in Step if s != Step.SCP]
    assert probe.steps_of(dimse()) == [s for s in Step if s != Step.SCP]
    assert probe.steps_of(dimse(retrieve_by="move")) == list(Step)
    assert probe.steps_of(Archive(kind="folder")) == [Step.LIFE, Step.QUERY, Step.RETRIEVE]


def test_a_port_where_nobody_listens_is_told_from_one_that_says_nothing(silent_port):
    closed = probe.run(at(1), Step.NETWORK)
    assert (closed.verdict, closed.code) == (Verdict.FAILED, "archive.port_closed")
    assert closed.words == "127.0.0.1 can be reached, but nothing listens on port 1."
    assert closed.advice == "Check the port, and whether the archive is running."
    opened = probe.run(at(silent_port), Step.NETWORK)
    assert (opened.verdict, opened.code) == (Verdict.OK, "")
    silent = probe.run(at(silent_port), Step.LIFE)
    assert (silent.verdict, silent.code) == (Verdict.FAILED, "archive.silent")


def test_a_name_the_network_does_not_know_is_said(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = probe.run(Archive(kind="dicomweb", base_url="http://pacs.example/x"), Step.NETWORK)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.unreachable")
    assert "not known" in result.words


def test_an_address_no_archive_may_have_is_not_asked():
    profile = Archive(kind="dicomweb", base_url="http://169.254.169.254/latest")
    result = probe.run(profile, Step.NETWORK)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.address")


def test_without_tls_it_is_said_that_everything_travels_readable():
    result = probe.run(at(1), Step.TLS)
    assert result.verdict == Verdict.SKIPPED
    assert result.words.startswith("Not encrypted")


@pytest.fixture
def not_tls():
    """A port that answers a handshake with words."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_port_without_tls_is_told_from_a_bad_certificate(not_tls):
    profile = Archive(kind="dicomweb", base_url=f"https://127.0.0.1:{not_tls}/x")
    result = probe.run(profile, Step.TLS)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.tls")
    assert "TLS" in result.advice


def test_a_certificate_says_who_signed_it_and_how_long_it_lasts():
    class Secured:
        def version(self):
            return "TLSv1.3"

        def getpeercert(self):
            return {
                "issuer": ((("commonName", "Root of Trust"),), (("organizationName", "NHS X"),)),
                "notAfter": "Jan  5 09:34:43 2018 GMT",
            }

    verdict, words, advice = probe._certificate_words(Secured())
    assert verdict == Verdict.OK
    assert words == "TLSv1.3. The certificate is good until 5 Jan 2018, signed by NHS X."
    assert advice.endswith("have it renewed.")


def test_an_archive_that_ignores_the_number_is_found_out(fake):
    fake.answers["anybody"] = [study(), study()]
    result = probe.run(at(1), Step.QUERY)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.ignores_filters")
    assert "2 studies came back for a number that nobody has" in result.words
    assert "matching by Patient ID" in result.advice


def test_an_archive_that_finds_nobody_for_nobody_is_well(fake):
    result = probe.run(at(1), Step.QUERY)
    assert (result.verdict, result.code) == (Verdict.OK, "")


def test_the_search_says_which_fields_come_back_and_nothing_of_what_is_in_them(fake):
    fake.answers[NUMBER] = [study(patient_name="SECRET^ONE", birth_date="1957-03-12")]
    result = probe.run(at(1), Step.QUERY, NUMBER)
    assert result.verdict == Verdict.OK
    assert "the test patient has 1 study" in result.words
    assert "birth date" not in result.words
    assert "accession number" in result.words
    assert not [word for word in ("SECRET", "1957", NUMBER) if word in str(result)]


def test_another_patient_is_not_taken_for_the_test_patient(fake):
    fake.answers[NUMBER] = [study(patient_id="OTHER")]
    for step in (Step.QUERY, Step.RETRIEVE):
        result = probe.run(at(1), step, NUMBER)
        assert (result.verdict, result.code) == (Verdict.FAILED, "archive.no_test_patient")


def test_an_archive_that_does_not_page_is_found_out(monkeypatch, fake):
    fake.answers[NUMBER] = [study(), study()]
    narrow = FakeArchive([], studies=[study()])
    chosen = {1: narrow}
    monkeypatch.setattr(registry, "connect", lambda profile, _: chosen.get(profile.page_size, fake))
    profile = at(1, page_size=500)
    result = probe.run(profile, Step.QUERY, NUMBER)
    assert result.verdict == Verdict.OK
    assert "1 of 2: it does not page" in result.advice
    assert profile.page_size == 500


def test_one_image_is_retrieved_counted_and_dropped(fake):
    fake.answers[NUMBER] = [study()]
    result = probe.run(at(1), Step.RETRIEVE, NUMBER)
    assert result.verdict == Verdict.OK
    assert result.words.startswith("One image of ")


def test_without_a_test_patient_nothing_is_retrieved(fake):
    result = probe.run(at(1), Step.RETRIEVE, "  ")
    assert result.verdict == Verdict.SKIPPED
    assert fake.asked == []


def test_what_is_no_image_is_no_success(fake):
    fake.answers[NUMBER] = [study()]
    listed = next(iter(fake.files))
    fake.files[listed] = b"<html>sign in</html>"
    result = probe.run(dimse(), Step.RETRIEVE, NUMBER)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.sent_nothing")
    assert "C-MOVE" in result.advice


def test_a_refused_ae_title_says_which_one_and_whom_to_ask(fake):
    fake.failure = ArchiveError("archive.refused", "The archive refused our AE title.")
    result = probe.run(dimse(calling_ae_title="LIGHTBOX"), Step.LIFE)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.refused")
    assert "add our AE title LIGHTBOX" in result.advice
    assert "PACS" in result.advice


def test_a_step_that_does_not_end_is_ended(monkeypatch, fake):
    monkeypatch.setattr(probe, "STEP_S", 0.1)
    over = []
    with socket.create_server(("127.0.0.1", 0)) as never:
        fake.echo = lambda: (never.settimeout(0.5), never.accept()[0].close())
        began = monotonic()
        result = probe.run(at(1), Step.LIFE)
        assert monotonic() - began < 0.4
        over.append(socket.create_connection(never.getsockname()))  # lets the thread go
    over[0].close()
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.silent")


@pytest.mark.parametrize("is_listening", [True, False])
def test_our_storage_scp_is_looked_for_where_the_archive_sends_to_it(is_listening, monkeypatch):
    class Inbox:
        port = 11112

        def is_listening(self):
            return is_listening

    monkeypatch.setattr(registry, "inbox_of", lambda _: Inbox())
    result = probe.run(dimse(retrieve_by="move", move_destination="LIGHTBOX_MOVE"), Step.SCP)
    assert result.verdict == (Verdict.OK if is_listening else Verdict.FAILED)
    assert ("LIGHTBOX_MOVE" if is_listening else "storage_scp") in result.advice


def test_a_fault_of_ours_is_not_blamed_on_the_archive(fake):
    fake.echo = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        probe.run(at(1), Step.LIFE)


def test_real_archives_pass_every_step(qrscp, orthanc):
    number = "PROBE-0001"
    for peer, kind in ((orthanc, "dicomweb"), (orthanc, "dimse")):
        uid = f"1.2.826.0.7.2.{len(kind)}"
        peer.store([made(StudyInstanceUID=uid, PatientID=number)])
        profile = Archive(**peer.as_archive(kind))
        for step in probe.steps_of(profile):
            result = probe.run(profile, step, number)
            expected = Verdict.SKIPPED if step == Step.TLS else Verdict.OK
            assert result.verdict == expected, result


def test_a_wrong_password_is_said_in_words(orthanc_with_password):
    wrong = orthanc_with_password.as_archive("dicomweb") | {"auth": "basic", "password": "wrong"}
    result = probe.run(Archive(**wrong), Step.LIFE)
    assert (result.verdict, result.code) == (Verdict.FAILED, "archive.refused")
    assert result.advice.startswith("Check the user name and password")


# Nothing is kept


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("comes", [True, False])
def test_what_came_to_our_storage_scp_for_a_test_is_forgotten(fake, comes):
    """And nothing else of the study: neither what was pushed nor another image."""
    there = {"host": "127.0.0.1", "port": 1, "called_ae_title": "PACS"}
    archive = ArchiveFactory(kind="dimse", retrieve_by="move", **there)
    fake.answers[NUMBER] = [study()]
    (listed,) = fake.files
    of = {"archive": archive, "study_instance_uid": "1.2.826.0.7.1", "store_key": "x", "size": 1}
    for sop, is_asked in ((listed.sop_instance_uid, True), ("1.2.3", True), ("1.2.4", False)):
        Arrival.objects.create(sop_instance_uid=sop, is_asked=is_asked, **of)
    if not comes:
        fake.files[listed] = None
    result = probe.run(archive, Step.RETRIEVE, NUMBER)
    assert result.verdict == (Verdict.OK if comes else Verdict.FAILED)
    left = Arrival.objects.values_list("sop_instance_uid", flat=True)
    assert sorted(left) == ["1.2.3", "1.2.4"]


def test_a_folder_is_tested_by_one_of_its_files_and_not_read_through(tmp_path, monkeypatch):
    monkeypatch.setattr(FolderIndex, "refresh", lambda _: pytest.fail("it is read through"))
    folder = Archive(kind="folder", folder=str(tmp_path))
    assert probe.run(folder, Step.RETRIEVE, NUMBER).code == "archive.lists_nothing"
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / "readme").write_bytes(b"no image")
    (tmp_path / "cd" / "1").write_bytes(made(StudyInstanceUID="1.2.826.0.7.1"))
    result = probe.run(folder, Step.RETRIEVE)
    assert (result.verdict, result.code) == (Verdict.OK, "")
    assert result.words.startswith("One file of ")
    assert probe.run(folder, Step.QUERY, NUMBER).verdict == Verdict.SKIPPED


def test_a_folder_is_tested_by_no_more_of_a_file_than_may_be_taken(tmp_path, monkeypatch):
    """A slide of gigabytes may be the first."""
    monkeypatch.setattr(probe, "MAX_INSTANCE_BYTES", 200)
    (tmp_path / "1").write_bytes(made(StudyInstanceUID="1.2.826.0.7.1"))
    asked, read = [], probe.read_file

    def noted(root, path, at_most=-1):
        asked.append(at_most)
        return read(root, path, at_most)

    monkeypatch.setattr(probe, "read_file", noted)
    result = probe.run(Archive(kind="folder", folder=str(tmp_path)), Step.RETRIEVE)
    assert result.verdict == Verdict.OK
    assert max(asked) == 200
    assert min(asked) > 0
