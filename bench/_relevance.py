"""How well the starting rules of relevance agree with the labelled set (tests/imaging/corpus).

`measure()` is of the half that was held back; `python -m bench._relevance` prints both, and the
questions whose studies have reports, and what was chosen or left out against its label.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

HALVES = ("tuning", "held-out", "reports")
Verdict = tuple[bool, bool, str]  # chosen, relevant, what: for people


def measure() -> dict[str, float]:
    """Precision and recall over all studies of the held-back questions."""
    precision, recall = figures(verdicts("held-out"))
    return {"relevance_precision": round(precision, 4), "relevance_recall": round(recall, 4)}


def verdicts(half: str, *, reads: bool = True) -> list[Verdict]:
    """Every study of one half: as the rules chose it, and as it is labelled. `reads`: reports."""
    from tests.imaging.corpus.reading import questions

    asked = [one for one in questions() if one.half == half]
    return [found for one in asked for found in _of_question(one, reads)]


def _of_question(asked: object, reads: bool) -> Iterator[Verdict]:
    from imaging.models import Archive, Study
    from imaging.relevance import choose
    from imaging.relevance_rules import Question
    from mdt.teams.queries import as_value
    from mdt.teams.relevance_defaults import default_rules
    from tests.imaging.corpus.reading import LabelledQuestion

    assert isinstance(asked, LabelledQuestion)  # noqa: S101
    keys = count(1)
    studies = [
        Study(
            pk=(pk := next(keys)),
            archive=Archive(),
            study_instance_uid=f"1.{pk}",
            verdict=Study.Verdict.SAME,
            study_date=one.day,
            modalities=one.modalities,
            body_part=one.body_part,
            description=one.description,
            laterality=one.laterality,
        )
        for one in asked.studies
    ]
    choices = choose(
        studies,
        question=Question(asked.text, asked.side),
        rules=[as_value(rule) for rule in default_rules(asked.mdt_type)],
        now=asked.now,
        texts=_texts(studies, asked.studies) if reads else {},
    )
    for study, label in zip(studies, asked.studies, strict=True):
        choice = choices[study.pk]
        what = f"{asked.pathway}: {asked.text} / {label.day} {label.modalities} {label.body_part}"
        what += f" {label.description!r} ({label.why}): {choice.reason}"
        yield choice.is_chosen, label.is_relevant, what


def _texts(studies: Sequence[Any], labels: Sequence[Any]) -> dict[int, str]:
    told = zip(studies, labels, strict=True)
    return {study.pk: label.report for study, label in told if label.report}


def figures(found: list[Verdict]) -> tuple[float, float]:
    right = sum(chosen and relevant for chosen, relevant, _ in found)
    chosen_in_all = sum(chosen for chosen, _, _ in found)
    relevant_in_all = sum(relevant for _, relevant, _ in found)
    return right / chosen_in_all, right / relevant_in_all


def main() -> None:
    os.environ.setdefault("DEMO", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdt.settings")
    import django

    django.setup()
    for half in HALVES:
        found = verdicts(half)
        precision, recall = figures(found)
        print(f"{half}: {len(found)} studies, precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
        for chosen, relevant, what in found if half != "held-out" else []:
            if chosen != relevant:
                print(f"  {'chosen' if chosen else 'left out'}: {what}")  # noqa: T201


if __name__ == "__main__":
    main()
