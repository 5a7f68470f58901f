"""Archives over DIMSE that misbehave: each search and pull ends in a named state, in time."""

from time import sleep

import pytest
from pynetdicom import acse, evt

from imaging.archives import base, dimse, dimse_link
from imaging.archives.base import Level, Listed, Wanted
from imaging.models import ArchiveAnswer, Study
from tests.dicoms import OTHER_PATIENT, make_study
from tests.factories import ArchiveFactory
from tests.imaging.hostile import files, runs
from tests.imaging.hostile import link_tricks as tricks
from tests.imaging.hostile.files import three
from tests.imaging.hostile.links import LinkServer, raw_archive
from tests.imaging.hostile.runs import found_by, pulled

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("impatient", "unnamed", "swept"),
    # pynetdicom leaves sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # and its reactor ends with an exception where a peer goes on after an abort
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]
COMPLETE, PARTIAL, FAILED = Study.State.COMPLETE, Study.State.PARTIAL, Study.State.FAILED
HERE = (COMPLETE, "", 3, 3, [])
NAME = "linked"


@pytest.fixture(scope="module")
def links():
    server = LinkServer()
    yield server
    server.close()


def row_of(port, ae_title="RAW"):
    there = {"host": "127.0.0.1", "port": port, "called_ae_title": ae_title}
    return ArchiveFactory(name="hostile", kind="dimse", **there)


def pulled_from(links, **given):
    archive = links.archive(three(NAME), **given)
    return pulled(NAME, row_of(archive.port, archive.ae_title))


def asked(links, sent=(), **given):
    archive = links.archive(sent or three(NAME), **given)
    answer = found_by(row_of(archive.port, archive.ae_title))
    return answer.state, answer.code, answer.studies_found, answer.studies_rejected


def test_beside_all_of_these_a_good_archive_finds_her_study(links):
    assert asked(links) == (ArchiveAnswer.State.ANSWERED, "", 1, 0)


def test_beside_all_of_these_a_good_archive_sends_it(links):
    assert pulled_from(links) == HERE


GETS = [
    ("says_all_is_well", (FAILED, "pull.missing", 0, 3, [])),
    ("sends_but_two", (PARTIAL, "pull.missing", 2, 3, [])),
    ("says_three_and_sends_two", (PARTIAL, "pull.missing", 2, 3, [])),
    ("aborts_half_way", (PARTIAL, "archive.cut_short", 2, 3, [])),
    ("silent_half_way", (PARTIAL, "archive.cut_short", 2, 3, [])),
    ("sends_without_end", (COMPLETE, "", 3, 3, [])),
]


@pytest.mark.parametrize(("trick", "ends"), GETS, ids=[name for name, _ in GETS])
def test_whatever_an_archive_does_instead_of_sending_has_a_name(links, trick, ends):
    assert pulled_from(links, get=getattr(tricks, trick)) == ends


def test_an_archive_that_is_silent_while_it_recalls_a_tape_is_waited_for(links):
    assert runs.IDLE_S < 1.0 < dimse_link.RECALL * runs.IDLE_S
    assert pulled_from(links, get=tricks.recalls_from_tape) == HERE


@pytest.mark.parametrize("level", list(Level))
def test_nothing_is_ever_asked_for_at_patient_level(level):
    """The issuer does not qualify such a request: another trust's patient would come (CP-1649)."""
    listed = [Listed("1.2.1", f"1.2.1.{number}") for number in range(70)]
    asked = dimse.identifiers(Wanted("1.2", level, listed))
    assert asked
    for identifier in asked:
        assert identifier.QueryRetrieveLevel == level != "PATIENT"
        assert identifier.StudyInstanceUID == "1.2"
        assert "PatientID" not in identifier


FILES = [
    ("of_another_study", True, (COMPLETE, "", 3, 3, ["instance.other_study"])),
    ("with_other_pixels", True, (COMPLETE, "pull.other_bytes", 3, 3, ["instance.other_bytes"])),
    ("huge", False, (PARTIAL, "pull.damaged", 2, 3, ["header.too_large"])),
]


