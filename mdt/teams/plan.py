"""The file that says who is in which team (docs/set-up.md), parsed: TOML in, a checked plan out.

Nothing here asks the database. What a plan means for the rows is for set_up.py.
"""

import tomllib
from datetime import date
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from imaging.body_parts import PARTS
from imaging.relevance_rules import ASKED, OF_PICTURES
from mdt.errors import MdtError
from mdt.members import Role
from mdt.teams.models import Duty, Specialty

TrustCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,5}$")]
SiteCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{5,9}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
UserName = Annotated[str, StringConstraints(pattern=r"^[\w.@+-]{1,150}$")]


class BadPlan(MdtError):
    """The file cannot be understood; the message says where and why, for who wrote it."""

    code = "set_up.bad_plan"


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FromTo(Entry):
    """From a day to a day; both count, and no last day means until it is changed."""

    starts: date = Field(alias="from")
    ends: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends and self.ends < self.starts:
            raise ValueError("`to` is before `from`")
        return self


class PlannedTrust(Entry):
    ods_code: TrustCode
    name: Words
    imaging_contact: str = ""
    is_data_only: bool = False
    sites: dict[SiteCode, Words] = {}


class PlannedAgreement(FromTo):
    holder: TrustCode
    receiver: TrustCode
    reference: Words


class PlannedPerson(Entry):
    username: UserName
    title: str = Field(default="", max_length=20)
    first_name: Words
    last_name: Words
    trust: TrustCode
    may_sign_in: bool = True


class PlannedMember(FromTo):
    username: UserName
    role: Annotated[Role, Field(strict=False)]
    specialty: Annotated[Specialty, Field(strict=False)] | None = None


class PlannedRule(Entry):
    """One rule of which studies matter, as RelevanceRule has it; lists instead of commas."""

    modalities: list[Words] = []
    body_parts: list[Words] = []
    question_words: list[Words] = []
    description_words: list[Words] = []
    years: int | None = Field(default=None, ge=0, le=125)
    at_most: int | None = Field(default=None, ge=1, le=1000)
    keeps_oldest: bool = False
    minds_side: bool = False
    leaves_out: bool = False

    @model_validator(mode="after")
    def _names_modalities_of_pictures(self) -> Self:
        """A rule for another would never take anything, and say that it does."""
        unknown = sorted({code.upper() for code in self.modalities} - OF_PICTURES)
        if unknown:
            raise ValueError(f"no such modality of pictures: {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _names_known_parts(self) -> Self:
        unknown = sorted({*self.body_parts} - PARTS - {ASKED})
        if unknown:
            raise ValueError(f"no such body part: {', '.join(unknown)}")
        return self


class PlannedTeam(Entry):
    name: Words
    mdt_type: Annotated[str, StringConstraints(pattern=r"^\d{2,4}$")]
    site: SiteCode
    asks: list[TrustCode]
    quorum: dict[Annotated[Specialty, Field(strict=False)], Annotated[int, Field(ge=1, le=20)]] = {}
    members: list[PlannedMember] = Field(default=[], alias="member")
    rules: list[PlannedRule] = Field(default=[], alias="rule")


class PlannedDuty(FromTo):
    username: UserName
    trust: TrustCode
    kind: Annotated[Duty.Kind, Field(strict=False)]


class Plan(Entry):
    trusts: list[PlannedTrust] = Field(default=[], alias="trust")
    agreements: list[PlannedAgreement] = Field(default=[], alias="agreement")
    people: list[PlannedPerson] = Field(default=[], alias="person")
    teams: list[PlannedTeam] = Field(default=[], alias="team")
    duties: list[PlannedDuty] = Field(default=[], alias="duty")


def parse(text: str) -> Plan:
    """Raises BadPlan, which names each place that is wrong."""
    try:
        return Plan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadPlan(f"The file is no TOML: {error}") from error
    except ValidationError as error:
        raise BadPlan("\n".join(map(_said, error.errors()))) from error


def _said(fault: object) -> str:
    """'team 1, member 2, role: Input should be ...', places counted from 1."""
    assert isinstance(fault, dict)  # noqa: S101  pydantic's ErrorDetails
    place = [str(one + 1) if isinstance(one, int) else str(one) for one in fault["loc"]]
    return f"{' '.join(place) or 'the file'}: {fault['msg']}"
