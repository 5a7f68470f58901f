"""Whether referral, its words and the studies agree on the side (D24, hazard 2). Pure."""

from collections.abc import Iterable

from imaging.models import Study
from imaging.sides import sides_in, sides_of
from mdt.laterality import ONE_SIDE
from mdt.referrals.models import Referral


def side_warnings(referral: Referral, studies: Iterable[Study]) -> list[str]:
    """In words, where the coded side of a referral meets another side; empty when all agree."""
    said = referral.laterality
    if said not in ONE_SIDE:
        return []
    found = [("its question says", sides_in(referral.question))]
    found += [(f"{_name(study)} says", sides_of_study(study)) for study in studies]
    return [
        f"SIDE: the referral says {said}, {where} {' and '.join(sorted(sides))}."
        for where, sides in found
        if sides and said not in sides
    ]


def sides_of_study(study: Study) -> frozenset[str]:
    """Coded sides of a study and its series; its description's where nothing is coded.

    Reads `series`: prefetch them for lists.
    """
    return sides_of(study, (series.laterality for series in study.series.all()))


def _name(study: Study) -> str:
    kind = study.modalities or "a study"
    return f"{kind} of {study.study_date:%-d %b %Y}" if study.study_date else kind
