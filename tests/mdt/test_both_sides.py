"""A study of both sides stays a study of both, whichever side comes first (hazard H2)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from imaging import plan, work
from imaging.archives import registry
from imaging.models import Job, Study
from mdt.meetings import changes, services
from mdt.meetings.queries import row_of
from mdt.referrals.services import refer
from tests.dicoms import make_instance, study_uid
from tests.factories import PatientFactory, PatientNumberFactory, StudyFactory
from tests.imaging.fakes import FakeArchive

pytestmark = pytest.mark.django_db
State = Study.State
KHAN, NAME = "9990000018", "both sides"
KNEES = {"Modality": "DX", "BodyPartExamined": "KNEE", "StudyDescription": "XR knees"}


@pytest.fixture
def case(meeting, coordinator, archive):
    """Of a right knee, with the study found for it: of knees, of no side that is stated."""
    patient = PatientFactory()
    PatientNumberFactory(patient=patient, value=KHAN)
    referral = refer(patient=patient, question="Knee", laterality="right", by=coordinator)
    case = services.list_case(meeting=meeting, referral=referral, by=coordinator)
    Job.objects.all().delete()
    return case


def found(case, archive, **fields):
    of_knees = {"body_part": "KNEE", "modalities": "DX", "description": "XR knees"}
    study = StudyFactory(
        archive=archive,
        search=case.referral.search,
        study_instance_uid=study_uid(NAME),
        study_date=timezone.localdate() - timedelta(days=9),
        **of_knees | fields,
    )
    changes.study_changed(study)
    study.refresh_from_db()
    return study


def image(series, number, side):
    return make_instance(NAME, series, number, nhs_number=KHAN, ImageLaterality=side, **KNEES)


def pull(monkeypatch, *files):
    fake = FakeArchive(files)
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    work.run_next((Job.Kind.PULL,))


def chosen(case):
    return [one.study for one in row_of(case).chosen]


@pytest.mark.parametrize("sides", ["LR", "LLLR", "RL", "BL", "LB"])
@pytest.mark.parametrize("in_one_series", [True, False])
def test_a_study_of_both_sides_stays_in_the_case_whichever_comes_first(
    case, archive, monkeypatch, sides, in_one_series
):
    study = found(case, archive)
    assert chosen(case) == [study]
    places = [(1, n) if in_one_series else (n, 1) for n in range(1, len(sides) + 1)]
    pull(monkeypatch, *(image(*place, side) for place, side in zip(places, sides, strict=True)))
    study.refresh_from_db()
    assert (study.state, study.laterality) == (State.COMPLETE, "B")
    assert chosen(case) == [study]
    assert row_of(case).warnings == []


def test_it_stays_while_only_one_side_of_it_has_come(case, archive, monkeypatch):
    study = found(case, archive)
    fake = FakeArchive([image(1, 1, "L"), image(2, 1, "R")])
    fake.add(None, instead_of=image(2, 1, "R"))
    monkeypatch.setattr(registry, "connect", lambda _: fake)
    work.run_next((Job.Kind.PULL,))
    study.refresh_from_db()
    assert (study.state, study.laterality) == (State.PARTIAL, "")
    assert chosen(case) == [study]


def test_another_side_that_comes_later_takes_back_what_was_said_of_one(case, archive, monkeypatch):
    study = found(case, archive, laterality="R")
    pull(monkeypatch, image(1, 1, "R"))
    study.refresh_from_db()
    assert (study.state, study.laterality) == (State.COMPLETE, "R")
    plan.want_study(study, look_again=True)
    pull(monkeypatch, image(1, 1, "R"), image(1, 2, "L"))
    study.refresh_from_db()
    assert (study.state, study.laterality) == (State.COMPLETE, "B")


def test_a_study_of_the_other_side_alone_is_left_out_once_that_is_known(case, archive, monkeypatch):
    study = found(case, archive)
    pull(monkeypatch, image(1, 1, "L"), image(2, 1, "L"))
    study.refresh_from_db()
    assert (study.state, study.laterality) == (State.COMPLETE, "L")
    assert chosen(case) == []


def test_a_description_of_both_is_believed_before_a_code_of_one(case, archive):
    study = found(case, archive, description="XR knees bilateral", laterality="L")
    assert chosen(case) == [study]
