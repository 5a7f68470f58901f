"""Asking people of a trust for images: each step with who and when. Writes only.

That images came is noted by mdt/meetings/image_arrivals.py, without anybody's hand.
"""

from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from mdt import protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import NoPromiseYet, NoReason, StudyNotOffered, WrongState
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.models import ImageRequest, ImageRequestStep, ListedCase, Meeting
from mdt.meetings.services import check_may_change_list
from mdt.members import Person
from mdt.room_log import log
from mdt.teams.models import Trust

State = ImageRequest.State
BEGIN_AGAIN = frozenset({State.NOT_COMING, State.ARRIVED})


@transaction.atomic
def step(
    *,
    case: ListedCase,
    trust: Trust,
    to: ImageRequest.State,
    by: Person,
    event_id: UUID,
    promised_for: date | None = None,
    reason: str = "",
) -> None:
    """Write down how a request for images stands now. Sent twice, the second changes nothing.

    `promised_for` goes with a promise, `reason` with images that are not coming; neither is kept
    of another step.

    Raises
    ------
    NotAllowed, WrongState
        As for the list; and WrongState where no such step follows.
    StudyNotOffered
        The trust's studies may not be shown in this case, so nobody asks for them.
    NoPromiseYet, NoReason
        A promise without a day to come, or an end without a reason.
    """
    held = _held(case, trust, to)
    meeting = _held_meeting(case)
    if log.find(meeting, event_id, protocol.CaseRefreshed):
        return
    check_may_change_list(meeting=meeting, by=by)
    if sharing_of(case).why_trust_is_withheld(trust.ods_code):
        raise StudyNotOffered("This trust's studies are withheld: nobody may ask for them.")
    request = _moved(held, to)
    ImageRequestStep.objects.create(
        request=request,
        state=to,
        by=by,
        promised_for=_day_of(to, promised_for),
        reason=_reason_of(to, reason),
    )
    about = {"trust": trust.ods_code, "state": to, "request": request.public_id}
    record(AuditEvent.Action.IMAGES_ASKED, by=by, target=case, **about)
    _tell(case, meeting, event_id)


def _held(case: ListedCase, trust: Trust, to: ImageRequest.State) -> ImageRequest | None:
    """The request, locked before any meeting, as by images that arrive; made where it is asked.

    The referral may be in two meetings: of two who ask at once, one finds that the other has.
    """
    about = {"referral": case.referral, "trust_ods_code": trust.ods_code}
    requests = ImageRequest.objects.select_for_update()
    request = requests.filter(**about).first()
    if request is None and to == State.ASKED:
        asked_now = {"asked_at": timezone.now()}
        request, _ = requests.get_or_create(**about, defaults=asked_now)
    return request


def _held_meeting(case: ListedCase) -> Meeting:
    """The case's meeting, locked with every other that is told, in their order of lock."""
    told = Meeting.objects.filter(cases__referral=case.referral)
    held = list(told.select_for_update(of=("self",)).order_by("pk"))
    return next(meeting for meeting in held if meeting.pk == case.meeting_id)


def _moved(request: ImageRequest | None, to: ImageRequest.State) -> ImageRequest:
    """The request in its new state."""
    if request is None:
        raise WrongState("Nobody has asked this trust yet.")
    before = State(request.state)
    if before == to == State.ASKED and not request.steps.exists():
        return request  # made for this step
    if to not in ImageRequest.TRANSITIONS[before]:
        raise WrongState(f"This request is {before.label}: it cannot be {to.label} after that.")
    if before in BEGIN_AGAIN and to == State.ASKED:
        request.asked_at = timezone.now()
    request.state = to
    request.save(update_fields=["state", "asked_at"])
    return request


def _day_of(to: ImageRequest.State, promised_for: date | None) -> date | None:
    if to != State.PROMISED:
        return None
    if promised_for is None or promised_for < timezone.localdate():
        raise NoPromiseYet("Type the day by which the images are promised, today or later.")
    return promised_for


def _reason_of(to: ImageRequest.State, reason: str) -> str:
    if to != State.NOT_COMING:
        return ""
    if not reason.strip():
        raise NoReason("Type why the images are not coming.")
    return reason.strip()


def _tell(case: ListedCase, meeting: Meeting, event_id: UUID) -> None:
    """Every list that has this referral; this one keeps the sender's id."""
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id), event_id)
    others = case.referral.listings.exclude(pk=case.pk)
    for other in others.exclude(meeting__state=Meeting.State.CLOSED).select_related("meeting"):
        log.append(other.meeting, protocol.CaseRefreshed(case_id=other.public_id))
