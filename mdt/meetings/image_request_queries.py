"""Requests for images as people read them: how each stands, whom to ask, in which words.

The wording holds what an imaging team needs to find the patient and nothing more: their own
number, the NHS number and the birth date; no name unless there is no number, no question.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone

from imaging.claims import source_of
from imaging.models import ArchiveAnswer, Study
from mdt.meetings.access_queries import Sharing, sharing_of
from mdt.meetings.models import ImageRequest, ImageRequestStep, ListedCase
from mdt.members import Person
from mdt.referrals.models import Patient, ReferralStudy
from mdt.teams.models import Trust
from mdt.teams.queries import trusts_by_code

State = ImageRequest.State
UNANSWERED = {
    ArchiveAnswer.State.FAILED: "Its archive does not answer.",
    ArchiveAnswer.State.NOT_ASKED: "Its archive was not asked.",
}
SHORT = (Study.State.FAILED, Study.State.PARTIAL)


@dataclass(frozen=True)
class RequestLine:
    """One request on the list: 'Stockport: asked 3 days ago, meeting tomorrow'."""

    text: str
    is_due: bool


@dataclass(frozen=True)
class Place:
    """One trust on the page: why its images are missing, whom to ask, and how that stands."""

    trust: Trust
    wording: str
    why: tuple[str, ...] = ()
    request: ImageRequest | None = None
    steps: Sequence[ImageRequestStep] = ()
    next_states: frozenset[str] = frozenset({State.ASKED})

    @property
    def ask_again(self) -> bool:
        return self.request is not None and State.ASKED in self.next_states


@dataclass(frozen=True)
class Places:
    """The trusts worth asking, then the others by name; and those nobody may ask.

    `waiting` is how many archives have yet to say what they hold.
    """

    places: list[Place]
    waiting: int = 0
    others: list[Trust] = field(default_factory=list)
    withheld: list[Trust] = field(default_factory=list)


def request_lines(
    case: ListedCase, trusts: Mapping[str, Trust], now: datetime
) -> list[RequestLine]:
    """What the list says of a case's requests; those to be chased first.

    Reads `referral.image_requests.steps`: prefetch them for lists.
    """
    lines = [
        _line(one, case, _short_name(one.trust_ods_code, trusts), now)
        for one in case.referral.image_requests.all()
    ]
    return sorted(lines, key=lambda line: not line.is_due)


def cut_off_of(case: ListedCase) -> timedelta:
    """How long before a meeting the team wants images to be here."""
    return timedelta(hours=case.meeting.team.images_cut_off_hours)


def places_to_ask(case: ListedCase, by: Person, *, also: str = "") -> Places:
    """Trusts whose images are missing or were asked for, and the one (`also`) somebody chose."""
    trusts, sharing = trusts_by_code(), sharing_of(case)
    requests = {one.trust_ods_code: one for one in _requests(case)}
    whys = _whys(case, sharing)
    wanted = [code for code in (also, *requests, *whys) if code in trusts]
    may_ask = {code: trust for code, trust in trusts.items() if sharing.may_ask(code)}
    codes = [code for code in dict.fromkeys(wanted) if code in may_ask]
    places = [_place(may_ask[c], case, by, requests.get(c), whys.get(c, ())) for c in codes]
    return Places(
        places=places,
        waiting=sum(map(_is_waiting, _answers(case))),
        others=[trust for code, trust in may_ask.items() if code not in codes],
        withheld=[trust for code, trust in trusts.items() if code in sharing.objected],
    )


def _requests(case: ListedCase) -> Iterable[ImageRequest]:
    return case.referral.image_requests.prefetch_related("steps__by")


def _place(
    trust: Trust,
    case: ListedCase,
    by: Person,
    request: ImageRequest | None,
    why: Sequence[str],
) -> Place:
    words = wording(case, trust, by)
    if request is None:
        return Place(trust, words, tuple(why))
    may_follow = frozenset(map(str, ImageRequest.TRANSITIONS[State(request.state)]))
    return Place(trust, words, tuple(why), request, list(request.steps.all()), may_follow)


def _whys(case: ListedCase, sharing: Sharing) -> dict[str, tuple[str, ...]]:
    """Why each trust's images are not all here, by its ODS code; nothing of one that may not."""
    said: dict[str, list[str]] = {}
    found = case.referral.found_studies.select_related("study__archive")
    of_studies = [(one.study.trust_ods_code, _lacks(one, sharing)) for one in found]
    for code, text in (*_unanswered(case), *of_studies):
        if text and text not in said.setdefault(code, []):
            said[code].append(text)
    return {code: tuple(texts) for code, texts in said.items() if texts}


def _unanswered(case: ListedCase) -> Iterator[tuple[str, str]]:
    """Trusts this team asks whose archives have not said anything."""
    answers = _answers(case)
    for answer in answers:
        is_resting = _is_waiting(answer) and answer.archive.failing_since is not None
        state = ArchiveAnswer.State.FAILED if is_resting else ArchiveAnswer.State(answer.state)
        yield answer.archive.trust_ods_code, UNANSWERED.get(state, "")
    asked = {trust for answer in answers for trust in source_of(answer.archive).trusts}
    for code in case.meeting.team.asked_of.values_list("ods_code", flat=True):
        if code not in asked:
            yield code, "No archive of it was asked."


