"""Images from a CD, a USB stick or a zip, brought for one case. Writes only.

Who may and for which case is decided here; what comes is taken, and looked through, by imaging.
"""

from django.db import transaction

from imaging import plan
from imaging.models import Search, Upload
from imaging.uploads import places, receive
from imaging.uploads.refusals import UploadRefused
from mdt import protocol
from mdt.audit.models import AuditEvent
from mdt.audit.services import record
from mdt.errors import StudyNotOffered, UploadNotTaken, WrongState
from mdt.meetings.access_queries import sharing_of
from mdt.meetings.checks import lock
from mdt.meetings.models import ListedCase
from mdt.meetings.services import check_may_change_list
from mdt.members import Person
from mdt.referrals.queries import sought_of
from mdt.room_log import log
from mdt.teams.models import Trust

MAY_GO_ON = "upload.cut_off"  # the part is sent again


@transaction.atomic
def begin_upload(*, case: ListedCase, trust: Trust, by: Person) -> Upload:
    """Make ready for the files of one trust.

    Raises NotAllowed and WrongState as for the list, StudyNotOffered where the trust's studies
    may not be shown in this case.
    """
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    if sharing_of(case).why_trust_is_withheld(trust.ods_code):
        raise StudyNotOffered("This trust's studies are withheld from this case: keep its CD.")
    search = _search_of(case)
    return receive.begin(search=search, trust_ods_code=trust.ods_code, by=by.public_id)


def take_part(*, upload: Upload, number: int, at: int, stream: receive.Bytes, size: int) -> int:
    """Keep a part of a file; how long the file is now. Whoever began the upload sends it.

    Raises UploadNotTaken; unless the part may be sent again, nothing of the upload is left.
    """
    if upload.state != Upload.State.RECEIVING:
        raise WrongState("This upload has ended. Begin another.")
    try:
        return receive.take_part(upload, number=number, at=at, stream=stream, size=size)
    except UploadRefused as no:
        if no.code != MAY_GO_ON:
            receive.refuse(upload, no)
            places.remove(upload)
        raise UploadNotTaken(no.code, no.message) from no


def finish_upload(*, case: ListedCase, upload: Upload, files: int, size: int, by: Person) -> None:
    """Everything has come, so many files of so many bytes: let it be looked through.

    Raises UploadNotTaken when something is missing; nothing is left then.
    """
    if upload.state in (Upload.State.WAITING, Upload.State.TAKEN):
        return  # said before
    if upload.state == Upload.State.REFUSED:
        raise UploadNotTaken(upload.code, upload.message)
    try:
        receive.check_whole(upload, files=files, size=size)
    except UploadRefused as no:
        receive.refuse(upload, no)
        places.remove(upload)
        raise UploadNotTaken(no.code, no.message) from no
    _hand_over(case, upload, by)


@transaction.atomic
def _hand_over(case: ListedCase, upload: Upload, by: Person) -> None:
    meeting = lock(case.meeting_id)
    check_may_change_list(meeting=meeting, by=by)
    upload.refresh_from_db()
    if upload.state != Upload.State.RECEIVING:
        return
    plan.unpack(upload)
    about = {"upload": upload.public_id, "trust": upload.archive.trust_ods_code}
    record(AuditEvent.Action.IMAGES_UPLOADED, by=by, target=case, **about)
    log.append(meeting, protocol.CaseRefreshed(case_id=case.public_id))


def _search_of(case: ListedCase) -> Search:
    """The search of the case's referral; one that asks nobody where there was nobody to ask."""
    referral = case.referral
    referral.refresh_from_db(fields=["search"])  # another upload may have begun it meanwhile
    if referral.search is None:
        referral.search = plan.search_archives(
            sought=sought_of(referral.patient),
            archives=(),
            meeting_at=case.meeting.starts_at,
            list_position=case.position,
        )
        referral.save(update_fields=["search"])
    return referral.search
