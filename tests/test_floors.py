"""No package below the version that closed its last known hole."""

import re

import pytest
from django.core.management import CommandError, call_command
from packaging.requirements import Requirement
from packaging.version import Version

from mdt.management.commands import check_floors
from mdt.management.commands.check_floors import below_floors, floors

FLOORS = floors()


def asked_for(settings):
    """Package to the oldest version its line in requirements.txt would take."""
    lines = (settings.BASE_DIR / "requirements.txt").read_text().splitlines()
    wanted = (line.split("#")[0].strip() for line in lines)
    requirements = [Requirement(line) for line in wanted if re.match(r"\w", line)]
    return {
        r.name: min((Version(s.version) for s in r.specifier), default=Version("0"))
        for r in requirements
    }


def test_everything_installed_is_at_or_above_its_floor():
    assert below_floors(FLOORS) == []


@pytest.mark.parametrize("package", FLOORS)
def test_the_requirements_would_not_take_less(package, settings):
    assert asked_for(settings)[package] >= Version(FLOORS[package]["at_least"])


def test_an_old_package_is_named_with_its_reason(monkeypatch):
    table = {"pydicom": {"at_least": "999", "because": "a hole"}}
    monkeypatch.setattr(check_floors, "floors", lambda: table)
    with pytest.raises(CommandError, match=r"pydicom .* is below 999: a hole"):
        call_command("check_floors")


def test_what_is_not_installed_has_no_hole():
    assert below_floors({"no-such-package": {"at_least": "1", "because": "-"}}) == []
