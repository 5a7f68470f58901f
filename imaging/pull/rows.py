"""Rows made of what came: instances, what a study's own headers say of it, work for frames."""

from datetime import date, time

from django.utils import timezone

from imaging.frames.header import Header
from imaging.models import Instance, Job, Series, Study
from imaging.sides import in_one
from imaging.store.base import Stored


def want_frames_of(series: Series, pull: Job) -> None:
    """A FRAMES job as urgent as the pull, due now; one that was done makes what came since."""
    now = timezone.now()
    job, is_new = Job.objects.get_or_create(
        series=series,
        defaults={
            "kind": Job.Kind.FRAMES,
            "due_at": now,
            "meeting_at": pull.meeting_at,
            "list_position": pull.list_position,
        },
    )
    if not is_new:
        row = Job.objects.filter(pk=job.pk)
        row.filter(state=Job.State.WAITING, due_at__gt=now).update(due_at=now)
        ended = row.filter(state__in=(Job.State.DONE, Job.State.FAILED))
        ended.update(state=Job.State.WAITING, due_at=now, attempts=0)


def hurry_frames_of(study: Study) -> None:
    """Once nothing more arrives, and that is committed: who makes its frames may have put them off
    for what was to come, in the very instant in which the pull ended.
    """
    now = timezone.now()
    of_study = Job.objects.filter(kind=Job.Kind.FRAMES, series__study=study).values("pk")
    put_off = Job.objects.filter(state=Job.State.WAITING, due_at__gt=now, pk__in=of_study)
    put_off.update(due_at=now)


def series_row(study: Study, header: Header) -> Series:
    return Series.objects.create(
        study=study,
        series_instance_uid=header.series_instance_uid,
        modality=header.modality,
        number=header.series_number,
        description=header.series_description,
        body_part=header.body_part,
        laterality=header.laterality,
    )


def note_side(study: Study, series: Series, side: str) -> None:
    """The side an image is of, as a code: a series, and its study, may turn out to be of both.

    A study becomes one of a single side only once all of it has come: see `settle_side`.
    """
    if (of_series := in_one((series.laterality, side))) != series.laterality:
        series.laterality = of_series
        Series.objects.filter(pk=series.pk).update(laterality=of_series)
    if study.laterality and (of_study := in_one((study.laterality, side))) != study.laterality:
        study.laterality = of_study
        Study.objects.filter(pk=study.pk).update(laterality=of_study)


def settle_side(study: Study) -> None:
    """Of a study that is here in whole: the sides its images are of."""
    sides = study.series.values_list("laterality", flat=True)
    if side := in_one((study.laterality, *sides)):
        Study.objects.filter(pk=study.pk).update(laterality=side)


def instance_row(series: Series, header: Header, stored: Stored) -> Instance:
    """Not saved yet."""
    return Instance(
        series=series,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number,
        frame_count=header.number_of_frames,
        store_key=stored.key,
        sha256=stored.sha256,
        size=stored.size,
    )


def complete_study(study: Study, header: Header) -> None:
    """What the archive left out at study level, from the first header of each series."""
    said = {
        "study_date": date.fromisoformat(header.study_date) if header.study_date else None,
        "study_time": time.fromisoformat(header.study_time) if header.study_time else None,
        "description": header.study_description,
        "body_part": header.body_part,
        "accession_number": header.accession_number,
        "modalities": header.modality,
    }
    news = {name: value for name, value in said.items() if value and not getattr(study, name)}
    known = study.modalities.split(",") if study.modalities else []
    if header.modality and header.modality not in known:
        news["modalities"] = ",".join(sorted([*known, header.modality]))
    if news:
        for name, value in news.items():
            setattr(study, name, value)
        Study.objects.filter(pk=study.pk).update(**news)
