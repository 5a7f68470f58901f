import tomllib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from packaging.version import Version


class Command(BaseCommand):
    help = "Hold the installed packages against [tool.lightbox.floors] of pyproject.toml"

    def handle(self, *args: Any, **options: Any) -> None:
        below = below_floors(floors())
        if below:
            raise CommandError("\n".join(below))
        self.stdout.write(f"{len(floors())} floors hold")


def floors() -> dict[str, dict[str, str]]:
    """Package to {at_least, because}: no advisory database answers offline; this is ours."""
    text = (settings.BASE_DIR / "pyproject.toml").read_text()
    table: dict[str, dict[str, str]] = tomllib.loads(text)["tool"]["lightbox"]["floors"]
    return table


def below_floors(table: dict[str, dict[str, str]]) -> list[str]:
    """One line for each package that is older than its floor, with the reason for the floor."""
    found = {package: _installed(package) for package in table}
    return [
        f"{package} {found[package]} is below {floor['at_least']}: {floor['because']}"
        for package, floor in table.items()
        if (have := found[package]) and Version(have) < Version(floor["at_least"])
    ]


def _installed(package: str) -> str:
    """Empty when the package is not here: what is absent has no hole."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