def _answers(case: ListedCase) -> list[ArchiveAnswer]:
    """Of archives, not of uploads: those hold what was brought and nothing else."""
    search = case.referral.search
    answers = search.answers.select_related("archive") if search else ArchiveAnswer.objects.none()
    return list(answers.filter(archive__takes_uploads=False))


def _is_waiting(answer: ArchiveAnswer) -> bool:
    return answer.state == ArchiveAnswer.State.WAITING


def _lacks(found: ReferralStudy, sharing: Sharing) -> str:
    """What a found study lacks; nothing when it is here, or is not shown."""
    why_withheld = sharing.why_withheld(found)
    if why_withheld == "identity":
        return "Whose a study is must be settled there."
    is_short = found.is_chosen and found.study.state in SHORT
    return f"{_study(found.study)}: {_how_much(found.study)}." if is_short else ""


def wording(case: ListedCase, trust: Trust, by: Person) -> str:
    """What to write to a trust's imaging team. Copied as it is; it stands in no address."""
    meeting = case.meeting
    site, starts_at = meeting.team.site, timezone.localtime(meeting.starts_at)
    needed_by = timezone.localtime(meeting.starts_at - cut_off_of(case))
    is_late = needed_by <= timezone.now()
    lines = [
        f"To the imaging team of {trust.name}",
        "",
        "Please send images for a multidisciplinary team meeting.",
        "",
        f"Patient: {_who(case.referral.patient, trust)}",
        f"Images: {_what(case, trust)}",
        f"Needed by: {'as soon as possible' if is_late else _when(needed_by)}",
        f"Meeting: {meeting.team.name}, {site.name} ({site.ods_code}), {_when(starts_at)}",
        f"Send to: {site.trust.name}, by DICOM transfer or image exchange; or as a CD or zip of "
        "the DICOM files to me",
        f"Asked by: {by.shown_name}{f', {by.email}' if by.email else ''}",
    ]
    return "\n".join(lines)


def _who(patient: Patient, trust: Trust) -> str:
    """Enough to find one person by, and no more."""
    own, nhs = patient.local_numbers.get(trust.ods_code, ""), patient.shown_nhs_number
    known = [f"your number {own}" if own else "", f"NHS number {nhs}" if nhs else ""]
    numbers = [one for one in known if one] or [patient.shown_name]
    return ", ".join([*numbers, f"born {patient.birth_date:%-d %b %Y}"])


def _what(case: ListedCase, trust: Trust) -> str:
    found = case.referral.found_studies.select_related("study__archive").filter(is_chosen=True)
    missing = [
        f"{_study(one.study)} ({_how_much(one.study)})"
        for one in found
        if one.study.trust_ods_code == trust.ods_code and one.study.state in SHORT
    ]
    years = case.meeting.team.prior_years
    return "; ".join(missing) or f"all studies of the last {years} years, and their reports"


def _study(study: Study) -> str:
    day = f"{study.study_date:%-d %b %Y}" if study.study_date else "no date"
    return f"{study.modalities.replace(',', ' and ') or 'study'} of {day}"


def _how_much(study: Study) -> str:
    if not study.stored_count:
        return "nothing of it has come"
    of = f" of {study.expected_count:,}" if study.expected_count else ""
    return f"{study.stored_count:,}{of} images have come"


def _line(request: ImageRequest, case: ListedCase, trust: str, now: datetime) -> RequestLine:
    starts_at = case.meeting.starts_at
    last = max(request.steps.all(), key=lambda one: (one.at, one.pk))
    today = timezone.localdate(now)
    is_due = (
        request.is_open
        and now >= starts_at - cut_off_of(case)
        and (last.promised_for is None or last.promised_for < today)
    )
    until = f", meeting {_in_days(timezone.localdate(starts_at), today)}" if is_due else ""
    return RequestLine(f"{trust}: {_stands(request, last, today)}{until}", is_due)


def _stands(request: ImageRequest, last: ImageRequestStep, today: date) -> str:
    ago = _ago(timezone.localdate(last.at), today)
    said = {
        State.PROMISED: f"images promised by {last.promised_for:%a %-d %b}"
        if last.promised_for
        else "",
        State.ARRIVED: f"images arrived {ago}",
        State.NOT_COMING: f"images are not coming: {last.reason}",
    }
    return said.get(State(request.state), f"{State(request.state).label} for images {ago}")


def _short_name(ods_code: str, trusts: Mapping[str, Trust]) -> str:
    return trusts[ods_code].short_name if ods_code in trusts else ods_code


def _when(at: datetime) -> str:
    return f"{at:%a %-d %b %Y, %H:%M}"


def _ago(day: date, today: date) -> str:
    days = (today - day).days
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def _in_days(day: date, today: date) -> str:
    days = (day - today).days
    words = {0: "today", 1: "tomorrow", -1: "yesterday"}
    return words.get(days, f"in {days} days" if days > 0 else f"{-days} days ago")
