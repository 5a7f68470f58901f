"""What an archive is asked for one person: every number that is known, then a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from imaging.archives.base import Question
from imaging.identity import NO_BIRTH_DATES, Sought, family_name_begins
from imaging.identity_numbers import PATIENT_ID, Source
from imaging.models import Archive, ArchiveAnswer


@dataclass(frozen=True)
class Asked:
    """How one archive is asked. `trusts` are those whose own numbers it may be asked by.

    A folder is asked by every number, for it looks for them in every place; of uploads, `brought`
    are the folders of those that were brought for this search.
    """

    trusts: frozenset[str]
    is_folder: bool = False
    brought: tuple[str, ...] = ()

    @classmethod
    def by(cls, answer: ArchiveAnswer, source: Source) -> Self:
        archive, may_ask = answer.archive, answer.trusts
        brought: tuple[str, ...] = ()
        if archive.takes_uploads:
            uploads = answer.search.uploads.filter(archive=archive)
            brought = tuple(uploads.order_by("pk").values_list("public_id", flat=True))
        return cls(
            trusts=source.trusts if may_ask is None else source.trusts & {*may_ask},
            is_folder=archive.kind == Archive.Kind.FOLDER,
            brought=brought,
        )


def by_number(sought: Sought, source: Source, asked: Asked) -> list[Question]:
    """All of these are asked: each number may have studies of its own."""
    if asked.brought:  # whatever they say of themselves: they were brought for this person
        return [Question(brought=asked.brought)]
    return [
        Question(patient_id=number) for number in dict.fromkeys(_numbers(sought, source, asked))
    ]


def by_name(sought: Sought) -> Question | None:
    """Asked where no number has recognised anybody. None: nothing narrows it to a few.

    Archives match names letter by letter, with or without their accents. Where the first letter
    has one, only the birth date is asked for, and the names are compared here.
    """
    begins = family_name_begins(sought)
    is_known = sought.birth_date and sought.birth_date not in NO_BIRTH_DATES
    if not sought.birth_date or not (begins or is_known):
        return None
    return Question(family_name_begins=begins, birth_date=sought.birth_date)


def _numbers(sought: Sought, source: Source, asked: Asked) -> Iterator[str]:
    if asked.is_folder or source.nhs_number_in == PATIENT_ID:
        yield from filter(None, (sought.nhs_number, *sought.superseded_nhs_numbers))
    for trust in sorted(asked.trusts):
        counts = filter(None, [sought.local_numbers.get(trust)])
        for number in (*counts, *sought.superseded_local_numbers.get(trust, ())):
            yield source.patient_id_prefix + number.removeprefix(source.patient_id_prefix)
