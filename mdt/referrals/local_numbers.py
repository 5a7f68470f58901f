"""Numbers that trusts give their own patients: each means nothing without its trust."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class LocalNumber:
    """One number, by the ODS code of the trust that gave it, and whether it still counts there."""

    trust: str
    value: str
    is_superseded: bool = False
