"""The row of a study that a search found: new, brought up to date, taken off, given back."""

from django.utils import timezone

from imaging import doors, queue
from imaging.archives.base import FoundStudy
from imaging.claims import ISSUER_NOT_KNOWN, source_of, with_more
from imaging.identity_numbers import trust_stated
from imaging.models import ArchiveAnswer, Search, Study
from imaging.pull.doubt import AT_SOURCE, doubt, give_back, withhold
from imaging.pull.sifting import Sifted

AT_REST = (Study.State.FOUND, Study.State.COMPLETE, Study.State.WITHHELD)


def keep(answer: ArchiveAnswer, sifted: Sifted) -> Study | None:
    """The study's row, new or brought up to date; None when there is no more to tell.

    It serves every search that found it: a person is sought anew for each meeting. What was
    fetched is not described anew: its own headers have said more since.
    """
    study = _row(answer, sifted)
    if study.pk and study.verdict == Study.Verdict.SAME and sifted.finding.verdict != "same":
        _take_off(study, answer.search, sifted)
        return None
    if study.state == Study.State.WITHHELD:
        _look_again(study, answer.search, sifted)
        return None
    if sifted.finding.verdict == "different":
        _doubt_no_more(study, answer.search, sifted)
        return None
    is_sure_now = study.verdict != Study.Verdict.SAME and sifted.finding.verdict == "same"
    study.search = answer.search
    if study.state == Study.State.FOUND:
        _describe(study, sifted)
    _count(study, sifted.found)
    _say(study, sifted)
    study.save()
    _link(study, answer.search, alone=is_sure_now)
    queue.bring_forward(study, answer.search, timezone.now())
    return study


def _row(answer: ArchiveAnswer, sifted: Sifted) -> Study:
    uid = sifted.found.study_instance_uid
    rows = Study.objects.filter(archive=answer.archive, study_instance_uid=uid)
    held = rows.select_related("archive").select_for_update(of=("self",)).first()
    return held or Study(archive=answer.archive, study_instance_uid=uid)


def miss(answer: ArchiveAnswer, study_instance_uid: str) -> Study | None:
    """Say of a study that its archive does not list it any more. Nothing that was shown is removed;
    what waits for its imaging team waits no longer. None: that is said already, or it is being
    fetched, which will find out.
    """
    rows = answer.search.studies.filter(archive=answer.archive, state__in=AT_REST)
    rows = rows.filter(study_instance_uid=study_instance_uid).exclude(code=Study.GONE)
    study = rows.select_for_update(of=("self",)).first()
    if study is not None:
        study.code, study.message = Study.GONE, Study.SAID[Study.GONE]
        study.save(update_fields=["code", "message"])
    return study


def _take_off(study: Study, search: Search, sifted: Sifted) -> None:
    """Corrected at source: it was believed to be of the person sought, and is not any more.

    A search for somebody else takes nothing away.
    """
    if study.state != Study.State.WITHHELD and study.searches.filter(pk=search.pk).exists():
        is_unknown = ISSUER_NOT_KNOWN in sifted.finding.evidence
        message = Study.SAID[Study.ISSUER_NOT_KNOWN] if is_unknown else AT_SOURCE
        withhold(study, sifted.finding, sifted.claims, message)


def _doubt_no_more(study: Study, search: Search, sifted: Sifted) -> None:
    """It waited for its imaging team, and turns out to be another person's: nobody is offered it.

    Those who looked at it are told before.
    """
    if study.searches.filter(pk=search.pk).exists():
        withhold(study, sifted.finding, sifted.claims, AT_SOURCE)
        study.searches.clear()
        doors.on_change(study)


def _look_again(study: Study, search: Search, sifted: Sifted) -> None:
    """What was withheld comes back only where its headers, read anew, are surely the person's."""
    if not _is_by_header(sifted):
        return
    if sifted.finding.verdict == "different":
        if study.searches.filter(pk=search.pk).exists():
            doubt(study, sifted.finding, sifted.claims)
        return
    study.search = search
    study.save(update_fields=["search"])
    if sifted.finding.verdict == "same":
        _link(study, search, alone=study.verdict != Study.Verdict.SAME)
        give_back(study, sifted.finding, sifted.claims)
    else:
        _link(study, search, alone=False)
        doubt(study, sifted.finding, sifted.claims)


def _link(study: Study, search: Search, *, alone: bool) -> None:
    """Let a study serve a search; `alone`: it was certain to none of the others."""
    if alone:
        study.searches.clear()  # perhaps they sought another
    study.searches.add(search)


def _is_by_header(sifted: Sifted) -> bool:
    return all(claim.sop_instance_uid for claim in sifted.claims)


def _describe(study: Study, sifted: Sifted) -> None:
    found, finding = sifted.found, sifted.finding
    is_new_doubt = study.doubted_at is None and finding.verdict == "needs-a-person"
    if is_new_doubt or finding.verdict != "needs-a-person":
        study.doubted_at = timezone.now() if is_new_doubt else None
    study.verdict, study.evidence = Study.Verdict(finding.verdict), finding.evidence
    study.claims = with_more(study.claims if _is_here(study) else [], sifted.claims)
    if sifted.claims:
        stated = trust_stated(sifted.claims[0], source_of(study.archive))
        study.trust_ods_code = stated or study.trust_ods_code  # a header may have said it once
    study.study_date, study.study_time = found.study_date, found.study_time
    study.description = found.description
    study.modalities = ",".join(found.modalities)
    study.body_part = found.body_part
    study.laterality = found.laterality[:1]
    study.accession_number = found.accession_number[:64]
    study.expected_count = found.instance_count


def _count(study: Study, found: FoundStudy) -> None:
    """What the archive states, and of a study that is here in whole, that there is more by now."""
    if found.instance_count is None:
        return
    study.stated_count = None if found.is_counted_here else found.instance_count
    if study.state == Study.State.COMPLETE:
        study.expected_count = max(study.stored_count, found.instance_count)


def _say(study: Study, sifted: Sifted) -> None:
    """What an answer says of it. Other codes say how fetching it went, and stay."""
    if study.code in ("", *Study.SAID):
        code = _code_of(sifted) if study.state == Study.State.FOUND else ""
        study.code, study.message = code, Study.SAID.get(code, "")


def _code_of(sifted: Sifted) -> str:
    if ISSUER_NOT_KNOWN in sifted.finding.evidence:
        return Study.ISSUER_NOT_KNOWN
    return "" if sifted.is_described else Study.NOT_DESCRIBED


def _is_here(study: Study) -> bool:
    """Whether some of it was fetched: then its own headers go on counting."""
    return bool(study.pk and study.stored_count)
