import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from imaging.identity_numbers import is_nhs_number
from mdt.management.commands.export_protocol import TARGET, render

#: What no file of the project may say, and why. Each pattern is written so as not to meet itself.
FORBIDDEN = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE [K]EY"),
    "an access key": re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36})\b"),
    "a password in a URL": re.compile(
        r"[a-z]+://(?!user:)[^/\s:@{}$]+:[^/\s:@{}$]{6,}@(?!127\.0\.0\.1|db)"
    ),
    "a package registry's address": re.compile(
        r"registry\.npm[j]s|files\.python[h]osted|\bpypi\.[o]rg|yarnpkg\.[c]om"
    ),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(root|home|Users|work)/\w"),
}
NUMBER = re.compile(r"(?<![\w.])(\d{3}) ?(\d{3}) ?(\d{4})(?![\w.])")
#: Nobody's: the worked example of the NHS Data Dictionary, and the ten digits in order.
PUBLISHED = {"9434765919", "0123456789"}


class Command(BaseCommand):
    help = "Look through every file for secrets, hosts and numbers that do not belong in it"

    def handle(self, *args: Any, **options: Any) -> None:
        faults = [fault for path in project_files() for fault in faults_of(path)]
        if (settings.BASE_DIR / TARGET).read_text() != render():
            faults.append(f"{TARGET}: not fresh, run: make protocol")
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write("The tree is clean")


def project_files() -> list[Path]:
    """The files git keeps or would keep, in this order; deleted ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=settings.BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (settings.BASE_DIR / name for name in listed.stdout.split("\0") if name)
    return [path for path in sorted(paths) if path.is_file()]


def faults_of(path: Path) -> Iterator[str]:
    """'file:line: what it says', without saying it again."""
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, start=1):
        for what in faults_in(line):
            yield f"{path.relative_to(settings.BASE_DIR)}:{number}: {what}"


def faults_in(line: str) -> Iterator[str]:
    for what, pattern in FORBIDDEN.items():
        if pattern.search(line):
            yield what
    for groups in NUMBER.findall(line):
        digits = "".join(groups)
        if is_nhs_number(digits) and not digits.startswith("999") and digits not in PUBLISHED:
            yield "an NHS number outside the test range"