@pytest.mark.parametrize(("change", "is_beside", "ends"), FILES)
def test_a_file_that_lies_is_taken_or_set_aside_by_name(links, change, is_beside, ends):
    get = tricks.sends(getattr(files, change), beside=is_beside)
    assert pulled_from(links, get=get) == ends


def test_one_file_of_somebody_else_withholds_the_study(links):
    state, code, _, _, aside = pulled_from(links, get=tricks.sends(files.somebody_elses))
    assert (state, code) == (Study.State.WITHHELD, "identity.differs")
    assert aside == ["instance.other_person"]


def test_answers_that_never_end_though_each_is_in_time_are_left(links, monkeypatch):
    monkeypatch.setattr(base, "LISTING_S", 1.0)
    monkeypatch.setattr(dimse, "MAX_ANSWERS", 10_000)
    said = asked(links, find=tricks.answers_one_by_one)
    assert said == (ArchiveAnswer.State.FAILED, "archive.silent", 0, 0)


FINDS = [
    (tricks.answers_without_end, (FAILED, "archive.too_many")),
    (tricks.falls_silent, (FAILED, "archive.cut_short")),
    (tricks.hangs_up, (FAILED, "archive.cut_short")),
    (tricks.fails_with(0xA700), (FAILED, "archive.failed")),
    (tricks.finds_paths, (FAILED, "archive.not_understood")),
    (tricks.grows_for_ever(), (PARTIAL, "pull.missing")),
]


@pytest.mark.parametrize(("trick", "ends"), FINDS)
def test_whatever_an_archive_does_instead_of_listing_has_a_name(links, trick, ends):
    assert pulled_from(links, find=trick)[:2] == ends


def test_an_archive_that_knows_no_filter_shows_nobody_else(links):
    others = [file for n in range(4) for file in make_study(f"other {n}", **OTHER_PATIENT)]
    state, code, _, rejected = asked(links, [*others, *three(NAME)], find=tricks.knows_no_filter)
    assert (state, code, rejected) == (ArchiveAnswer.State.ANSWERED, "", 4)
    assert Study.objects.count() == 1


@pytest.mark.parametrize(
    ("trick", "code"),
    [(tricks.answers_without_end, "archive.too_many"), (tricks.hangs_up, "archive.cut_short")],
)
def test_whatever_an_archive_does_instead_of_answering_has_a_name(links, trick, code):
    assert asked(links, find=trick) == (ArchiveAnswer.State.FAILED, code, 0, 0)


RAW = [
    (tricks.says_nothing, "archive.unreachable"),
    (tricks.speaks_http, "archive.unreachable"),
    (tricks.rejects, "archive.refused"),
    (tricks.agrees_on_nothing, "archive.not_offered"),
    (tricks.drips_its_acceptance, "archive.unreachable"),
    (tricks.lies_of_its_acceptance, "archive.unreachable"),
    (tricks.answers_4_gb, "archive.cut_short"),
    (tricks.answers_less_than_it_says, "archive.cut_short"),
    (tricks.drips_its_answer, "archive.cut_short"),
    (tricks.fragments_without_end, "archive.cut_short"),
    (tricks.garbage, "archive.not_understood"),
    (tricks.nonsense_for_ever, "archive.unreachable"),
    (tricks.items_without_end, "archive.unreachable"),
]


@pytest.mark.parametrize(("trick", "code"), RAW, ids=[trick.__name__ for trick, _ in RAW])
def test_whatever_is_said_that_is_hardly_dimse_has_a_name(trick, code):
    with raw_archive(trick) as port:
        assert pulled(NAME, row_of(port))[:2] == (FAILED, code)


def test_a_refusal_is_a_refusal_though_pynetdicom_had_no_turn_before_the_archive_hung_up(
    monkeypatch,
):
    """A busy machine: the answer is here, the connection gone, and nobody looked in between."""
    trigger = acse.evt.trigger

    def slowly(association, event, *about):
        if event is evt.EVT_REQUESTED:
            sleep(0.3)
        return trigger(association, event, *about)

    monkeypatch.setattr(acse.evt, "trigger", slowly)
    with raw_archive(tricks.rejects) as port:
        assert pulled(NAME, row_of(port))[:2] == (FAILED, "archive.refused")
