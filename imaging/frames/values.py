"""Reading single attributes of a stranger's data set: the value, or nothing, never an exception."""

import math
import re
from collections.abc import Sequence
from datetime import date, time
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

DATE = re.compile(r"(\d{4})[.-]?(\d\d)[.-]?(\d\d)")
TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?")
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an attribute; None when it is absent, empty or unreadable."""
    try:
        found = dataset.get(keyword)
    except Exception:  # pydicom converts lazily and raises whatever a bad value brings about
        return None
    return None if found is None or found == "" else found


def text(dataset: Dataset, keyword: str, longest: int = 1000) -> str:
    """As text without control characters, at most `longest` long; several values by a backslash."""
    found = value(dataset, keyword)
    if found is None:
        return ""
    parts = found if isinstance(found, MultiValue | list) else [found]
    return CONTROL.sub("", "\\".join(str(part) for part in parts)).strip()[:longest]


def uid(dataset: Dataset, keyword: str) -> str:
    """A UID that is one, else empty (DICOM PS3.5 9.1; leading zeros are let pass)."""
    found = text(dataset, keyword)
    return found if len(found) <= 64 and UID.fullmatch(found) else ""


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Every value as a finite number; empty when one of them is not."""
    found = value(dataset, keyword)
    several = found if isinstance(found, MultiValue | list) else [found]
    try:
        converted = [float(one) for one in several if one is not None]
    except (TypeError, ValueError, OverflowError):
        return []
    return converted if all(map(math.isfinite, converted)) else []


def whole(dataset: Dataset, keyword: str) -> int | None:
    """The first value as a whole number that fits 32 bits."""
    found = number(dataset, keyword)
    return int(found) if found is not None and abs(found) < 2**31 else None


def iso_date(dataset: Dataset, keyword: str) -> str:
    """YYYY-MM-DD, or empty when it is no date."""
    match = DATE.fullmatch(text(dataset, keyword))
    try:
        return date(*map(int, match.groups())).isoformat() if match else ""
    except ValueError:
        return ""


def iso_time(dataset: Dataset, keyword: str) -> str:
    """HH:MM:SS, or empty when it is no time."""
    match = TIME.match(text(dataset, keyword))
    try:
        hour, minute, second = (int(part or 0) for part in match.groups()) if match else (24, 0, 0)
        return time(hour, minute, second).isoformat()
    except ValueError:
        return ""


def items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence; none when it is absent or no sequence."""
    found = value(dataset, keyword)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [item for item in found if isinstance(item, Dataset)]


def item(dataset: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence, or an empty one."""
    return next(iter(items(dataset, keyword)), Dataset())
