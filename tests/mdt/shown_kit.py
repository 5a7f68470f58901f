"""A series with its frames on record, and a presenter who shows it."""

from imaging import store
from imaging.frames.metadata import packed
from imaging.models import SeriesVersion, frame_key
from mdt.meetings.models import Meeting
from mdt.outcomes.shown import Showing, keep_shown
from mdt.protocol import Pane, StackView
from tests.factories import InstanceFactory, ReferralStudyFactory, SeriesFactory
from tests.mdt.browsers import STACK
from tests.mdt.mark_kit import AXIAL, FRAME

FRAMES = 9


def series_for(case, version=2, **values):
    """Chosen for the case, with the metadata of one version in the store."""
    series = SeriesFactory(version=version, **values)
    ReferralStudyFactory(referral=case.referral, study=series.study)
    instance = InstanceFactory(series=series, frame_count=FRAMES)
    keys = [frame_key(instance, number + 1) for number in range(FRAMES)]
    content = {
        "geometry": {"kind": "volume", "spacing": 1.0, "notes": []},
        "images": [AXIAL],
        "frames": [{**FRAME, "key": key} for key in keys],
    }
    stored = store.get().put(packed(content))
    SeriesVersion.objects.create(
        series=series, number=version, store_key=stored.key, is_complete=True
    )
    return series


def key_of(series, frame):
    return frame_key(series.instances.get(), frame)


def pane_of(series, id="a", /, **changes):
    values = {"id": id, "kind": "stack", "series": series.public_id, "version": series.version}
    return Pane(**values | changes)


def view_of(**changes):
    return StackView.model_validate(STACK | changes)


def show(case, *panes, case_off=0, term_off=0):
    """Hand over what is shown, as the room does: each a series, or a pane and a view."""
    meeting = Meeting.objects.get(pk=case.meeting_id)
    shown = [one if isinstance(one, tuple) else (pane_of(one), view_of()) for one in panes]
    showing = Showing(meeting.case_seq + case_off, meeting.term + term_off, tuple(shown))
    return keep_shown(meeting_id=meeting.public_id, showing=showing)
