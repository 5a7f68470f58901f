"""A study of a slide and a video, from the archive to the list and away, as any other."""

import pytest
from pydicom.dataset import Dataset

from imaging.frames.failing import series_not_made
from imaging.models import Frame, Instance, Job, Study
from mdt.meetings.queries import row_of
from tests.dicoms import KHAN, study_uid, uid
from tests.imaging import retained
from tests.imaging.retained import NAME, ask, document, fetch, is_gone, listed, tonight
from tests.imaging.test_received import STREAM, slide, tiles, video

pytestmark = pytest.mark.django_db
_own, fake, study, pulled = retained._own, retained.fake, retained.study, retained.pulled


def of_the_study(number):
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = "9990000018", "NHS", "TEXT"
    return KHAN | {
        "PatientID": "A100",
        "OtherPatientIDsSequence": [other],
        "StudyInstanceUID": study_uid(NAME),
        "SeriesInstanceUID": uid("series", NAME, number),
        "SOPInstanceUID": uid(NAME, number),
    }


@pytest.fixture
def files():
    return [slide(tiles(), **of_the_study(1)), video(**of_the_study(2))]


def test_it_is_complete_and_its_light_is_green(study):
    assert (study.state, study.code, study.stored_count) == (Study.State.COMPLETE, "", 2)
    assert sorted(Instance.objects.values_list("frame_count", flat=True)) == [1, 4]
    assert set(Frame.objects.values_list("code", flat=True)) == {""}
    assert not series_not_made([study])
    assert set(Job.objects.values_list("state", flat=True)) == {Job.State.DONE}
    case = listed(study, days_ago=-1, state="planned")
    assert row_of(case).light.colour == "green"


def test_it_goes_after_its_meeting_and_comes_back_as_it_was(study, client):
    before = {one.pk: document(one) for one in study.series.all()}
    listed(study, days_ago=15)
    tonight()
    assert is_gone(study)
    for series in study.series.all():
        number = before[series.pk]["frames"][0]["segment"]
        assert ask(client, "series-segment", series, number=number) == (404, "study.evicted")
    fetch(study)
    for series in study.series.all():
        now = document(series)
        assert now["version"] > before[series.pk]["version"]
        assert [one["encoding"] for one in now["images"]] == ["as-received"]
        old, new = (
            [(one["key"], one["length"], one["code"]) for one in told["frames"]]
            for told in (before[series.pk], now)
        )
        assert old == new
    assert len(STREAM) + 1 in {
        f["length"] for s in study.series.all() for f in document(s)["frames"]
    }
