"""Which of the studies found are worth fetching, and which is current and which its prior.

    choices = choose(studies, today=timezone.localdate(), prior_years=2)
    choices[study.pk].is_chosen    # fetch it for the meeting
    choices[study.pk].reason       # why, or why not, in words for the list: no patient data
    choices[study.pk].role         # "current", "prior" or ""

Give `choose` every study of one search, whatever its state; it reads no database and is asked
again, cheaply, whenever a study changed (headers that came later say more than a search answer).
What a person chose or refused by hand stands over it: the caller keeps such rows as they are.

The rule, newest first:

1. a study whose identity is not settled is never chosen;
2. a study that two archives hold is chosen once, from the one that holds more of it here;
3. of the studies within `prior_years` the newest of each kind (same modality, a body part in
   common) is chosen as *current*, the older ones as its *priors*;
4. when nothing is that young, the newest study there is stands for all.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from imaging.models import Study

Role = Literal["current", "prior", ""]

# What a study is mainly, most telling first: a PET/CT is a PET, a CT with a screen shot a CT.
MODALITIES = ("PT", "NM", "MR", "CT", "XA", "RF", "MG", "US", "DX", "SM", "GM", "ES", "XC", "OP")
SAME_MODALITY = {"CR": "DX", "PX": "DX", "RG": "DX", "MA": "MR", "MS": "MR", "ST": "NM"}
# fmt: off
HOLD_NO_PICTURES = frozenset({
    "SR", "PR", "KO", "DOC", "SEG", "REG", "RWV", "FID", "PLAN", "AU", "ECG", "HD",
    "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD",
})
# fmt: on
BODY_PARTS = {
    "head": "HEAD BRAIN SKULL CRANIUM CRANIAL CEREBRAL ORBIT ORBITS IAM IAMS PITUITARY HEADNECK",
    "neck": "NECK LARYNX PHARYNX THYROID CAROTID",
    "chest": "CHEST THORAX LUNG LUNGS THORACIC HEART MEDIASTINUM",
    "abdomen": "ABDOMEN ABDO LIVER KIDNEY KIDNEYS PANCREAS MRCP BILIARY RENAL",
    "pelvis": "PELVIS PROSTATE BLADDER RECTUM UTERUS CERVIX",
    "spine": "SPINE CSPINE TSPINE LSPINE LUMBAR CERVICAL",
    "breast": "BREAST MAMMOGRAM MAMMOGRAPHY",
    "limb": "ANKLE FOOT KNEE HIP FEMUR TIBIA HAND WRIST ELBOW SHOULDER HUMERUS ARM LEG",
}
PART_OF_WORD = {word: part for part, words in BODY_PARTS.items() for word in words.split()}


@dataclass(frozen=True)
class Choice:
    """Whether a study is worth fetching, why in words, and its part beside the others."""

    is_chosen: bool
    reason: str
    role: Role = ""


def choose(studies: Iterable["Study"], *, today: date, prior_years: int) -> dict[int, Choice]:
    """For every one of `studies` (of one patient) a Choice, by primary key. See the module."""
    choices: dict[int, Choice] = {}
    candidates: list[Study] = []
    for study in _newest_first(studies):
        if refusal := _why_not(study, candidates):
            choices[study.pk] = Choice(False, refusal)
        else:
            candidates.append(study)
    return choices | _choose_among(candidates, _years_before(today, prior_years), prior_years)


def current_and_prior(studies: Iterable["Study"]) -> tuple["Study | None", "Study | None"]:
    """The two studies to lay side by side: a current one and the newest before it of its kind.

    Of several kinds the one that has a prior comes first, then the newest. `studies` are
    those chosen, by rule or by hand.
    """
    newest_first = _newest_first(studies)
    pairs = [(study, _newest_prior(study, newest_first)) for study in newest_first]
    with_prior = [(study, prior) for study, prior in pairs if prior]
    return (with_prior or pairs or [(None, None)])[0]


def is_same_kind(one: "Study", other: "Study") -> bool:
    """Whether two studies can be compared side by side: modality, and a body part in common."""
    ones, others = body_parts_of(one), body_parts_of(other)
    share_a_part = bool(ones & others) or not (ones or others)
    return _modality(one) == _modality(other) and share_a_part


def body_parts_of(study: "Study") -> frozenset[str]:
    """Body parts that Body Part Examined names, else the description; empty: not stated."""
    for text in (study.body_part, study.description):
        words = re.findall(r"[A-Z]+", text.upper())
        if parts := frozenset(PART_OF_WORD[word] for word in words if word in PART_OF_WORD):
            return parts
    return frozenset()


def _choose_among(
    candidates: Sequence["Study"], oldest: date, prior_years: int
) -> dict[int, Choice]:
    young = [study for study in candidates if study.study_date and study.study_date >= oldest]
    if not young and candidates:
        young = [candidates[0]]
    span = f"last {prior_years} years" if prior_years != 1 else "last year"
    return {study.pk: _choice(study, young, span) for study in candidates}


def _choice(study: "Study", young: Sequence["Study"], span: str) -> Choice:
    """The choice for one study among the `young` ones, newest first."""
    if study not in young:
        return Choice(False, f"not in the {span}" if study.study_date else "date not stated")
    if not any(is_same_kind(study, newer) for newer in young[: young.index(study)]):
        return Choice(True, "newest of its kind", "current")
    return Choice(True, f"same {'body part' if body_parts_of(study) else 'kind'}, {span}", "prior")


def _newest_prior(study: "Study", newest_first: Sequence["Study"]) -> "Study | None":
    older = newest_first[newest_first.index(study) + 1 :]
    return next((other for other in older if is_same_kind(study, other)), None)


def _why_not(study: "Study", chosen_so_far: Sequence["Study"]) -> str:
    """Why a study is out of the question; empty when it is not."""
    if study.state == study.State.WITHHELD or study.verdict == study.Verdict.DIFFERENT:
        return "identity does not agree"
    if study.verdict != study.Verdict.SAME:
        return "identity needs a person"
    if not _modality(study) and study.modalities:
        return "holds no pictures"
    if any(study.study_instance_uid == other.study_instance_uid for other in chosen_so_far):
        return "the same study from another archive"
    return ""


def _newest_first(studies: Iterable["Study"]) -> "list[Study]":
    """Newest first; the same study twice: the copy that is more here first."""
    return sorted(studies, key=_age, reverse=True)


def _age(study: "Study") -> tuple[date, time, str, int, int, int]:
    return (
        study.study_date or date.min,
        study.study_time or time.min,
        study.study_instance_uid,
        study.stored_count,
        study.expected_count or 0,
        -study.pk,
    )


def _modality(study: "Study") -> str:
    codes = {SAME_MODALITY.get(code, code) for code in study.modalities.split(",") if code}
    pictures = sorted(codes - HOLD_NO_PICTURES)
    telling = [code for code in MODALITIES if code in pictures]
    return (telling or pictures or [""])[0]


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
