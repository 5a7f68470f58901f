"""Observations that a DiagnosticReport holds, as the lines they are read in. Pure.

As of HL7's results a value stands with its name: "Tumour size: 27 mm".
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

OBSERVATION = "Observation"
SETTLED = frozenset({"final", "amended", "corrected"})
TAKEN_BACK = frozenset({"entered-in-error", "cancelled"})


class Part(BaseModel):
    """Elements we do not read are FHIR too: they are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Coding(Part):
    system: str = ""
    code: str = ""
    display: str = ""


class CodeableConcept(Part):
    coding: list[Coding] = Field(default_factory=list, max_length=50)
    text: str = ""

    @property
    def words(self) -> str:
        named = [one.display for one in self.coding] + [one.code for one in self.coding]
        return self.text or next(filter(None, named), "")


class Pointer(Part):
    reference: str = ""


class Quantity(Part):
    value: Decimal | None = None
    comparator: str = ""
    unit: str = ""
    code: str = ""


class Annotation(Part):
    text: str = ""


class Component(Part):
    """What has a name and a value. Of a kind of value that is not here it has none."""

    model_config = ConfigDict(extra="allow")  # that there is such a value is to be told

    code: CodeableConcept = CodeableConcept()
    valueQuantity: Quantity = Quantity()
    valueCodeableConcept: CodeableConcept = CodeableConcept()
    valueString: str = ""
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    valueDateTime: str = ""
    valueTime: str = ""
    dataAbsentReason: CodeableConcept = CodeableConcept()

    @property
    def line(self) -> str:
        value = self._value or self.dataAbsentReason.words
        return f"{self.code.words}: {value}" if value and self.code.words else value

    @property
    def is_value_read(self) -> bool:
        """Whether no value is stated but the one that stands in the line."""
        named = self.model_fields_set | {*(self.model_extra or {})}
        return sum(name.startswith("value") for name in named) <= bool(self._value)

    @property
    def _value(self) -> str:
        measured, whole = self.valueQuantity, self.valueInteger
        if measured.value is not None:
            number = f"{measured.comparator}{measured.value}"
            return " ".join(filter(None, [number, measured.unit or measured.code]))
        texts = [self.valueCodeableConcept.words, self.valueString]
        texts += [self.valueDateTime, self.valueTime]
        texts += ["" if whole is None else str(whole)]
        texts += ["" if self.valueBoolean is None else "yes" if self.valueBoolean else "no"]
        return next(filter(None, texts), "")


class Observation(Component):
    resourceType: Literal["Observation"]
    id: str = ""
    status: str = ""
    bodySite: CodeableConcept | None = None
    component: list[Component] = Field(default_factory=list, max_length=200)
    hasMember: list[Pointer] = Field(default_factory=list, max_length=200)
    note: list[Annotation] = Field(default_factory=list, max_length=50)

    @property
    def lines(self) -> list[str]:
        own = [line for line in (self.line, *(one.line for one in self.component)) if line]
        return self._sited(own) + [one.text for one in self.note if one.text]

    def _sited(self, own: list[str]) -> list[str]:
        """Each with its site: of two sizes one is the left breast's. A group's is read before
        its members.
        """
        site = self.bodySite.words if self.bodySite else ""
        if site and self.hasMember and not own:
            return [": ".join(filter(None, [self.code.words, site]))]
        return [f"{line} ({site})" if site else line for line in own]

    @property
    def is_whole(self) -> bool:
        """Whether everything of it has become a line: a group's value is its members."""
        parts = all(one.line and one.is_value_read for one in self.component)
        is_sited = self.bodySite is None or bool(self.bodySite.words)
        is_told = bool(self.line or self.component or self.hasMember)
        return parts and is_sited and is_told and self.is_value_read


class Results:
    """The results a report names, and those they name, each once, in their order."""

    def __init__(self, contained: Iterable[dict[str, Any]], named: Iterable[Pointer]) -> None:
        self._left = {
            f"#{one.get('id')}": one for one in contained if one.get("resourceType") == OBSERVATION
        }
        self._read: set[str] = set()
        self.lines: list[str] = []
        self.is_whole = self.is_settled = True
        self._follow(list(named))
        self.is_whole = self.is_whole and not self._left

    def _follow(self, named: list[Pointer]) -> None:
        waiting = list(reversed(named))
        while waiting:
            reference = waiting.pop().reference
            if reference not in self._read:
                self._read.add(reference)
                waiting += reversed(self._take(self._left.pop(reference, None)))

    def _take(self, resource: dict[str, Any] | None) -> list[Pointer]:
        try:
            one = Observation.model_validate(resource)
        except ValidationError:  # elsewhere, or not to be read
            self.is_whole = False
            return []
        if one.status in TAKEN_BACK:
            return []
        self.lines += one.lines
        self.is_whole = self.is_whole and one.is_whole
        self.is_settled = self.is_settled and one.status in SETTLED
        return one.hasMember
