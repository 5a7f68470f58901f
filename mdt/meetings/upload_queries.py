"""Questions about uploads of a case. Read only."""

from dataclasses import dataclass

from django.http import Http404

from imaging.models import ArchiveAnswer, Upload
from mdt.access import WhyWithheld
from mdt.meetings.access_queries import case_or_404, sharing_of
from mdt.meetings.models import ListedCase
from mdt.members import Person
from mdt.teams.models import Trust
from mdt.teams.queries import trusts_by_code


@dataclass(frozen=True)
class ShownUpload:
    """One upload as the page says it: by whom, from where, what came of it.

    Where its trust is `withheld` by now, what came of it is not said.
    """

    upload: Upload
    trust: str
    by: str
    answer: ArchiveAnswer | None
    withheld: WhyWithheld | None

    @property
    def is_under_way(self) -> bool:
        """Whether more is about to be known of it."""
        is_waiting = self.upload.state in (Upload.State.RECEIVING, Upload.State.WAITING)
        is_taken = self.upload.state == Upload.State.TAKEN
        return self.withheld is None and (is_waiting or (is_taken and self.is_searched))

    @property
    def is_searched(self) -> bool:
        return self.answer is not None and self.answer.state == ArchiveAnswer.State.WAITING


def uploads_of(case: ListedCase) -> list[ShownUpload]:
    """What was brought for a case's referral, newest first."""
    search = case.referral.search
    if search is None:
        return []
    uploads = list(search.uploads.select_related("archive"))
    answers = {answer.archive_id: answer for answer in search.answers.all()}
    people = Person.objects.filter(public_id__in={one.by for one in uploads})
    names = {person.public_id: person.shown_name for person in people}
    trusts, sharing = trusts_by_code(), sharing_of(case)
    return [
        ShownUpload(
            upload=one,
            trust=str(trusts.get(one.archive.trust_ods_code, one.archive.trust_ods_code)),
            by=names.get(one.by, ""),
            answer=answers.get(one.archive_id),
            withheld=sharing.why_trust_is_withheld(one.archive.trust_ods_code),
        )
        for one in uploads
    ]


def trusts_to_bring_from(case: ListedCase) -> list[Trust]:
    """Whose CDs may be brought for a case: those whose studies it may show."""
    sharing = sharing_of(case)
    return [trust for code, trust in trusts_by_code().items() if sharing.may_ask(code)]


def trust_or_404(ods_code: str) -> Trust:
    """A trust by the code that a form names."""
    trust = trusts_by_code().get(ods_code)
    if trust is None:
        raise Http404
    return trust


def own_upload_or_404(person: Person, case_id: str, upload_id: str) -> tuple[ListedCase, Upload]:
    """An upload that this person began, for a case they may see."""
    case = case_or_404(person, case_id)
    search = case.referral.search
    mine = search.uploads.filter(by=person.public_id) if search else Upload.objects.none()
    upload = mine.select_related("archive", "search").filter(public_id=upload_id).first()
    if upload is None:
        raise Http404
    return case, upload
