"""Whose study is this? The one place that answers it, for search answers and headers alike."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sought:
    """Who an archive is asked for, as the asker knows them. Dates are YYYY-MM-DD."""

    nhs_number: str
    family_name: str
    given_names: str
    birth_date: str
    sex: str
    local_numbers: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
