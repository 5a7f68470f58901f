"""Why a trust's studies are withheld from a case, in words and codes. Pure."""

from dataclasses import dataclass

from imaging.claims import ISSUER_NOT_KNOWN
from imaging.models import Study
from mdt import access

WORDS_OF_WITHHELD = {
    "objection": "The patient objects to sharing: this trust's studies are withheld.",
    "no-agreement": "No sharing agreement with this trust today: its studies are withheld.",
    "identity": "The identity in the study does not agree with the patient's: it is withheld.",
    "unsure": "Whose a study is must be settled by its imaging team: it is withheld until then.",
    "issuer": "A study's numbers are of an issuer that nobody has set up for its archive: it is "
    "withheld until whoever looks after the archive says whose issuer that is.",
    "gone": "Whose a study is was not settled, and its archive does not list it any more.",
}


@dataclass(frozen=True)
class Withheld:
    """That a trust's studies are withheld and why; never what they are."""

    ods_code: str
    trust: str
    why: access.WhyWithheld
    contact: str = ""
    doubt: str = ""

    @property
    def words(self) -> str:
        return WORDS_OF_WITHHELD[self.doubt or self.why]

    @property
    def code(self) -> str:
        return self.why if self.doubt in ("", "unsure") else self.doubt


def why_unsure(study: Study) -> str:
    """What stands between a doubtful study and its imaging team's word; empty: nothing is open."""
    if study.verdict != Study.Verdict.NEEDS_A_PERSON:
        return ""
    if ISSUER_NOT_KNOWN in study.evidence:
        return "issuer"
    return "gone" if study.code == Study.GONE else "unsure"
